// SPDX-License-Identifier: Apache-2.0

#include "agent/answer.h"

#include "base/hex.h"

#include <cjson/cJSON.h>
#include <string.h>

enum {
	WHY_MAX = 1024,
	MODULES_MAX = 4096,
};

/** A word of the tool, and what it means. */
struct word {
	const char *name;
	enum graft_answer_result result;
};

static const struct word actions[] = {
	{ "identical", GRAFT_ANSWER_NOTHING },
	{ "hotpatched-before", GRAFT_ANSWER_NOTHING },
	{ "exited", GRAFT_ANSWER_NOTHING },
	{ "hotpatched", GRAFT_ANSWER_DONE },
	{ "would-hotpatch", GRAFT_ANSWER_DONE },
	{ "restart", GRAFT_ANSWER_RESTART },
	{ "refused", GRAFT_ANSWER_REFUSED },
	{ NULL, 0 },
};

static const struct word results[] = {
	{ "applied", GRAFT_ANSWER_DONE },
	{ "reverted", GRAFT_ANSWER_DONE },
	{ "nothing-to-do", GRAFT_ANSWER_NOTHING },
	{ "refused", GRAFT_ANSWER_REFUSED },
	{ "failed", GRAFT_ANSWER_REFUSED },
	{ NULL, 0 },
};

static void
free_json(cJSON **object)
{
	cJSON_Delete(*object);
}

void
graft_answer_free(struct graft_answer *answer)
{
	if (!answer)
		return;
	for (size_t i = 0; i < answer->count; i++)
		free(answer->items[i].why);
	free(answer->items);
	free(answer);
}

void
graft_answer_patch_deinit(struct graft_answer_patch *patch)
{
	for (size_t i = 0; i < patch->count; i++) {
		free(patch->modules[i].path);
		free(patch->modules[i].soname);
	}
	free(patch->modules);
	*patch = (struct graft_answer_patch){ 0 };
}

GRAFT_MUST_CHECK static struct graft_error *
wrong(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "the answer of graft: %s",
			       what);
}

/** Get a text of an object; NULL: there is none. */
static const char *
text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(object, name));
}

/** Parse the whole. @param[out] ret New object that the caller frees. */
GRAFT_MUST_CHECK static struct graft_error *
parse(const char *text, size_t len, cJSON **ret)
{
	const char *end = NULL;

	if (len > GRAFT_ANSWER_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the answer of graft is too long");
	GRAFT_CLEANUP(free_json)
	cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, false);
	if (!root || !cJSON_IsObject(root))
		return wrong("no JSON object");
	for (; end < text + len; end++) {
		if (*end != '\n')
			return wrong("something behind it");
	}
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	if (error && !cJSON_GetObjectItemCaseSensitive(root, "processes")) {
		const char *message = text_of(error, "message");
		return graft_error_new(GRAFT_ERROR_REFUSED, "%.*s", WHY_MAX,
				       message ? message : "it failed");
	}
	*ret = GRAFT_TAKE(root);
	return NULL;
}

static bool
read_pid(const cJSON *object, pid_t *ret)
{
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(object, "pid");

	if (!cJSON_IsNumber(pid) || !(pid->valuedouble >= 1) ||
	    !(pid->valuedouble <= INT32_MAX) ||
	    (double)(pid_t)pid->valuedouble != pid->valuedouble)
		return false;
	*ret = (pid_t)pid->valuedouble;
	return true;
}

static bool
read_id(const char *id, char ret[GRAFT_QUARANTINE_ID_LEN + 1])
{
	if (!id || strlen(id) != GRAFT_QUARANTINE_ID_LEN ||
	    strspn(id, "0123456789abcdef") != GRAFT_QUARANTINE_ID_LEN)
		return false;
	memcpy(ret, id, GRAFT_QUARANTINE_ID_LEN + 1);
	return true;
}

static bool
read_word(const struct word *words, const char *name,
	  enum graft_answer_result *ret)
{
	for (; name && words->name; words++) {
		if (strcmp(words->name, name) == 0) {
			*ret = words->result;
			return true;
		}
	}
	return false;
}

/** Copy a sentence, if there is one. */
GRAFT_MUST_CHECK static struct graft_error *
copy_why(const char *why, struct graft_answer_item *item)
{
	if (!why)
		return NULL;
	item->why = strndup(why, WHY_MAX);
	return item->why ? NULL : graft_error_no_memory();
}

/** Make room for one more item. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_answer *answer, struct graft_answer_item **ret)
{
	if (answer->count >= GRAFT_ANSWER_ITEMS_MAX)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"the answer of graft names too many processes");
	// In steps, as cJSON holds the rest of it many times over.
	if (answer->count % 64 == 0) {
		struct graft_answer_item *more = reallocarray(
			answer->items, answer->count + 64, sizeof(*more));
		if (!more)
			return graft_error_no_memory();
		answer->items = more;
	}
	*ret = &answer->items[answer->count++];
	**ret = (struct graft_answer_item){ 0 };
	return NULL;
}

/** Reads what is said of a process. @param[in] id Of the whole answer, or NULL. */
typedef struct graft_error *
read_fn(const cJSON *process, const char *id, struct graft_answer *answer);

GRAFT_MUST_CHECK static struct graft_error *
read_sync_item(const cJSON *object, const char *id, struct graft_answer *answer)
{
	struct graft_answer_item *ret = NULL;
	struct graft_error *err = add(answer, &ret);

	(void)id;
	if (err)
		return err;
	if (!read_pid(object, &ret->pid) ||
	    !read_word(actions, text_of(object, "action"), &ret->result))
		return wrong("a process without number or action");
	if (ret->result == GRAFT_ANSWER_DONE &&
	    !read_id(text_of(object, "id"), ret->id))
		return wrong("a process without the id of its hotpatch");
	return copy_why(text_of(object, "why"), ret);
}

