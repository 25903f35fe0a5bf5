// SPDX-License-Identifier: Apache-2.0

#include "release/level.h"

#include <ctype.h>
#include <stdio.h>

enum {
	BEHIND_MAX = 99,
	YEAR_MIN = 2000,
	YEAR_MAX = 2999,
};

/** Read so many digits at most, and at least one. Moves behind them. */
static bool
read_digits(const char **at, int least, int most, unsigned *ret)
{
	int count = 0;

	for (*ret = 0; isdigit((unsigned char)**at); (*at)++) {
		if (++count > most)
			return false;
		*ret = *ret * 10 + (unsigned)(**at - '0');
	}
	return count >= least;
}

bool
graft_level_read(const char *word, graft_level *ret)
{
	unsigned year;
	unsigned month;
	unsigned behind = 0;

	if (!read_digits(&word, 4, 4, &year) || *word++ != '-' ||
	    !read_digits(&word, 2, 2, &month))
		return false;
	if (*word == '.') {
		word++;
		// "2026-10.01" is not another way to write one.
		if (*word == '0' || !read_digits(&word, 1, 2, &behind))
			return false;
	}
	if (*word || year < YEAR_MIN || year > YEAR_MAX || month < 1 ||
	    month > 12 || behind > BEHIND_MAX)
		return false;
	*ret = (year * 100 + month) * 100 + behind;
	return true;
}

struct graft_level_text
graft_level_write(graft_level level)
{
	struct graft_level_text text = { "unknown" };
	unsigned month = level / 100;

	if (level && level % 100)
		(void)snprintf(text.str, sizeof(text.str), "%04u-%02u.%u",
			       month / 100 % 10000, month % 100, level % 100);
	else if (level)
		(void)snprintf(text.str, sizeof(text.str), "%04u-%02u",
			       month / 100 % 10000, month % 100);
	return text;
}
