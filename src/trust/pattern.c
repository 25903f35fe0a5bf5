// SPDX-License-Identifier: Apache-2.0

#include "trust/pattern.h"

#include <stddef.h>

/** Get what stands behind a character: it may be of several bytes. */
static const char *
behind(const char *at)
{
	at++;
	while (((unsigned char)*at & 0xc0) == 0x80)
		at++;
	return at;
}

bool
graft_pattern_match(const char *pattern, const char *path)
{
	// Where to go on if what was tried fails: the last '*' takes one byte more. An
	// earlier one need not: what the last one can reach it reaches, up to a '/'.
	const char *star = NULL;
	const char *taken = NULL;

	while (*path) {
		if (*pattern == '*') {
			star = ++pattern;
			taken = path;
		} else if (*pattern == '?' && *path != '/') {
			pattern++;
			path = behind(path);
		} else if (*pattern && *pattern != '?' && *pattern == *path) {
			// Behind a '/' that matched no '*' before it can help.
			if (*path == '/')
				star = NULL;
			pattern++;
			path++;
		} else if (star && *taken != '/') {
			pattern = star;
			path = ++taken;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
