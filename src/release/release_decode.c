// SPDX-License-Identifier: Apache-2.0

#include "release/release.h"

#include "release/catalogue.h"
#include "release/field.h"
#include "trust/document.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

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
	.kind = GRAFT_FIELD_TEXT, .off = IN(type, member),                     \
	.is = graft_release_is_text
#define NAME_IN(member, names, count)                                          \
	.kind = GRAFT_FIELD_NAME, .off = IN(graft_release, member),            \
	.name = (names), .name_count = (count)
#define LIST_IN(array, count_member, cap_member, of)                           \
	.kind = GRAFT_FIELD_LIST, .off = IN(graft_release, array),             \
	.fields = (of), .field_count = sizeof(of) / sizeof(*(of)),             \
	.size = sizeof(*((struct graft_release *)NULL)->array),                \
	.count_off = IN(graft_release, count_member),                          \
	.cap_off = IN(graft_release, cap_member)

static const struct graft_field form_fields[] = {
	{ .key = "kind",
	  .kind = GRAFT_FIELD_NAME,
	  .off = IN(graft_release_form, kind),
	  .name = kind_name,
	  .name_count = GRAFT_RELEASE_FORMS },
	{ .key = "length",
	  .kind = GRAFT_FIELD_NUMBER,
	  .off = IN(graft_release_form, length) },
	{ .key = "path", TEXT_IN(graft_release_form, path) },
	{ .key = "sha256",
	  .kind = GRAFT_FIELD_FIXED,
	  .off = IN(graft_release_form, sha256),
	  .is = is_sha256 },
};

static const struct graft_field package_fields[] = {
	{ .key = "name",
	  .kind = GRAFT_FIELD_TEXT,
	  .off = IN(graft_release_package, name),
	  .is = graft_release_is_package },
	{ .key = "old_version",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release_package, old_version),
	  .is = graft_release_is_version },
	{ .key = "version",
	  .kind = GRAFT_FIELD_TEXT,
	  .off = IN(graft_release_package, version),
	  .is = graft_release_is_version },
};

static const struct graft_field module_fields[] = {
	{ .key = "assurance",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release_module, assurance),
	  .is = graft_release_is_text },
	{ .key = "new_build_id",
	  .kind = GRAFT_FIELD_TEXT,
	  .off = IN(graft_release_module, new_build_id),
	  .is = is_digits },
	{ .key = "old_build_id",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release_module, old_build_id),
	  .is = is_digits },
	{ .key = "path", TEXT_IN(graft_release_module, path) },
	{ .key = "verdict",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release_module, verdict),
	  .is = graft_release_is_text },
};

static const struct graft_field release_fields[] = {
	{ .key = "articles",
	  .kind = GRAFT_FIELD_WORDS,
	  .off = IN(graft_release, articles),
	  .is = graft_release_is_text },
	{ .key = "classification",
	  NAME_IN(classification, graft_release_class_word,
		  GRAFT_RELEASE_CLASSES) },
	{ .key = "cumulative",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release, cumulative),
	  .is = graft_release_is_id },
	{ .key = "cves",
	  .kind = GRAFT_FIELD_WORDS,
	  .off = IN(graft_release, cves),
	  .is = graft_release_is_cve },
	{ .key = "date",
	  .kind = GRAFT_FIELD_FIXED,
	  .off = IN(graft_release, date),
	  .is = graft_release_is_date },
	{ .key = "format", .kind = GRAFT_FIELD_FORMAT },
	{ .key = "forms", LIST_IN(forms, form_count, form_cap, form_fields) },
	{ .key = "id",
	  .kind = GRAFT_FIELD_TEXT,
	  .off = IN(graft_release, id),
	  .is = graft_release_is_id },
	{ .key = "keeps_track",
	  .kind = GRAFT_FIELD_BOOL,
	  .off = IN(graft_release, keeps_track) },
	{ .key = "leaves_track",
	  .kind = GRAFT_FIELD_NUMBER,
	  .off = IN(graft_release, leaves_track) },
	{ .key = "level",
	  .kind = GRAFT_FIELD_LEVEL,
	  .off = IN(graft_release, level) },
	{ .key = "line",
	  NAME_IN(line, graft_release_line_word, GRAFT_RELEASE_LINES) },
	{ .key = "modules",
	  LIST_IN(modules, module_count, module_cap, module_fields) },
	{ .key = "packages",
	  LIST_IN(packages, package_count, package_cap, package_fields) },
	{ .key = "requires_baseline",
	  .kind = GRAFT_FIELD_TEXT_OR_NULL,
	  .off = IN(graft_release, requires_baseline),
	  .is = graft_release_is_id },
	{ .key = "restart",
	  .kind = GRAFT_FIELD_BOOL,
	  .off = IN(graft_release, restart) },
	{ .key = "severity",
	  NAME_IN(severity, graft_release_severity_word,
		  GRAFT_RELEASE_SEVERITIES) },
	{ .key = "supersedes",
	  .kind = GRAFT_FIELD_WORDS,
	  .off = IN(graft_release, supersedes),
	  .is = graft_release_is_id },
	{ .key = "title", TEXT_IN(graft_release, title) },
};

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
	err = graft_field_read_object(
		root, release_fields,
		sizeof(release_fields) / sizeof(*release_fields), release);
	if (!err)
		err = check_pool(release);
	if (!err)
		err = check_form(release, bytes, len);
	if (err)
		return err;
	*ret = GRAFT_TAKE(release);
	return NULL;
}
