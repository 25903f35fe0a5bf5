// SPDX-License-Identifier: Apache-2.0

#include "trust/instant.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

enum {
	DAY_S = 24 * 60 * 60,
};

#define INSTANT_MIN ((int64_t)-62167219200)
#define INSTANT_MAX ((int64_t)253402300799)

/** Take digits, and the character behind them. */
static bool
take(const char **at, int digits, char behind, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = 10 * value + (**at - '0');
	}
	if (behind && *(*at)++ != behind)
		return false;
	*ret = value;
	return true;
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/** Count the days from 1970 to a day of the Gregorian calendar. */
static int64_t
day_number(int year, int month, int day)
{
	// Years begin in March here, so that the leap day is their last.
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day -
			  1;
	int64_t all = of_era * 365 + of_era / 4 - of_era / 100 + of_year;

	return era * 146097 + all - 719468;
}

bool
graft_instant_parse(const char *text, int64_t *ret)
{
	int year;
	int month;
	int day;
	int hour;
	int minute;
	int second;

	if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) ||
	    !take(&text, 2, 'T', &day) || !take(&text, 2, ':', &hour) ||
	    !take(&text, 2, ':', &minute) || !take(&text, 2, '\0', &second))
		return false;
	if (*text == '.') {
		if (text[1] < '0' || text[1] > '9')
			return false;
		for (text++; *text >= '0' && *text <= '9';)
			text++;
	}
	// A leap second is none: Unix time knows no such second.
	if (text[0] != 'Z' || text[1] || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	*ret = day_number(year, month, day) * DAY_S + hour * 3600 +
	       minute * 60 + second;
	return true;
}

void
graft_instant_print(int64_t instant, char ret[GRAFT_INSTANT_LEN])
{
	struct tm tm;
	time_t seconds = instant < INSTANT_MIN   ? INSTANT_MIN
			 : instant > INSTANT_MAX ? INSTANT_MAX
						 : instant;

	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(ret, GRAFT_INSTANT_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
		ret[0] = '\0';
}
