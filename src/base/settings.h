// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Files of settings: lines of `key = value`, read strictly.
 *
 * A line is blank, a comment that begins with '#', or a key, '=' and a value; blanks
 * around each do not count. What a key means is the caller's affair; what is wrong is said
 * with file and line, and of a key that is not known which one it is nearest to.
 */

#ifndef GRAFT_BASE_SETTINGS_H
#define GRAFT_BASE_SETTINGS_H

#include "base/error.h"

#include <stddef.h>

enum {
	/** A file longer than this is none of settings. */
	GRAFT_SETTINGS_BYTES_MAX = 64 * 1024,
	/** Longest key and value, without the NUL. */
	GRAFT_SETTING_KEY_MAX = 31,
	GRAFT_SETTING_VALUE_MAX = 4095,
};

/** One line. Lent for the call. */
struct graft_setting {
	/** Of the file, for errors. */
	const char *file;
	/** From 1. */
	size_t line;
	/** Untrusted, but UTF-8 without control characters. */
	char key[GRAFT_SETTING_KEY_MAX + 1];
	/** The same; never empty. */
	char value[GRAFT_SETTING_VALUE_MAX + 1];
};

/** Told of each line that sets something. */
typedef struct graft_error *
graft_setting_fn(void *arg, const struct graft_setting *setting);

/**
 * Go over the settings of a text.
 *
 * @param[in] text Untrusted, of @p len bytes.
 * @param[in] file What errors call it.
 * @param[in] fn Called for each, in order.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the line; what @p fn
 * returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_settings_each(const char *text, size_t len, const char *file,
		    graft_setting_fn *fn, void *arg);

/** Make an error of a setting: "FILE: line N: ...". */
GRAFT_PRINTF(2)
GRAFT_MUST_CHECK struct graft_error *
graft_setting_wrong(const struct graft_setting *setting, const char *fmt, ...);

/**
 * Make the error of a key that is not known.
 *
 * @param[in] known The keys that are, @p count of them; the nearest is named.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_setting_unknown(const struct graft_setting *setting,
		      const char *const *known, size_t count);

/**
 * Find the word that is nearest to another one: it begins with it, or the fewest
 * letters are to be changed, added or left out.
 *
 * @param[in] count At least 1.
 */
const char *
graft_nearest_word(const char *word, const char *const *words, size_t count);

#endif /* GRAFT_BASE_SETTINGS_H */
