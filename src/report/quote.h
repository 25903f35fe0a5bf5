// SPDX-License-Identifier: Apache-2.0

/** @file JSON: strings that somebody else chose, and what is made of an object. */

#ifndef GRAFT_REPORT_QUOTE_H
#define GRAFT_REPORT_QUOTE_H

#include "base/error.h"

#include <stdbool.h>

struct cJSON;
struct graft_text;

/**
 * Add a string to a JSON object as graft_text_put_safe() writes it.
 *
 * cJSON passes bytes through as they are: one name of a process that is no UTF-8
 * would make the whole answer something that no parser takes.
 *
 * @param[in,out] object Gets the member.
 * @param[in] name Name of the member.
 * @param[in] str Untrusted: a path, a name from a file or a process, an error.
 * @return false: out of memory.
 */
bool
graft_report_add_string(struct cJSON *object, const char *name,
			const char *str);

/**
 * Append a JSON object and a newline to a text.
 *
 * @param[in] root Taken: it is freed, on error too. May be NULL.
 * @param[in] whole Nothing of it is missing for want of memory.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_report_take_json(struct cJSON *root, bool whole, struct graft_text *text);

#endif /* GRAFT_REPORT_QUOTE_H */
