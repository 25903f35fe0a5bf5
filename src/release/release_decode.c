// SPDX-License-Identifier: Apache-2.0

#include "release/release.h"

#include "base/settings.h"
#include "base/vec.h"
#include "release/catalogue.h"
#include "trust/document.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	FIELDS_MAX = 32,
};

/** What a value is to be. */
enum kind {
	TEXT,
	TEXT_OR_NULL,
	WORDS,
	BOOL,
	NUMBER,
	NAME,
	LIST,
	DATE,
	LEVEL,
	SHA256,
	FORMAT,
};

/** What an object may hold, and where in a structure it goes. */
struct field {
	const char *key;
	enum kind kind;
	size_t off;
	/** Of texts and words: whether one is good. */
	bool (*is)(const char *word);
	/** Of names: which there are. */
	const char *(*name)(unsigned int i);
	unsigned int name_count;
	/** Of lists: what an element holds, and how large it is in memory. */
	const struct field *fields;
	size_t field_count;
	size_t size;
	size_t count_off;
	size_t cap_off;
};

/** A member that is being read. */
struct member {
	const char *key;
	const struct graft_node *value;
};

GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct member *member, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "\"%s\": %s", member->key,
			       what);
}

/** Copy a text. */
GRAFT_MUST_CHECK static struct graft_error *
read_text(const struct member *member, bool (*is)(const char *), bool may_lack,
	  char **ret)
{
	if (may_lack && member->value->kind == GRAFT_NODE_NULL)
		return NULL;
	if (member->value->kind != GRAFT_NODE_STRING ||
	    !graft_release_is_text(member->value->text) ||
	    !is(member->value->text))
		return wrong(member, "not what is expected there");
	*ret = strdup(member->value->text);
	return *ret ? NULL : graft_error_no_memory();
}

/** See that a value is an array, and of no more elements than can be compared with each other. */
GRAFT_MUST_CHECK static struct graft_error *
check_array(const struct member *member)
{
	if (member->value->kind != GRAFT_NODE_ARRAY)
		return wrong(member, "it is no array");
	if (member->value->count > GRAFT_RELEASE_LIST_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "\"%s\": more than %d", member->key,
				       GRAFT_RELEASE_LIST_MAX);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_words(const struct member *member, bool (*is)(const char *),
	   struct graft_words *ret)
{
	struct graft_error *err = check_array(member);
	if (err)
		return err;
	const struct graft_node *at = graft_node_first(member->value);
	for (uint32_t i = 0; i < member->value->count; i++) {
		if (at->kind != GRAFT_NODE_STRING ||
		    !graft_release_is_text(at->text) || !is(at->text))
			return wrong(member, "it holds something else than is "
					     "expected there");
		if (graft_words_have(ret, at->text))
			return wrong(member, "it holds something twice");
		err = graft_words_add(ret, at->text);
		if (err)
			return err;
		at = graft_node_next(at);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_bool(const struct member *member, bool *ret)
{
	*ret = member->value->kind == GRAFT_NODE_TRUE;
	return *ret || member->value->kind == GRAFT_NODE_FALSE
		       ? NULL
		       : wrong(member, "neither true nor false");
}

GRAFT_MUST_CHECK static struct graft_error *
read_number(const struct member *member, uint64_t *ret)
{
	if (member->value->kind != GRAFT_NODE_INTEGER ||
	    member->value->number < 0)
		return wrong(member, "no number from 0 on");
	*ret = (uint64_t)member->value->number;
	return NULL;
}

/** Read a word that is one of some names. */
GRAFT_MUST_CHECK static struct graft_error *
read_name(const struct member *member, const char *(*name)(unsigned int),
	  unsigned int count, unsigned int *ret)
{
	if (member->value->kind != GRAFT_NODE_STRING)
		return wrong(member, "no text");
	const int found = graft_release_name_find(member->value->text, name,
						  count);
	if (found < 0)
		return wrong(member, "none of the words that are known");
	*ret = (unsigned int)found;
	return NULL;
}

static bool
is_digits(const char *word)
{
	const size_t len = strlen(word);

	return len % 2 == 0 && len <= 128 &&
	       strspn(word, "0123456789abcdef") == len;
}

static bool
is_sha256(const char *word)
{
	return strlen(word) == GRAFT_RELEASE_SHA256_LEN - 1 && is_digits(word);
}

static const char *
kind_name(unsigned int i)
{
	return graft_release_kind_name((enum graft_release_kind)i);
}

#define IN(type, member) offsetof(struct type, member)
#define TEXT_IN(type, member)                                                  \
	.kind = TEXT, .off = IN(type, member), .is = graft_release_is_text
#define NAME_IN(member, names, count)                                          \
	.kind = NAME, .off = IN(graft_release, member), .name = (names),       \
	.name_count = (count)
#define LIST_IN(array, count_member, cap_member, of)                           \
	.kind = LIST, .off = IN(graft_release, array), .fields = (of),         \
	.field_count = sizeof(of) / sizeof(*(of)),                             \
	.size = sizeof(*((struct graft_release *)NULL)->array),                \
	.count_off = IN(graft_release, count_member),                          \
	.cap_off = IN(graft_release, cap_member)

static const struct field form_fields[] = {
	{ .key = "kind",
	  .kind = NAME,
	  .off = IN(graft_release_form, kind),
	  .name = kind_name,
	  .name_count = GRAFT_RELEASE_FORMS },
	{ .key = "length",
	  .kind = NUMBER,
	  .off = IN(graft_release_form, length) },
	{ .key = "path", TEXT_IN(graft_release_form, path) },
	{ .key = "sha256",
	  .kind = SHA256,
	  .off = IN(graft_release_form, sha256),
	  .is = is_sha256 },
};

static const struct field package_fields[] = {
	{ .key = "name",
	  .kind = TEXT,
	  .off = IN(graft_release_package, name),
	  .is = graft_release_is_package },
	{ .key = "old_version",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release_package, old_version),
	  .is = graft_release_is_version },
	{ .key = "version",
	  .kind = TEXT,
	  .off = IN(graft_release_package, version),
	  .is = graft_release_is_version },
};

static const struct field module_fields[] = {
	{ .key = "assurance",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release_module, assurance),
	  .is = graft_release_is_text },
	{ .key = "new_build_id",
	  .kind = TEXT,
	  .off = IN(graft_release_module, new_build_id),
	  .is = is_digits },
	{ .key = "old_build_id",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release_module, old_build_id),
	  .is = is_digits },
	{ .key = "path", TEXT_IN(graft_release_module, path) },
	{ .key = "verdict",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release_module, verdict),
	  .is = graft_release_is_text },
};

