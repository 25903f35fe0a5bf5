// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * How a verb says that it failed: one line on standard error, and for who asked for
 * JSON an object with the key "error" on standard output too.
 */

#ifndef GRAFT_CMD_FAILURE_H
#define GRAFT_CMD_FAILURE_H

#include "base/error.h"

#include <stdbool.h>

struct cJSON;

/** What a wrong command line is called in JSON, beside the names of errors.def. */
#define GRAFT_FAILURE_USAGE "usage"

/**
 * Print an error in one line on standard error, whatever names it holds.
 *
 * @param[in] verb Name of the verb.
 */
void
graft_failure_say(const char *verb, const struct graft_error *err);

/**
 * Add the member "error" to a JSON object: code, message, exit status, and "help" where it
 * is known what would help (cmd/remedy.h).
 *
 * @param[in,out] object Gets the member.
 * @param[in] status Exit status that goes with it.
 * @return false: out of memory.
 */
bool
graft_failure_add(struct cJSON *object, const struct graft_error *err,
		  int status);

/**
 * Print an object with "error" alone on standard output, if the command line asks
 * for JSON; nothing otherwise.
 *
 * @param[in] argv The command line as it was typed, also where it is wrong; NULL ends it.
 * @param[in] code Wire name of the error.
 * @param[in] message Untrusted.
 * @param[in] status Exit status.
 */
void
graft_failure_print_json(char *const *argv, const char *code,
			 const char *message, int status);

#endif /* GRAFT_CMD_FAILURE_H */
