// SPDX-License-Identifier: Apache-2.0

#include "base/deb_version.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/** The rank of a character: '~' before the end, letters before all else. */
static int
rank(const char *at, const char *end)
{
	if (at == end || isdigit((unsigned char)*at))
		return 0;
	if (*at == '~')
		return -1;
	return isalpha((unsigned char)*at) ? (unsigned char)*at
					   : (unsigned char)*at + 256;
}

/** Compare two parts: runs of other characters and of digits in turn. */
static int
compare_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		while ((a < a_end && !isdigit((unsigned char)*a)) ||
		       (b < b_end && !isdigit((unsigned char)*b))) {
			int order = rank(a, a_end) - rank(b, b_end);
			if (order)
				return order;
			a++;
			b++;
		}
		while (a < a_end && *a == '0')
			a++;
		while (b < b_end && *b == '0')
			b++;
		int first = 0;
		while (a < a_end && b < b_end && isdigit((unsigned char)*a) &&
		       isdigit((unsigned char)*b)) {
			if (!first)
				first = *a - *b;
			a++;
			b++;
		}
		if (a < a_end && isdigit((unsigned char)*a))
			return 1;
		if (b < b_end && isdigit((unsigned char)*b))
			return -1;
		if (first)
			return first;
	}
	return 0;
}

static unsigned long
take_epoch(const char **version)
{
	const char *colon = strchr(*version, ':');
	unsigned long epoch = colon ? strtoul(*version, NULL, 10) : 0;

	if (colon)
		*version = colon + 1;
	return epoch;
}

int
graft_deb_version_compare(const char *a, const char *b)
{
	unsigned long a_epoch = take_epoch(&a);
	unsigned long b_epoch = take_epoch(&b);

	if (a_epoch != b_epoch)
		return a_epoch < b_epoch ? -1 : 1;
	const char *a_end = a + strlen(a);
	const char *b_end = b + strlen(b);
	const char *a_dash = strrchr(a, '-');
	const char *b_dash = strrchr(b, '-');
	int order = compare_part(a, a_dash ? a_dash : a_end, b,
				 b_dash ? b_dash : b_end);
	return order ? order
		     : compare_part(a_dash ? a_dash + 1 : a_end, a_end,
				    b_dash ? b_dash + 1 : b_end, b_end);
}

bool
graft_deb_version_satisfies(const char *version, const char *relation,
			    const char *wanted)
{
	int order = graft_deb_version_compare(version, wanted);

	if (strcmp(relation, "=") == 0)
		return order == 0;
	if (strcmp(relation, "<<") == 0)
		return order < 0;
	if (strcmp(relation, "<=") == 0)
		return order <= 0;
	if (strcmp(relation, ">>") == 0)
		return order > 0;
	return strcmp(relation, ">=") == 0 && order >= 0;
}
