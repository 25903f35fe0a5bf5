// SPDX-License-Identifier: Apache-2.0

/** @file Strings that somebody else chose, in JSON. */

#ifndef GRAFT_REPORT_QUOTE_H
#define GRAFT_REPORT_QUOTE_H

#include <stdbool.h>

struct cJSON;

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

#endif /* GRAFT_REPORT_QUOTE_H */
