// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What is said over the socket of graftd: one line of JSON there, one back.
 *
 *     {"verb":"status"}
 *     {"verb":"release","id":"0123456789abcdef0123456789abcdef"}
 *
 * An answer is the object that the verb has, or one with the member "error".
 */

#ifndef GRAFT_AGENT_REQUEST_H
#define GRAFT_AGENT_REQUEST_H

#include "base/error.h"
#include "base/text.h"
#include "ledger/quarantine.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	/** Bytes of a request, with its newline. */
	GRAFT_REQUEST_MAX = 1024,
	/** Bytes of an answer. */
	GRAFT_REQUEST_ANSWER_MAX = 256 * 1024,
};

/** What is asked for. */
enum graft_request_verb {
	GRAFT_REQUEST_STATUS,
	GRAFT_REQUEST_METRICS,
	GRAFT_REQUEST_SYNC,
	GRAFT_REQUEST_PAUSE,
	GRAFT_REQUEST_RESUME,
	GRAFT_REQUEST_RELEASE,
	GRAFT_REQUEST_COUNT,
};

/** A request. */
struct graft_request {
	enum graft_request_verb verb;
	/** Of #GRAFT_REQUEST_RELEASE; else "". */
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
};

/** Get the word for a verb. Static. */
const char *
graft_request_name(enum graft_request_verb verb);

/** Find a verb by its word. @return false: there is none. */
bool
graft_request_find(const char *name, enum graft_request_verb *ret);

/** Say whether a verb changes something: root alone may ask for it. */
bool
graft_request_changes(enum graft_request_verb verb);

/**
 * Decode a line.
 *
 * @param[in] line Untrusted, @p len bytes, with or without its newline.
 * @param[out] ret Filled.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_request_parse(const char *line, size_t len, struct graft_request *ret);

/** Append the line of a request. */
GRAFT_MUST_CHECK struct graft_error *
graft_request_print(const struct graft_request *request,
		    struct graft_text *text);

/** Append the answer that says what is wrong. @param[in] err Borrowed. */
GRAFT_MUST_CHECK struct graft_error *
graft_request_print_error(const struct graft_error *err,
			  struct graft_text *text);

#endif /* GRAFT_AGENT_REQUEST_H */