static const struct field release_fields[] = {
	{ .key = "articles",
	  .kind = WORDS,
	  .off = IN(graft_release, articles),
	  .is = graft_release_is_text },
	{ .key = "classification",
	  NAME_IN(classification, graft_release_class_word,
		  GRAFT_RELEASE_CLASSES) },
	{ .key = "cumulative",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release, cumulative),
	  .is = graft_release_is_id },
	{ .key = "cves",
	  .kind = WORDS,
	  .off = IN(graft_release, cves),
	  .is = graft_release_is_cve },
	{ .key = "date", .kind = DATE, .off = IN(graft_release, date) },
	{ .key = "format", .kind = FORMAT },
	{ .key = "forms", LIST_IN(forms, form_count, form_cap, form_fields) },
	{ .key = "id",
	  .kind = TEXT,
	  .off = IN(graft_release, id),
	  .is = graft_release_is_id },
	{ .key = "keeps_track",
	  .kind = BOOL,
	  .off = IN(graft_release, keeps_track) },
	{ .key = "leaves_track",
	  .kind = NUMBER,
	  .off = IN(graft_release, leaves_track) },
	{ .key = "level", .kind = LEVEL, .off = IN(graft_release, level) },
	{ .key = "line",
	  NAME_IN(line, graft_release_line_word, GRAFT_RELEASE_LINES) },
	{ .key = "modules",
	  LIST_IN(modules, module_count, module_cap, module_fields) },
	{ .key = "packages",
	  LIST_IN(packages, package_count, package_cap, package_fields) },
	{ .key = "requires_baseline",
	  .kind = TEXT_OR_NULL,
	  .off = IN(graft_release, requires_baseline),
	  .is = graft_release_is_id },
	{ .key = "restart", .kind = BOOL, .off = IN(graft_release, restart) },
	{ .key = "severity",
	  NAME_IN(severity, graft_release_severity_word,
		  GRAFT_RELEASE_SEVERITIES) },
	{ .key = "supersedes",
	  .kind = WORDS,
	  .off = IN(graft_release, supersedes),
	  .is = graft_release_is_id },
	{ .key = "title", TEXT_IN(graft_release, title) },
};

/** See that an object has no key that is not known. */
GRAFT_MUST_CHECK static struct graft_error *
check_keys(const struct graft_node *object, const struct field *fields,
	   size_t count)
{
	const char *keys[FIELDS_MAX];

	for (size_t i = 0; i < count; i++)
		keys[i] = fields[i].key;
	const struct graft_node *key = graft_node_first(object);
	for (uint32_t i = 0; i < object->count; i++) {
		bool known = false;
		for (size_t k = 0; k < count; k++)
			known |= strcmp(keys[k], key->text) == 0;
		if (!known)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"no key \"%.100s\"; did you mean \"%s\"?",
				key->text,
				graft_nearest_word(key->text, keys, count));
		key = graft_node_next(graft_node_next(key));
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_member(const struct member *member, const struct field *field, char *to);

/** Read all members of an object: each must be there, and no other. */
GRAFT_MUST_CHECK static struct graft_error *
read_object(const struct graft_node *object, const struct field *fields,
	    size_t count, char *to)
{
	if (object->kind != GRAFT_NODE_OBJECT)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "no object");
	struct graft_error *err = check_keys(object, fields, count);
	for (size_t i = 0; !err && i < count; i++) {
		const struct member member = {
			.key = fields[i].key,
			.value = graft_node_get(object, fields[i].key),
		};
		err = member.value ? read_member(&member, &fields[i], to)
				   : wrong(&member, "it is missing");
	}
	return err;
}

