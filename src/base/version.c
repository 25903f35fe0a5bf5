// SPDX-License-Identifier: Apache-2.0

#include "base/version.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_of_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr(".+~:/-", c));
}

static size_t
word_len(const char *at)
{
	size_t len = 0;

	while (is_of_word(at[len]))
		len++;
	return len;
}

/** "1.20-1+b2": begins with a digit, and has a dot, a dash, and a plus or tilde
 * that only packages have. */
static bool
is_version(const char *at, size_t len)
{
	return is_digit(at[0]) && memchr(at, '.', len) &&
	       memchr(at, '-', len) &&
	       (memchr(at, '+', len) || memchr(at, '~', len)) &&
	       !memchr(at, '/', len);
}

/** "2025/10/03" or "2025-10-03". */
static bool
is_date(const char *at, size_t len)
{
	if (len != 10 || at[4] != at[7] || (at[4] != '/' && at[4] != '-') ||
	    (at[0] != '1' && at[0] != '2'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (i != 4 && i != 7 && !is_digit(at[i]))
			return false;
	}
	return true;
}

enum {
	/** Digits of nanoseconds since 1970, and of those within a second. */
	STAMP_LEN = 19,
	SECOND_LEN = 9,
};

/** "1778644800000000000": a whole second between 2001 and 2064, told in nanoseconds
 * as builds that can be repeated do. */
static bool
ends_in_stamp(const char *at, size_t len)
{
	if (len < STAMP_LEN)
		return false;
	at += len - STAMP_LEN;
	for (size_t i = 0; i < STAMP_LEN; i++) {
		if (!is_digit(at[i]) ||
		    (i >= STAMP_LEN - SECOND_LEN && at[i] != '0'))
			return false;
	}
	return at[0] == '1' || at[0] == '2';
}

/** Do two words differ in such a time only? */
static bool
only_stamps_differ(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && ends_in_stamp(a, a_len) &&
	       ends_in_stamp(b, b_len) && memcmp(a, b, a_len - STAMP_LEN) == 0;
}

bool
graft_version_only_differs(const char *a, const char *b)
{
	while (*a || *b) {
		size_t a_len = word_len(a);
		size_t b_len = word_len(b);
		bool same = a_len == b_len && memcmp(a, b, a_len) == 0;
		if (!same && !(is_version(a, a_len) && is_version(b, b_len)) &&
		    !(is_date(a, a_len) && is_date(b, b_len)) &&
		    !only_stamps_differ(a, a_len, b, b_len))
			return false;
		a += a_len;
		b += b_len;
		if (*a != *b)
			return false;
		if (*a) {
			a++;
			b++;
		}
	}
	return true;
}

bool
graft_version_is_upstream(const char *text, const char *version)
{
	const char *revision = version ? strrchr(version, '-') : NULL;
	int dots = 0;

	if (!revision || !isdigit((unsigned char)*version))
		return false;
	for (const char *at = version; at < revision; at++)
		dots += *at == '.';
	return dots >= 2 && strlen(text) == (size_t)(revision - version) &&
	       strncmp(text, version, strlen(text)) == 0;
}
