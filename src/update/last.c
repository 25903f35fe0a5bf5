// SPDX-License-Identifier: Apache-2.0

#include "update/last.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/file.h"
#include "trust/document.h"
#include "trust/json.h"
#include "trust/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Bytes of what was said: half of the file. */
	SAID_MAX = GRAFT_UPDATE_LAST_BYTES_MAX / 2,
};

static const char role[] = "last";

void
graft_update_last_deinit(struct graft_update_last *last)
{
	free(last->error);
	free(last->said);
	*last = (struct graft_update_last){ 0 };
}

GRAFT_MUST_CHECK static struct graft_error *
wrong(const char *key)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "\"%s\" is not as it was written", key);
}

/** Take a whole number from 0 on. */
GRAFT_MUST_CHECK static struct graft_error *
take_number(const struct graft_node *object, const char *key, int64_t *ret)
{
	const struct graft_node *node = graft_node_get(object, key);

	if (!graft_node_is(node, GRAFT_NODE_INTEGER) || node->number < 0)
		return wrong(key);
	*ret = node->number;
	return NULL;
}

/** Take a word that fits. */
GRAFT_MUST_CHECK static struct graft_error *
take_word(const struct graft_node *object, const char *key, size_t room,
	  char *ret)
{
	const struct graft_node *node = graft_node_get(object, key);

	if (!graft_node_is(node, GRAFT_NODE_STRING) || node->len >= room)
		return wrong(key);
	memcpy(ret, node->text, node->len + 1);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
take_taken(const struct graft_node *node, struct graft_update_taken *ret)
{
	const struct graft_node *only = graft_node_get(node, "memory_only");
	char level[sizeof(struct graft_level_text)];

	struct graft_error *err = take_word(node, "id", sizeof(ret->id),
					    ret->id);
	if (!err)
		err = take_word(node, "line", sizeof(ret->line), ret->line);
	if (!err)
		err = take_word(node, "level", sizeof(level), level);
	if (!err && !graft_level_read(level, &ret->level))
		err = wrong("level");
	if (!err)
		err = take_number(node, "at", &ret->at);
	if (!err)
		err = take_word(node, "boot_id", sizeof(ret->boot_id),
				ret->boot_id);
	if (!err && !graft_node_is(only, GRAFT_NODE_TRUE) &&
	    !graft_node_is(only, GRAFT_NODE_FALSE))
		err = wrong("memory_only");
	ret->memory_only = graft_node_is(only, GRAFT_NODE_TRUE);
	return err;
}

/** Take what the last good look said. */
GRAFT_MUST_CHECK static struct graft_error *
take_said(const struct graft_node *root, struct graft_update_last *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const struct graft_node *said = graft_node_get(root, "said");

	if (graft_node_is(said, GRAFT_NODE_NULL))
		return NULL;
	if (!graft_node_is(said, GRAFT_NODE_OBJECT))
		return wrong("said");
	graft_json_put_node(&text, said);
	const struct graft_node *target =
		graft_node_get(graft_node_get(said, "device"), "target");
	if (graft_node_is(target, GRAFT_NODE_STRING))
		(void)graft_level_read(target->text, &ret->target);
	return graft_text_take(&text, &ret->said);
}

GRAFT_MUST_CHECK static struct graft_error *
take_all(const struct graft_node *root, struct graft_update_last *ret)
{
	const struct graft_node *error = graft_node_get(root, "error");
	const struct graft_node *taken = graft_node_get(root, "taken");
	int64_t failures = 0;

	struct graft_error *err = take_number(root, "at", &ret->at);
	if (!err)
		err = take_number(root, "good_at", &ret->good_at);
	if (!err)
		err = take_number(root, "failures", &failures);
	if (!err)
		err = take_said(root, ret);
	if (err)
		return err;
	ret->failures = (uint64_t)failures;
	if (graft_node_is(error, GRAFT_NODE_STRING)) {
		ret->error = strdup(error->text);
		if (!ret->error)
			return graft_error_no_memory();
	} else if (!graft_node_is(error, GRAFT_NODE_NULL)) {
		return wrong("error");
	}
	if (!graft_node_is(taken, GRAFT_NODE_ARRAY) ||
	    taken->count > GRAFT_UPDATE_TAKEN_MAX)
		return wrong("taken");
	const struct graft_node *at = graft_node_first(taken);
	for (uint32_t i = 0; !err && i < taken->count; i++) {
		err = take_taken(at, &ret->taken[ret->taken_count++]);
		at = graft_node_next(at);
	}
	return err;
}

struct graft_error *
graft_update_last_decode(const void *bytes, size_t len,
			 struct graft_update_last *ret)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;

	*ret = (struct graft_update_last){ 0 };
	struct graft_error *err = graft_document_parse(bytes, len, &document);
	return err ? err : take_all(graft_document_root(document), ret);
}

