// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A string that grows.
 *
 * Like a cursor it fails once and stays failed: append without looking, and ask
 * at the end, with graft_text_take(), whether there was memory for all of it.
 *
 *     GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
 *     graft_text_printf(&text, "pid %d", pid);
 *     err = graft_text_take(&text, &ret);
 */

#ifndef GRAFT_BASE_TEXT_H
#define GRAFT_BASE_TEXT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/** A growing string. All zeroes is the empty one. */
struct graft_text {
	/** NUL-terminated; NULL while nothing was appended. */
	char *str;
	/** Bytes without the NUL. */
	size_t len;
	/** Bytes allocated. */
	size_t room;
	/** Some bytes could not be appended: no memory. */
	bool failed;
};

/** Free what a text owns, and make it empty. Also its guard. */
void
graft_text_deinit(struct graft_text *text);

/** Append formatted text. */
GRAFT_PRINTF(2)
void
graft_text_printf(struct graft_text *text, const char *fmt, ...);

/** Append a string. */
void
graft_text_put(struct graft_text *text, const char *str);

/**
 * Append bytes.
 *
 * @param[in] bytes May hold NULs.
 * @param[in] len Number of bytes. 0 is allowed.
 */
void
graft_text_put_bytes(struct graft_text *text, const void *bytes, size_t len);

/**
 * Append a string so that it stays one line on a terminal: control characters
 * and bytes that are not UTF-8 text become `\xNN`.
 *
 * @param[in] str Untrusted: a path, a name from a file or a process.
 */
void
graft_text_put_safe(struct graft_text *text, const char *str);

/** Get what was appended so far; "" if nothing. Valid until the next append. */
const char *
graft_text_str(const struct graft_text *text);

/**
 * Take the string out; the text is empty afterwards, also on error.
 *
 * @param[out] ret String that the caller frees; never NULL.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY if any append failed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_text_take(struct graft_text *text, char **ret);

#endif /* GRAFT_BASE_TEXT_H */
