// SPDX-License-Identifier: Apache-2.0

#include "patch/manifest.h"

#include "base/hex.h"
#include "patch/limits.h"
#include "patch/utf8.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/** The members of an object, to be taken in their order. */
struct object {
	const cJSON *next;
	/** First thing that was wrong; later ones are not looked at. */
	struct graft_error *err;
};

static void
cjson_freep(cJSON **json)
{
	cJSON_Delete(*json);
}

static void
object_bad(struct object *o, const char *key, const char *what)
{
	if (!o->err)
		o->err = graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\": %s",
					 key, what);
}

static void
object_no_memory(struct object *o)
{
	if (!o->err)
		o->err = graft_error_no_memory();
}

static bool
object_has(const struct object *o, const char *key)
{
	return !o->err && o->next && strcmp(o->next->string, key) == 0;
}

// The value of the next member, which must have this key.
static const cJSON *
take(struct object *o, const char *key)
{
	if (o->err)
		return NULL;
	if (!object_has(o, key)) {
		object_bad(o, key, "missing, or not in its place");
		return NULL;
	}
	const cJSON *value = o->next;
	o->next = value->next;
	return value;
}

static void
take_end(struct object *o)
{
	enum { KEY_MAX = 64 };

	if (o->err || !o->next)
		return;
	// Keys are untrusted: long, or with a newline from an escape.
	size_t len = strlen(o->next->string);
	bool shown = len <= KEY_MAX &&
		     graft_utf8_printable(o->next->string, len);
	object_bad(o, shown ? o->next->string : "?",
		   "unknown, twice, or not in its place");
}

// NULL, with o->err, if it is not a string that may be shown.
static const char *
take_chars(struct object *o, const char *key)
{
	const cJSON *value = take(o, key);
	if (!value)
		return NULL;
	if (!cJSON_IsString(value)) {
		object_bad(o, key, "not a string");
		return NULL;
	}
	size_t len = strlen(value->valuestring);
	if (len > GRAFT_PATCH_STRING_MAX) {
		object_bad(o, key, "too long");
		return NULL;
	}
	if (!graft_utf8_printable(value->valuestring, len)) {
		object_bad(o, key, "a control character");
		return NULL;
	}
	return value->valuestring;
}

static char *
take_string(struct object *o, const char *key)
{
	const char *chars = take_chars(o, key);
	char *copy = chars ? strdup(chars) : NULL;
	if (chars && !copy)
		object_no_memory(o);
	return copy;
}

static char *
take_optional(struct object *o, const char *key)
{
	return object_has(o, key) ? take_string(o, key) : NULL;
}

static uint64_t
take_number(struct object *o, const char *key, uint64_t max)
{
	const cJSON *value = take(o, key);
	if (!value)
		return 0;
	double number = cJSON_IsNumber(value) ? value->valuedouble : -1;
	// Written so that a NaN is refused too. 2^53: doubles are exact below.
	if (!(number >= 0 && number <= 9007199254740992.0) ||
	    (uint64_t)number > max || (double)(uint64_t)number != number) {
		object_bad(o, key, "not a number in its range");
		return 0;
	}
	return (uint64_t)number;
}

static size_t
take_hex(struct object *o, const char *key, size_t max, uint8_t *ret)
{
	const char *digits = take_chars(o, key);
	size_t len = 0;
	if (!digits)
		return 0;
	struct graft_error *err = graft_hex_decode(digits, max, ret, &len);
	if (err) {
		graft_error_free(err);
		object_bad(o, key, "not hexadecimal digits, or too many");
		return 0;
	}
	return len;
}

static void
take_sha256(struct object *o, const char *key,
	    uint8_t ret[GRAFT_PATCH_SHA256_SIZE])
{
	if (take_hex(o, key, GRAFT_PATCH_SHA256_SIZE, ret) !=
	    GRAFT_PATCH_SHA256_SIZE)
		object_bad(o, key, "not a SHA-256");
}

// An array and room for its elements; NULL if it is none or there is no memory.
static const cJSON *
take_array(struct object *o, const char *key, size_t max, size_t size,
	   void *array, size_t *count_ret)
{
	const cJSON *value = take(o, key);
	if (!value)
		return NULL;
	if (!cJSON_IsArray(value)) {
		object_bad(o, key, "not an array");
		return NULL;
	}
	size_t count = 0;
	const cJSON *element;
	cJSON_ArrayForEach(element, value) count++;
	if (count > max) {
		object_bad(o, key, "too many");
		return NULL;
	}
	void *elements = calloc(count + 1, size);
	if (!elements) {
		object_no_memory(o);
		return NULL;
	}
	*(void **)array = elements;
	*count_ret = count;
	return value;
}

// Start on an object that is inside another.
static struct object
enter(struct object *o, const cJSON *value, const char *what)
{
	if (!value || o->err)
		return (struct object){ 0 };
	if (!cJSON_IsObject(value)) {
		object_bad(o, what, "not an object");
		return (struct object){ 0 };
	}
	return (struct object){ .next = value->child };
}

