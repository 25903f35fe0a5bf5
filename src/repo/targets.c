// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "repo/copy.h"
#include "repo/delegating.h"
#include "repo/names.h"
#include "repo/tree.h"

#include <stdio.h>
#include <string.h>

/** A target that is being added. */
struct added {
	const char *path;
	struct graft_repo_role *role;
	/** Its object. Owned. */
	char *json;
};

/** Targets that are being added. */
struct batch {
	struct added *list;
	size_t count;
};

static void
batch_deinit(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->list[i].json);
	free(batch->list);
}

/** Find the role that is to list a target. */
GRAFT_MUST_CHECK static struct graft_error *
choose_role(struct graft_repo *repo, const char *wanted, const char *path,
	    struct graft_repo_role **ret)
{
	bool reaches = false;

	if (!wanted) {
		struct graft_error *err = graft_repo_route(repo, path, ret);
		if (!err && !*ret)
			*ret = repo->roles[GRAFT_REPO_TARGETS];
		return err;
	}
	struct graft_error *err = graft_repo_look_up(repo, wanted, ret);
	if (err || *ret == repo->roles[GRAFT_REPO_TARGETS])
		return err;
	err = graft_repo_reaches(repo, path, wanted, &reaches);
	if (err || reaches)
		return err;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%s: clients do not ask role %s for it", path,
			       wanted);
}

/** See that each client puts the keys of a value in the same order. */
GRAFT_MUST_CHECK static struct graft_error *
check_order(const struct graft_node *root)
{
	// All strings, for the keys are among them.
	for (uint32_t i = 0; i < root->span; i++) {
		if (root[i].kind == GRAFT_NODE_STRING &&
		    !graft_repo_same_order(root[i].text))
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"a character beyond U+FFFF: as a key some "
				"clients would put it in another order");
	}
	return NULL;
}

/** Append the member `custom`, if what is said is JSON. */
GRAFT_MUST_CHECK static struct graft_error *
put_custom(const char *custom, struct graft_text *out)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;
	struct graft_error *err = graft_document_parse(custom, strlen(custom),
						       &document);

	if (!err && graft_document_root(document)->kind != GRAFT_NODE_OBJECT)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT, "no object");
	if (!err)
		err = check_order(graft_document_root(document));
	if (err)
		return graft_error_prefix(err, "custom");
	graft_text_put(out, "\"custom\":");
	graft_json_put_node(out, graft_document_root(document));
	graft_text_put(out, ",");
	return NULL;
}

/** Copy a target to where it waits, and write its object. */
GRAFT_MUST_CHECK static struct graft_error *
take(struct graft_repo *repo, const struct graft_repo_target *target,
     char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *folder = NULL;
	const struct graft_copy_source source = { target->folder,
						  target->file };
	struct graft_copy copy;

	struct graft_error *err = graft_repo_path(repo, &folder,
						  "staged/targets");
	if (!err)
		err = target->file
			      ? graft_copy_target(&source, folder, target->path,
						  &copy)
			      : graft_copy_bytes(target->bytes, target->len,
						 folder, target->path, &copy);
	if (err)
		return err;
	graft_text_put(&text, "{");
	if (target->custom)
		err = put_custom(target->custom, &text);
	if (err)
		return err;
	graft_text_printf(&text,
			  "\"hashes\":{\"sha256\":\"%s\"},\"length\":%llu}",
			  copy.digits, (unsigned long long)copy.len);
	return graft_text_take(&text, ret);
}

/** Stage what is added to one role. */
GRAFT_MUST_CHECK static struct graft_error *
stage_role(struct graft_repo *repo, struct graft_repo_role *role,
	   const struct batch *batch)
{
	GRAFT_FREE struct graft_json_member *members = calloc(batch->count + 1,
							      sizeof(*members));
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text all = { 0 };
	size_t count = 0;

	if (!members)
		return graft_error_no_memory();
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->list[i].role == role)
			members[count++] = (struct graft_json_member){
				batch->list[i].path, batch->list[i].json
			};
	}
	if (!count)
		return NULL;
	graft_json_put_merged(&all, graft_repo_current(role)->targets, members,
			      count);
	if (all.failed)
		return graft_error_no_memory();
	const struct graft_json_member member = { "targets", all.str };
	return graft_repo_stage(repo, role, &member, 1);
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct added *)a)->path,
		      ((const struct added *)b)->path);
}

/** See that no path is there twice. Puts the batch in order. */
GRAFT_MUST_CHECK static struct graft_error *
check_twice(struct batch *batch)
{
	if (batch->count)
		qsort(batch->list, batch->count, sizeof(*batch->list),
		      compare_paths);
	for (size_t i = 1; i < batch->count; i++) {
		if (strcmp(batch->list[i - 1].path, batch->list[i].path) == 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s: twice",
					       batch->list[i].path);
	}
	return NULL;
}

struct graft_error *
graft_repo_add(struct graft_repo *repo, const char *role,
	       const struct graft_repo_target *targets, size_t count)
{
	GRAFT_CLEANUP(batch_deinit)
	struct batch batch = {
		.list = calloc(count + 1, sizeof(*batch.list)),
	};
	struct graft_error *err = NULL;

	if (!batch.list)
		return graft_error_no_memory();
	for (; !err && batch.count < count; batch.count++) {
		const struct graft_repo_target *target = &targets[batch.count];
		struct added *added = &batch.list[batch.count];
		added->path = target->path;
		err = graft_repo_path_check(target->path);
		if (!err)
			err = choose_role(repo, role, target->path,
					  &added->role);
	}
	if (!err)
		err = check_twice(&batch);
	if (err)
		return err;
	// The order is another now.
	for (size_t i = 0; !err && i < count; i++) {
		struct added key = { .path = targets[i].path };
		struct added *added = bsearch(&key, batch.list, count,
					      sizeof(key), compare_paths);
		err = take(repo, &targets[i], &added->json);
	}
	for (size_t i = 0; !err && i < repo->role_count; i++)
		err = stage_role(repo, repo->roles[i], &batch);
	return err;
}

/** Say whether what a role says next lists a target. */
static bool
lists(const struct graft_repo_role *role, const char *path)
{
	const struct graft_metadata *metadata = graft_repo_current(role);

	return metadata && role->type == GRAFT_METADATA_TARGETS &&
	       graft_node_get(metadata->targets, path);
}

/** Stage that targets of one role go. */
GRAFT_MUST_CHECK static struct graft_error *
remove_of(struct graft_repo *repo, struct graft_repo_role *role,
	  const char *const *paths, size_t count)
{
	GRAFT_FREE struct graft_json_member *members = calloc(count + 1,
							      sizeof(*members));
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text all = { 0 };
	size_t found = 0;

	if (!members)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (lists(role, paths[i]))
			members[found++].key = paths[i];
	}
	if (!found)
		return NULL;
	graft_json_put_merged(&all, graft_repo_current(role)->targets, members,
			      found);
	if (all.failed)
		return graft_error_no_memory();
	const struct graft_json_member member = { "targets", all.str };
	return graft_repo_stage(repo, role, &member, 1);
}

struct graft_error *
graft_repo_remove(struct graft_repo *repo, const char *const *paths,
		  size_t count)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < count; i++) {
		bool listed = false;
		for (size_t k = 0; k < repo->role_count; k++)
			listed |= lists(repo->roles[k], paths[i]);
		if (!listed)
			return graft_error_new(GRAFT_ERROR_NOT_FOUND,
					       "%s: no such target", paths[i]);
	}
	for (size_t k = 0; !err && k < repo->role_count; k++)
		err = remove_of(repo, repo->roles[k], paths, count);
	return err;
}