GRAFT_MUST_CHECK static struct graft_error *
read_outcome(const cJSON *object, const char *id, struct graft_answer *answer)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(object, "error");
	struct graft_answer_item *ret = NULL;
	struct graft_error *err = add(answer, &ret);

	if (err)
		return err;
	if (!read_pid(object, &ret->pid) ||
	    !read_word(results, text_of(object, "result"), &ret->result))
		return wrong("a process without number or result");
	if (!read_id(id, ret->id))
		return wrong("no id of a hotpatch");
	return error ? copy_why(text_of(error, "message"), ret) : NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_list(const char *text, size_t len, read_fn *fn, struct graft_answer **ret)
{
	GRAFT_CLEANUP(free_json) cJSON *root = NULL;
	GRAFT_CLEANUP(graft_answer_freep)
	struct graft_answer *answer = calloc(1, sizeof(*answer));
	struct graft_error *err = answer ? parse(text, len, &root)
					 : graft_error_no_memory();

	if (err)
		return err;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "processes");
	if (!cJSON_IsArray(list))
		return wrong("no list of processes");
	for (const cJSON *at = list->child; !err && at; at = at->next)
		err = fn(at, text_of(root, "id"), answer);
	if (err)
		return err;
	*ret = GRAFT_TAKE(answer);
	return NULL;
}

struct graft_error *
graft_answer_parse_sync(const char *text, size_t len, struct graft_answer **ret)
{
	return read_list(text, len, read_sync_item, ret);
}

struct graft_error *
graft_answer_parse_outcomes(const char *text, size_t len,
			    struct graft_answer **ret)
{
	return read_list(text, len, read_outcome, ret);
}

/** Read what a process holds. */
GRAFT_MUST_CHECK static struct graft_error *
read_holder(const cJSON *process, const char *id, struct graft_answer *answer)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(process,
							     "hotpatches");
	struct graft_error *err = NULL;
	pid_t pid;

	(void)id;
	if (!read_pid(process, &pid) || !cJSON_IsArray(list))
		return wrong("a process without number or hotpatches");
	for (const cJSON *at = list->child; !err && at; at = at->next) {
		const char *state = text_of(at, "state");
		struct graft_answer_item *item = NULL;
		if (!state)
			return wrong("a hotpatch without state");
		if (strcmp(state, "applied") != 0)
			continue;
		err = add(answer, &item);
		if (err)
			return err;
		item->pid = pid;
		item->result = GRAFT_ANSWER_HOLDS;
		if (!read_id(text_of(at, "id"), item->id))
			err = wrong("a hotpatch without id");
	}
	return err;
}

struct graft_error *
graft_answer_parse_status(const char *text, size_t len,
			  struct graft_answer **ret)
{
	return read_list(text, len, read_holder, ret);
}

/** Read hexadecimal digits that must be there. */
static bool
read_hex(const cJSON *object, const char *name, size_t max, uint8_t *ret,
	 size_t *len_ret)
{
	const char *digits = text_of(object, name);
	struct graft_error *err =
		digits ? graft_hex_decode(digits, max, ret, len_ret) : NULL;
	bool ok = digits && !err;

	graft_error_free(err);
	return ok;
}

GRAFT_MUST_CHECK static struct graft_error *
read_module(const cJSON *object, struct graft_answer_patch *patch)
{
	const char *verdict = text_of(object, "verdict");
	const char *path = text_of(object, "path");
	const char *soname = text_of(object, "soname");
	struct graft_answer_module *module = &patch->modules[patch->count];
	size_t old_len = 0;
	size_t new_len = 0;

	if (!verdict || !path)
		return wrong("a module without verdict or path");
	if (strcmp(verdict, "hotpatch") != 0)
		return NULL;
	*module = (struct graft_answer_module){ 0 };
	if (!read_hex(object, "old_build_id", sizeof(module->build_id),
		      module->build_id, &module->build_id_len) ||
	    !read_hex(object, "old_sha256", GRAFT_SHA256_LEN,
		      module->change.old_sha256, &old_len) ||
	    !read_hex(object, "new_sha256", GRAFT_SHA256_LEN,
		      module->change.new_sha256, &new_len) ||
	    old_len != GRAFT_SHA256_LEN || new_len != GRAFT_SHA256_LEN)
		return wrong("a module without its hashes");
	module->path = strdup(path);
	module->soname = soname ? strdup(soname) : NULL;
	patch->count++;
	return module->path && (module->soname || !soname)
		       ? NULL
		       : graft_error_no_memory();
}

struct graft_error *
graft_answer_parse_show(const char *text, size_t len,
			struct graft_answer_patch *ret)
{
	GRAFT_CLEANUP(free_json) cJSON *root = NULL;
	GRAFT_CLEANUP(graft_answer_patch_deinit)
	struct graft_answer_patch patch = { 0 };
	struct graft_error *err = parse(text, len, &root);

	if (err)
		return err;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "modules");
	int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : -1;
	if (count < 0 || count > MODULES_MAX)
		return wrong("no list of modules");
	if (!read_id(text_of(root, "id"), patch.id))
		return wrong("no id of a hotpatch");
	patch.modules = calloc((size_t)count + 1, sizeof(*patch.modules));
	if (!patch.modules)
		return graft_error_no_memory();
	for (const cJSON *at = list->child; !err && at; at = at->next)
		err = read_module(at, &patch);
	if (err)
		return err;
	*ret = patch;
	patch = (struct graft_answer_patch){ 0 };
	return NULL;
}