// Hand what went wrong inside to the object around it.
static void
leave(struct object *o, struct object *inner, const char *what)
{
	if (o->err) {
		graft_error_free(inner->err);
		return;
	}
	take_end(inner);
	if (inner->err)
		o->err = graft_error_prefix(inner->err, "%s", what);
}

static void
read_reasons(struct object *o, struct graft_patch_module *m)
{
	const cJSON *array = take_array(o, "reasons", GRAFT_PATCH_REASONS_MAX,
					sizeof(*m->reasons), &m->reasons,
					&m->reason_count);
	const cJSON *element = array ? array->child : NULL;

	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		struct graft_reason *r = &m->reasons[i];
		struct object inner = enter(o, element, "reason");
		if (o->err)
			return;
		r->rule = take_string(&inner, "rule");
		r->where = take_string(&inner, "where");
		r->text = take_string(&inner, "text");
		if (object_has(&inner, "note")) {
			r->note = cJSON_IsTrue(take(&inner, "note"));
			if (!r->note)
				object_bad(&inner, "note", "not true");
		}
		leave(o, &inner, "reason");
	}
}

static void
read_counts(struct object *o, struct graft_patch_counts *counts)
{
	struct object inner = enter(o, take(o, "functions"), "functions");
	if (o->err)
		return;
	counts->old_count = (uint32_t)take_number(&inner, "old", UINT32_MAX);
	counts->new_count = (uint32_t)take_number(&inner, "new", UINT32_MAX);
	counts->changed = (uint32_t)take_number(&inner, "changed", UINT32_MAX);
	counts->added = (uint32_t)take_number(&inner, "added", UINT32_MAX);
	counts->carried = (uint32_t)take_number(&inner, "carried", UINT32_MAX);
	leave(o, &inner, "functions");
}

static void
read_verdict(struct object *o, struct graft_patch_module *m)
{
	const char *name = take_chars(o, "verdict");
	unsigned i = 0;

	while (name && i <= GRAFT_VERDICT_BASELINE &&
	       strcmp(name, graft_verdict_name((enum graft_verdict)i)) != 0)
		i++;
	if (i > GRAFT_VERDICT_BASELINE)
		object_bad(o, "verdict", "no verdict");
	else
		m->verdict = (enum graft_verdict)i;

	name = take_chars(o, "assurance");
	i = 0;
	while (name && i <= GRAFT_ASSURANCE_PROVEN &&
	       strcmp(name, graft_assurance_name((enum graft_assurance)i)) != 0)
		i++;
	if (i > GRAFT_ASSURANCE_PROVEN)
		object_bad(o, "assurance", "no assurance");
	else
		m->assurance = (enum graft_assurance)i;
}

static void
read_elf(struct object *o, const struct graft_patch *patch, size_t i,
	 struct graft_manifest_elf *elf)
{
	char member[GRAFT_TAR_NAME_LEN];
	struct object inner = enter(o, take(o, "elf"), "elf");
	if (o->err)
		return;
	const char *name = take_chars(&inner, "member");
	graft_manifest_member(patch, i, member);
	// The name is made, not taken: nothing here can name another file.
	if (name && strcmp(name, member) != 0)
		object_bad(&inner, "member", "not the name of this module");
	elf->size = take_number(&inner, "size", GRAFT_PATCH_ELF_MAX);
	take_sha256(&inner, "sha256", elf->sha256);
	elf->delta = object_has(&inner, "skeleton_sha256");
	if (elf->delta)
		take_sha256(&inner, "skeleton_sha256", elf->skeleton_sha256);
	leave(o, &inner, "elf");
}

static void
read_frames(struct object *o, struct graft_patch_module *m)
{
	struct object inner = enter(o, take(o, "frames"), "frames");
	if (o->err)
		return;
	m->frames_addr = take_number(&inner, "addr", GRAFT_PATCH_ADDR_END);
	m->frames_len = take_number(&inner, "size", GRAFT_PATCH_ELF_MAX);
	if (!m->frames_len)
		object_bad(&inner, "size", "no unwind tables");
	leave(o, &inner, "frames");
}

static void
read_module(struct object *o, struct graft_patch *patch, size_t i,
	    struct graft_manifest_elf *elf)
{
	struct graft_patch_module *m = &patch->modules[i];

	m->path = take_string(o, "path");
	m->soname = take_optional(o, "soname");
	m->old_build_id_len = take_hex(
		o, "old_build_id", sizeof(m->old_build_id), m->old_build_id);
	m->new_build_id_len = take_hex(
		o, "new_build_id", sizeof(m->new_build_id), m->new_build_id);
	take_sha256(o, "old_sha256", m->old_sha256);
	take_sha256(o, "new_sha256", m->new_sha256);
	read_verdict(o, m);
	read_reasons(o, m);
	read_counts(o, &m->counts);
	if (o->err || m->verdict != GRAFT_VERDICT_HOTPATCH)
		return;
	m->carried_bytes = take_number(o, "carried_bytes", UINT64_MAX);
	if (object_has(o, "frames"))
		read_frames(o, m);
	read_elf(o, patch, i, elf);
}