/** Append a text, or null. */
static void
put_text(struct graft_text *text, const char *str)
{
	if (str)
		graft_json_put_string(text, str, strlen(str));
	else
		graft_text_put(text, "null");
}

void
graft_update_last_encode(const struct graft_update_last *last,
			 struct graft_text *text)
{
	graft_text_printf(text,
			  "{\"at\":%" PRId64 ",\"good_at\":%" PRId64
			  ",\"failures\":%" PRIu64 ",\"error\":",
			  last->at, last->good_at, last->failures);
	put_text(text, last->error);
	graft_text_put(text, ",\"said\":");
	graft_text_put(text, last->said ? last->said : "null");
	graft_text_put(text, ",\"taken\":[");
	for (size_t i = 0; i < last->taken_count; i++) {
		const struct graft_update_taken *taken = &last->taken[i];
		graft_text_put(text, i ? ",{\"id\":" : "{\"id\":");
		put_text(text, taken->id);
		graft_text_put(text, ",\"line\":");
		put_text(text, taken->line);
		graft_text_printf(text,
				  ",\"level\":\"%s\",\"at\":%" PRId64
				  ",\"memory_only\":%s,\"boot_id\":",
				  graft_level_write(taken->level).str,
				  taken->at,
				  taken->memory_only ? "true" : "false");
		put_text(text, taken->boot_id);
		graft_text_put(text, "}");
	}
	graft_text_put(text, "]}\n");
}

GRAFT_MUST_CHECK static struct graft_error *
dir_of(const char *state_dir, char **ret)
{
	if (asprintf(ret, "%s/update", state_dir) >= 0)
		return NULL;
	*ret = NULL;
	return graft_error_no_memory();
}

