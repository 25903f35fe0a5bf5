// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * An object of untrusted JSON whose members are taken in their one order.
 *
 * What is wrong first is kept in the object; after it everything that is taken is
 * NULL or 0, so that only the end need be asked. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_JSON_H
#define GRAFT_PATCH_JSON_H

#include "base/error.h"
#include "patch/patch.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The members of an object, to be taken in their order. */
struct graft_json {
	const cJSON *next;
	/** First thing that was wrong; later ones are not looked at. */
	struct graft_error *err;
};

/** Say what is wrong with a member, if nothing was wrong before. */
void
graft_json_bad(struct graft_json *o, const char *key, const char *what);

/** Say that there is no memory, if nothing was wrong before. */
void
graft_json_no_memory(struct graft_json *o);

/** Say whether the next member has this key. */
bool
graft_json_has(const struct graft_json *o, const char *key);

/**
 * Take the value of the next member, which must have this key.
 *
 * @return Borrowed from the JSON; NULL if it is another.
 */
const cJSON *
graft_json_take(struct graft_json *o, const char *key);

/** See that no member is left. */
void
graft_json_end(struct graft_json *o);

/**
 * Take a string that may be shown.
 *
 * @return Borrowed from the JSON; NULL if it is none.
 */
const char *
graft_json_take_chars(struct graft_json *o, const char *key);

/** Take a string that may be shown. @return A copy to be freed, or NULL. */
char *
graft_json_take_string(struct graft_json *o, const char *key);

/** Take a string that may be missing. @return A copy to be freed, or NULL. */
char *
graft_json_take_optional(struct graft_json *o, const char *key);

/** Take a whole number of at most @p max, and of at most 2^53. */
uint64_t
graft_json_take_number(struct graft_json *o, const char *key, uint64_t max);

/** Take hexadecimal digits of at most @p max bytes. @return Number of bytes. */
size_t
graft_json_take_hex(struct graft_json *o, const char *key, size_t max,
		    uint8_t *ret);

/** Take a SHA-256 in hexadecimal digits. */
void
graft_json_take_sha256(struct graft_json *o, const char *key,
		       uint8_t ret[GRAFT_PATCH_SHA256_SIZE]);

/**
 * Take an array, and make room for its elements.
 *
 * @param[in] max Most elements.
 * @param[in] size Bytes of one of ours.
 * @param[out] array Pointer to a pointer that gets zeroed elements, one more than
 * there are; free with free(3). Written if the result is not NULL, as is the count.
 * @return Borrowed from the JSON; NULL if it is none or there is no memory.
 */
const cJSON *
graft_json_take_array(struct graft_json *o, const char *key, size_t max,
		      size_t size, void *array, size_t *count_ret);

/** Start on an object that is inside another, called @p what in errors. */
struct graft_json
graft_json_enter(struct graft_json *o, const cJSON *value, const char *what);

/** End the inner object, and hand what went wrong there to the one around it. */
void
graft_json_leave(struct graft_json *o, struct graft_json *inner,
		 const char *what);

/**
 * Look over a text before it is parsed, which takes many times its length of memory.
 *
 * @param[in] json Untrusted, of @p len bytes.
 * @param[in] max Most values.
 * @return NULL; #GRAFT_ERROR_LIMIT if there are more, or too many inside each other;
 * #GRAFT_ERROR_BAD_INPUT if a line of it may not be shown.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_json_scan(const char *json, size_t len, size_t max);

#endif /* GRAFT_PATCH_JSON_H */