static void
read_modules(struct object *o, struct graft_patch *patch,
	     struct graft_manifest_elf **elfs_ret)
{
	const cJSON *array = take_array(o, "modules", GRAFT_LIMIT_MODULES,
					sizeof(*patch->modules),
					&patch->modules, &patch->module_count);
	const cJSON *element = array ? array->child : NULL;
	if (o->err)
		return;

	*elfs_ret = calloc(patch->module_count + 1, sizeof(**elfs_ret));
	if (!*elfs_ret)
		object_no_memory(o);
	for (size_t i = 0; element && !o->err; i++, element = element->next) {
		char what[32];
		(void)snprintf(what, sizeof(what), "module %zu", i);
		struct object inner = enter(o, element, what);
		if (o->err)
			return;
		read_module(&inner, patch, i, &(*elfs_ret)[i]);
		leave(o, &inner, what);
	}
}

static void
read_patch(struct object *o, struct graft_patch *patch,
	   struct graft_manifest_elf **elfs_ret)
{
	uint64_t format = take_number(o, "format", 1 << 20);
	if (!o->err && format > GRAFT_PATCH_FORMAT)
		o->err = graft_error_new(GRAFT_ERROR_UNSUPPORTED,
					 "made by a newer graft (format %llu)",
					 (unsigned long long)format);
	if (format < 1)
		object_bad(o, "format", "no format");

	const char *id = take_chars(o, "id");
	if (id && strlen(id) != GRAFT_PATCH_ID_LEN)
		object_bad(o, "id", "not 32 digits");
	else if (id)
		memcpy(patch->id, id, GRAFT_PATCH_ID_LEN);
	patch->title = take_string(o, "title");
	patch->classification = take_string(o, "classification");
	patch->toolchain = take_string(o, "toolchain");
	patch->package = take_optional(o, "package");
	patch->old_version = take_optional(o, "old_version");
	patch->new_version = take_optional(o, "new_version");

	const cJSON *array = take_array(o, "cves", GRAFT_PATCH_CVES_MAX,
					sizeof(*patch->cves), &patch->cves,
					&patch->cve_count);
	struct object cves = { .next = array ? array->child : NULL };
	// Elements of an array have no key: give them to take() by hand.
	for (size_t i = 0; cves.next && !o->err; i++) {
		if (!cJSON_IsString(cves.next)) {
			object_bad(o, "cves", "not a string");
			break;
		}
		patch->cves[i] = strdup(cves.next->valuestring);
		if (!patch->cves[i])
			object_no_memory(o);
		cves.next = cves.next->next;
	}
	read_modules(o, patch, elfs_ret);
}

// Bounds on depth, number of values and characters, before cJSON takes memory
// for a tree that is many times as large as its text.
static struct graft_error *
scan(const char *json, size_t len)
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
		if (depth > GRAFT_PATCH_MANIFEST_DEPTH_MAX ||
		    values > GRAFT_PATCH_MANIFEST_VALUES_MAX)
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

// Everything that reading let pass (spaces, escapes, 1e3, a wrong id) is found
// by writing it again.
static struct graft_error *
check_canonical(const char *json, size_t len, struct graft_patch *patch,
		const struct graft_manifest_elf *elfs)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text again = { 0 };
	char id[GRAFT_PATCH_ID_LEN + 1];
	char wanted[GRAFT_PATCH_ID_LEN + 1];

	memcpy(id, patch->id, sizeof(id));
	struct graft_error *err = graft_manifest_encode(patch, elfs, &again);
	if (err)
		return err;
	if (again.len == len && memcmp(again.str, json, len) == 0)
		return NULL;
	// Say which: the id is of the text as it stands, canonical or not.
	if (len >= GRAFT_MANIFEST_ID_OFF + GRAFT_PATCH_ID_LEN) {
		err = graft_manifest_id(json, len, wanted);
		if (err)
			return err;
		if (strcmp(id, wanted) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "its id is not that of its "
					       "content");
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "not in its one canonical form");
}

struct graft_error *
graft_manifest_decode(const char *json, size_t len, struct graft_patch **ret,
		      struct graft_manifest_elf **elfs_ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;

	struct graft_error *err = scan(json, len);
	if (err)
		return err;
	GRAFT_CLEANUP(cjson_freep)
	cJSON *root = cJSON_ParseWithLengthOpts(json, len, NULL, 0);
	if (!cJSON_IsObject(root))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "no JSON object");
	err = graft_patch_new(&patch);
	if (err)
		return err;

	struct object o = { .next = root->child };
	read_patch(&o, patch, &elfs);
	take_end(&o);
	if (o.err)
		return o.err;
	err = graft_patch_check(patch);
	if (!err)
		err = check_canonical(json, len, patch, elfs);
	if (err)
		return err;
	*ret = GRAFT_TAKE(patch);
	*elfs_ret = GRAFT_TAKE(elfs);
	return NULL;
}