/** Read an array of objects; each element is counted before it is read. */
GRAFT_MUST_CHECK static struct graft_error *
read_list(const struct member *member, const struct field *field, char *to)
{
	char **array = (char **)(to + field->off);
	size_t *count = (size_t *)(to + field->count_off);
	size_t *cap = (size_t *)(to + field->cap_off);

	struct graft_error *err = check_array(member);
	if (err)
		return err;
	const struct graft_node *at = graft_node_first(member->value);
	for (uint32_t i = 0; i < member->value->count; i++) {
		err = graft_vec_reserve(array, cap, *count + 1, field->size);
		if (err)
			return err;
		char *one = *array + *count * field->size;
		memset(one, 0, field->size);
		(*count)++;
		err = read_object(at, field->fields, field->field_count, one);
		if (err)
			return graft_error_prefix(err, "\"%s\"", member->key);
		at = graft_node_next(at);
	}
	return NULL;
}

/** Copy a text of a length that is known once it is good. */
GRAFT_MUST_CHECK static struct graft_error *
read_fixed(const struct member *member, bool (*is)(const char *), char *ret)
{
	if (member->value->kind != GRAFT_NODE_STRING ||
	    !is(member->value->text))
		return wrong(member, "not what is expected there");
	memcpy(ret, member->value->text, member->value->len + 1);
	return NULL;
}

static struct graft_error *
read_member(const struct member *member, const struct field *field, char *to)
{
	void *at = to + field->off;

	switch (field->kind) {
	case TEXT:
	case TEXT_OR_NULL:
		return read_text(member, field->is, field->kind == TEXT_OR_NULL,
				 at);
	case WORDS:
		return read_words(member, field->is, at);
	case BOOL:
		return read_bool(member, at);
	case NUMBER:
		return read_number(member, at);
	case NAME:
		return read_name(member, field->name, field->name_count, at);
	case LIST:
		return read_list(member, field, to);
	case DATE:
		return read_fixed(member, graft_release_is_date, at);
	case SHA256:
		return read_fixed(member, is_sha256, at);
	case LEVEL:
		return member->value->kind == GRAFT_NODE_STRING &&
				       graft_level_read(member->value->text, at)
			       ? NULL
			       : wrong(member, "no level like 2026-11");
	case FORMAT:
		return member->value->kind == GRAFT_NODE_INTEGER
			       ? NULL
			       : wrong(member, "no number");
	}
	return NULL;
}

/** See that a release brings its own files, and none of another one. */
GRAFT_MUST_CHECK static struct graft_error *
check_pool(const struct graft_release *release)
{
	char folder[64];
	const int len = snprintf(folder, sizeof(folder),
				 GRAFT_RELEASE_POOL "%s/", release->id);

	for (size_t i = 0; i < release->form_count; i++) {
		const char *path = release->forms[i].path;
		const char *name = path + len;
		if (strncmp(path, folder, (size_t)len) != 0 || !*name ||
		    *name == '.' || strchr(name, '/'))
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "\"forms\": %.200s is no file "
					       "in %s",
					       path, folder);
	}
	return NULL;
}

/** See that a release was written as it is written here. */
GRAFT_MUST_CHECK static struct graft_error *
check_form(const struct graft_release *release, const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_release_encode(release, &text);
	if (text.failed)
		return graft_error_no_memory();
	if (text.len == len && memcmp(text.str, bytes, len) == 0)
		return NULL;
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "it is not written in the one way in which a "
			       "release is");
}

struct graft_error *
graft_release_decode(const void *bytes, size_t len, struct graft_release **ret)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	const struct graft_node *format;

	if (len > GRAFT_RELEASE_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a release of more than %d bytes",
				       GRAFT_RELEASE_BYTES_MAX);
	struct graft_error *err = graft_document_parse(bytes, len, &document);
	if (!err)
		err = graft_release_new(&release);
	if (err)
		return err;
	const struct graft_node *root = graft_document_root(document);
	format = graft_node_get(root, "format");
	if (graft_node_is(format, GRAFT_NODE_INTEGER) && format->number != 1)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "a release of another format than 1: a "
				       "newer program is needed");
	err = read_object(root, release_fields,
			  sizeof(release_fields) / sizeof(*release_fields),
			  (char *)release);
	if (!err)
		err = check_pool(release);
	if (!err)
		err = check_form(release, bytes, len);
	if (err)
		return err;
	*ret = GRAFT_TAKE(release);
	return NULL;
}