struct graft_error *
graft_update_last_read(const char *state_dir, struct graft_update_last *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE char *dir = NULL;
	GRAFT_FREE char *path = NULL;
	size_t len = 0;

	*ret = (struct graft_update_last){ 0 };
	struct graft_error *err = dir_of(state_dir, &dir);
	if (!err && asprintf(&path, "%s/%s.json", dir, role) < 0) {
		path = NULL;
		err = graft_error_no_memory();
	}
	// It is exchanged in one step: no lock is needed.
	if (!err)
		err = graft_file_read(path, GRAFT_UPDATE_LAST_BYTES_MAX, &bytes,
				      &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	err = graft_update_last_decode(bytes, len, ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

/** Open the file to change it. What is damaged there is begun anew: nothing is decided by it. */
GRAFT_MUST_CHECK static struct graft_error *
begin(struct graft_trust_store **store_ret, struct graft_update_last *ret)
{
	GRAFT_FREE char *dir = NULL;
	struct graft_error *err = dir_of(graft_env_state_dir(), &dir);

	if (!err)
		err = graft_trust_store_open(dir, true, store_ret);
	if (err)
		return err;
	err = graft_update_last_read(graft_env_state_dir(), ret);
	if (!err || (graft_error_code(err) != GRAFT_ERROR_BAD_INPUT &&
		     graft_error_code(err) != GRAFT_ERROR_LIMIT))
		return err;
	graft_error_free(err);
	graft_update_last_deinit(ret);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
end(struct graft_trust_store *store, const struct graft_update_last *last)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_update_last_encode(last, &text);
	return text.failed ? graft_error_no_memory()
			   : graft_trust_store_write(store, role, text.str,
						     text.len);
}

/** Keep of what was said what decides: lists of thousands of files would leave no room for the rest. */
GRAFT_MUST_CHECK static struct graft_error *
shorten(const char *said, char **ret)
{
	static const char *const kept[] = { "device", "raised", "releases" };
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const char *before = "{\"";
	struct graft_error *err = graft_document_parse(said, strlen(said),
						       &document);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		const struct graft_node *node =
			graft_node_get(graft_document_root(document), kept[i]);
		if (!node)
			continue;
		graft_text_printf(&text, "%s%s\":", before, kept[i]);
		graft_json_put_node(&text, node);
		before = ",\"";
	}
	graft_text_put(&text, text.len ? "}" : "{}");
	return graft_text_take(&text, ret);
}

/** Put what was said into what is remembered. */
GRAFT_MUST_CHECK static struct graft_error *
take_what_was_said(const char *said, struct graft_update_last *last)
{
	free(GRAFT_TAKE(last->said));
	if (strlen(said) > SAID_MAX)
		return shorten(said, &last->said);
	last->said = strdup(said);
	return last->said ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_update_last_note(const char *said, const struct graft_error *why,
		       int64_t now)
{
	GRAFT_CLEANUP(graft_trust_store_closep)
	struct graft_trust_store *store = NULL;
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };

	struct graft_error *err = begin(&store, &last);
	if (err)
		return err;
	last.at = now;
	free(GRAFT_TAKE(last.error));
	if (said) {
		last.good_at = now;
		last.failures = 0;
		err = take_what_was_said(said, &last);
	} else {
		last.failures++;
		graft_text_put_safe(&safe, graft_error_message(why));
		last.error = strdup(graft_text_str(&safe));
	}
	if (!err && (safe.failed || (!said && !last.error)))
		err = graft_error_no_memory();
	return err ? err : end(store, &last);
}

/** Say whether a release that was taken is not to be remembered any more. */
static bool
is_over(const struct graft_update_taken *taken,
	const struct graft_release *const *releases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(taken->id, releases[i]->id) == 0 ||
		    (releases[i]->line == GRAFT_RELEASE_BASELINE &&
		     taken->level <= releases[i]->level))
			return true;
	}
	return false;
}

struct graft_error *
graft_update_last_take(const struct graft_release *const *releases,
		       size_t count, bool memory_only, int64_t now)
{
	GRAFT_CLEANUP(graft_trust_store_closep)
	struct graft_trust_store *store = NULL;
	GRAFT_CLEANUP(graft_update_last_deinit)
	struct graft_update_last last = { 0 };
	char boot_id[GRAFT_BOOT_ID_LEN];
	size_t left = 0;

	struct graft_error *err = graft_boot_id_read(boot_id);
	if (!err)
		err = begin(&store, &last);
	if (err)
		return err;
	for (size_t i = 0; i < last.taken_count; i++) {
		if (!is_over(&last.taken[i], releases, count))
			last.taken[left++] = last.taken[i];
	}
	last.taken_count = left;
	for (size_t i = 0; i < count; i++) {
		if (last.taken_count == GRAFT_UPDATE_TAKEN_MAX) {
			last.taken_count--;
			memmove(last.taken, last.taken + 1,
				last.taken_count * sizeof(*last.taken));
		}
		struct graft_update_taken *taken =
			&last.taken[last.taken_count++];
		*taken = (struct graft_update_taken){
			.level = releases[i]->level,
			.at = now,
			.memory_only = memory_only,
		};
		(void)snprintf(taken->id, sizeof(taken->id), "%s",
			       releases[i]->id);
		(void)snprintf(taken->line, sizeof(taken->line), "%s",
			       graft_release_line_name(releases[i]->line));
		memcpy(taken->boot_id, boot_id, sizeof(boot_id));
	}
	return end(store, &last);
}
