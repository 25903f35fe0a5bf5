// SPDX-License-Identifier: Apache-2.0

#include "patch/json.h"

#include "base/hex.h"
#include "base/utf8.h"
#include "patch/limits.h"

#include <stdlib.h>
#include <string.h>

void
graft_json_bad(struct graft_json *o, const char *key, const char *what)
{
	if (!o->err)
		o->err = graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\": %s",
					 key, what);
}

void
graft_json_no_memory(struct graft_json *o)
{
	if (!o->err)
		o->err = graft_error_no_memory();
}

bool
graft_json_has(const struct graft_json *o, const char *key)
{
	return !o->err && o->next && strcmp(o->next->string, key) == 0;
}

const cJSON *
graft_json_take(struct graft_json *o, const char *key)
{
	if (o->err)
		return NULL;
	if (!graft_json_has(o, key)) {
		graft_json_bad(o, key, "missing, or not in its place");
		return NULL;
	}
	const cJSON *value = o->next;
	o->next = value->next;
	return value;
}

void
graft_json_end(struct graft_json *o)
{
	enum { KEY_MAX = 64 };

	if (o->err || !o->next)
		return;
	// Keys are untrusted: long, or with a newline from an escape.
	size_t len = strlen(o->next->string);
	bool shown = len <= KEY_MAX &&
		     graft_utf8_printable(o->next->string, len);
	graft_json_bad(o, shown ? o->next->string : "?",
		       "unknown, twice, or not in its place");
}

const char *
graft_json_take_chars(struct graft_json *o, const char *key)
{
	const cJSON *value = graft_json_take(o, key);
	if (!value)
		return NULL;
	if (!cJSON_IsString(value)) {
		graft_json_bad(o, key, "not a string");
		return NULL;
	}
	size_t len = strlen(value->valuestring);
	if (len > GRAFT_PATCH_STRING_MAX) {
		graft_json_bad(o, key, "too long");
		return NULL;
	}
	if (!graft_utf8_printable(value->valuestring, len)) {
		graft_json_bad(o, key, "a control character");
		return NULL;
	}
	return value->valuestring;
}

char *
graft_json_take_string(struct graft_json *o, const char *key)
{
	const char *chars = graft_json_take_chars(o, key);
	char *copy = chars ? strdup(chars) : NULL;
	if (chars && !copy)
		graft_json_no_memory(o);
	return copy;
}

char *
graft_json_take_optional(struct graft_json *o, const char *key)
{
	return graft_json_has(o, key) ? graft_json_take_string(o, key) : NULL;
}

uint64_t
graft_json_take_number(struct graft_json *o, const char *key, uint64_t max)
{
	const cJSON *value = graft_json_take(o, key);
	if (!value)
		return 0;
	double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
	// Written so that a NaN is refused too. 2^53: doubles are exact below.
	if (!(number >= 0 && number <= 9007199254740992.0) ||
	    (uint64_t)number > max || (double)(uint64_t)number != number) {
		graft_json_bad(o, key, "not a number in its range");
		return 0;
	}
	return (uint64_t)number;
}

size_t
graft_json_take_hex(struct graft_json *o, const char *key, size_t max,
		    uint8_t *ret)
{
	const char *digits = graft_json_take_chars(o, key);
	size_t len = 0;
	if (!digits)
		return 0;
	struct graft_error *err = graft_hex_decode(digits, max, ret, &len);
	if (err) {
		graft_error_free(err);
		graft_json_bad(o, key, "not hexadecimal digits, or too many");
		return 0;
	}
	return len;
}

void
graft_json_take_sha256(struct graft_json *o, const char *key,
		       uint8_t ret[GRAFT_PATCH_SHA256_SIZE])
{
	if (graft_json_take_hex(o, key, GRAFT_PATCH_SHA256_SIZE, ret) !=
	    GRAFT_PATCH_SHA256_SIZE)
		graft_json_bad(o, key, "not a SHA-256");
}

const cJSON *
graft_json_take_array(struct graft_json *o, const char *key, size_t max,
		      size_t size, void *array, size_t *count_ret)
{
	const cJSON *value = graft_json_take(o, key);
	if (!value)
		return NULL;
	if (!cJSON_IsArray(value)) {
		graft_json_bad(o, key, "not an array");
		return NULL;
	}
	size_t count = 0;
	const cJSON *element;
	cJSON_ArrayForEach(element, value) count++;
	if (count > max) {
		graft_json_bad(o, key, "too many");
		return NULL;
	}
	void *elements = calloc(count + 1, size);
	if (!elements) {
		graft_json_no_memory(o);
		return NULL;
	}
	*(void **)array = elements;
	*count_ret = count;
	return value;
}

struct graft_json
graft_json_enter(struct graft_json *o, const cJSON *value, const char *what)
{
	if (!value || o->err)
		return (struct graft_json){ 0 };
	if (!cJSON_IsObject(value)) {
		graft_json_bad(o, what, "not an object");
		return (struct graft_json){ 0 };
	}
	return (struct graft_json){ .next = value->child };
}

void
graft_json_leave(struct graft_json *o, struct graft_json *inner,
		 const char *what)
{
	if (o->err) {
		graft_error_free(inner->err);
		return;
	}
	graft_json_end(inner);
	if (inner->err)
		o->err = graft_error_prefix(inner->err, "%s", what);
}

// Bounds on depth, number of values and characters, before cJSON takes memory
// for a tree that is many times as large as its text.
struct graft_error *
graft_json_scan(const char *json, size_t len, size_t max)
{
	size_t values = 0;
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted) {
			if (json[i] == '\\')
				i++;
			else if (json[i] == '"')
				quoted = false;
			continue;
		}
		switch (json[i]) {
		case '"':
			quoted = true;
			break;
		case '{':
		case '[':
			depth++;
			values++;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		case ',':
			values++;
			break;
		default:
			break;
		}
		if (depth > GRAFT_PATCH_MANIFEST_DEPTH_MAX || values > max)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "too deep, or too many values");
	}
	for (size_t start = 0; start < len;) {
		const char *end = memchr(json + start, '\n', len - start);
		size_t line = end ? (size_t)(end - json) - start : len - start;
		if (!graft_utf8_printable(json + start, line))
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "not UTF-8, or a control "
					       "character");
		start += line + 1;
	}
	return NULL;
}
