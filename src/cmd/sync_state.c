// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_state.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

void
graft_sync_deinit(struct graft_sync *sync)
{
	for (size_t i = 0; sync->units && i < sync->code->process_count; i++)
		graft_unit_deinit(&sync->units[i]);
	free(sync->units);
	for (size_t i = 0; sync->held_units && i < sync->held->count; i++)
		graft_unit_deinit(&sync->held_units[i]);
	free(sync->held_units);
	graft_held_free(sync->held);
	free(sync->pids);
	for (size_t i = 0; i < sync->group_count; i++)
		graft_patch_free(sync->groups[i].patch);
	for (size_t i = 0; i < sync->item_count; i++)
		free(sync->items[i].why);
	for (size_t i = 0; i < sync->ahead_count; i++)
		free(sync->ahead[i].module);
	free(sync->ahead);
	free(sync->groups);
	free(sync->items);
	free(sync->group_of);
	free(sync->module_of);
	graft_packages_free(sync->packages);
	graft_old_code_free(sync->code);
	*sync = (struct graft_sync){ 0 };
}

/** Get the package of a file, or NULL. */
static const struct graft_package *
package_of(const struct graft_sync *sync, size_t file)
{
	size_t at = sync->packages ? sync->packages->of[file] : SIZE_MAX;

	return at == SIZE_MAX ? NULL : &sync->packages->packages[at];
}

const char *
graft_sync_first_path(const struct graft_sync *sync,
		      const struct graft_sync_item *item)
{
	const struct graft_old_process *p =
		&sync->code->processes[item->process];
	size_t i = 0;

	// An item is made for a file of its group.
	while (sync->group_of[p->files[i]] != item->group)
		i++;
	return sync->code->files[p->files[i]].path;
}

/** Do two packages come from one source, in one version? */
static bool
is_same_source(const struct graft_package *a, const struct graft_package *b)
{
	if (!a || !b || a == b)
		return a == b;
	return a->source && b->source && strcmp(a->source, b->source) == 0 &&
	       strcmp(a->version, b->version) == 0;
}

/** Does a group hold a file with the same content that something else stands for? One
 * hotpatch cannot lead to both. */
static bool
is_otherwise_in(const struct graft_sync *sync, size_t group, size_t file)
{
	const struct graft_old_file *f = &sync->code->files[file];

	for (size_t i = 0; i < file; i++) {
		const struct graft_old_file *other = &sync->code->files[i];
		if (sync->group_of[i] == group && f->new_path &&
		    other->new_path &&
		    memcmp(f->old_sha256, other->old_sha256,
			   sizeof(f->old_sha256)) == 0 &&
		    memcmp(f->new_sha256, other->new_sha256,
			   sizeof(f->new_sha256)) != 0)
			return true;
	}
	return false;
}

/** Find the group of a file, or make it. */
GRAFT_MUST_CHECK static struct graft_error *
find_group(struct graft_sync *sync, size_t *room, size_t file, size_t *ret)
{
	const struct graft_package *package = package_of(sync, file);
	const struct graft_root *root = &sync->code->files[file].root;
	// Of no package are those of many people, who are not to get into each other's way.
	bool of_root = !package &&
		       graft_sync_is_of_root(&sync->code->files[file]);

	for (size_t i = 0; i < sync->group_count; i++) {
		const struct graft_sync_group *group = &sync->groups[i];
		if (is_same_source(group->package, package) &&
		    graft_root_is_same(&group->root, root) &&
		    (package || (group->of_root == of_root &&
				 !is_otherwise_in(sync, i, file)))) {
			*ret = i;
			return NULL;
		}
	}
	struct graft_error *err = graft_vec_reserve(&sync->groups, room,
						    sync->group_count + 1,
						    sizeof(*sync->groups));
	if (err)
		return err;
	struct graft_sync_group group = { .package = package,
					  .root = *root,
					  .of_root = of_root };
	err = graft_patch_new(&group.patch);
	if (err)
		return err;
	*ret = sync->group_count;
	sync->groups[sync->group_count++] = group;
	return NULL;
}

/** Make the items of a process: one for each group of its files. */
GRAFT_MUST_CHECK static struct graft_error *
make_items(struct graft_sync *sync, size_t *room, size_t process)
{
	const struct graft_old_process *p = &sync->code->processes[process];
	size_t first = sync->item_count;

	for (size_t i = 0; i < p->file_count; i++) {
		size_t group = sync->group_of[p->files[i]];
		bool known = false;
		for (size_t k = first; k < sync->item_count; k++)
			known |= sync->items[k].group == group;
		if (known)
			continue;
		struct graft_error *err = graft_vec_reserve(
			&sync->items, room, sync->item_count + 1,
			sizeof(*sync->items));
		if (err)
			return err;
		sync->items[sync->item_count++] = (struct graft_sync_item){
			.process = process,
			.group = group,
		};
	}
	return NULL;
}

struct graft_error *
graft_sync_make_groups(struct graft_sync *sync)
{
	const struct graft_old_code *code = sync->code;
	struct graft_error *err = NULL;
	size_t room = 0;

	sync->group_of = calloc(code->file_count + 1, sizeof(size_t));
	sync->module_of = calloc(code->file_count + 1, sizeof(size_t));
	if (!sync->group_of || !sync->module_of)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < code->file_count; i++) {
		sync->module_of[i] = SIZE_MAX;
		err = find_group(sync, &room, i, &sync->group_of[i]);
	}
	room = 0;
	for (size_t i = 0; !err && i < code->process_count; i++)
		err = make_items(sync, &room, i);
	return err;
}

/** Find the module of the same two files in a hotpatch, or SIZE_MAX. */
static size_t
find_module(const struct graft_patch *patch,
	    const struct graft_patch_module *module)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		if (memcmp(m->old_sha256, module->old_sha256,
			   sizeof(m->old_sha256)) == 0 &&
		    memcmp(m->new_sha256, module->new_sha256,
			   sizeof(m->new_sha256)) == 0)
			return i;
	}
	return SIZE_MAX;
}

struct graft_error *
graft_sync_take_verdict(struct graft_sync *sync, size_t file,
			struct graft_patch *verdict)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *one = verdict;
	struct graft_patch *all = sync->groups[sync->group_of[file]].patch;
	size_t at = find_module(all, &one->modules[0]);

	if (at == SIZE_MAX) {
		struct graft_patch_module *more =
			reallocarray(all->modules, all->module_count + 1,
				     sizeof(*all->modules));
		if (!more)
			return graft_error_no_memory();
		all->modules = more;
		at = all->module_count++;
		all->modules[at] = one->modules[0];
		one->modules[0] = (struct graft_patch_module){ 0 };
		if (!all->toolchain)
			all->toolchain = GRAFT_TAKE(one->toolchain);
	}
	sync->module_of[file] = at;
	return NULL;
}

const struct graft_patch_module *
graft_sync_module(const struct graft_sync *sync, size_t file)
{
	size_t at = sync->module_of[file];

	return at == SIZE_MAX
		       ? NULL
		       : &sync->groups[sync->group_of[file]].patch->modules[at];
}

/** Find the first reason that is no note, or NULL. */
static const struct graft_reason *
find_reason(const struct graft_patch_module *module)
{
	for (size_t i = 0; i < module->reason_count; i++) {
		if (!module->reasons[i].note)
			return &module->reasons[i];
	}
	return NULL;
}

/** Say why a file needs a restart, or append nothing if it does not. */
static void
put_obstacle(const struct graft_sync *sync, size_t file,
	     struct graft_text *text)
{
	const struct graft_old_file *f = &sync->code->files[file];
	const struct graft_patch_module *m = graft_sync_module(sync, file);
	const struct graft_reason *reason = m ? find_reason(m) : NULL;

	// By it a hotpatch is found in a process, before it is applied and after.
	bool nameless = m && m->verdict == GRAFT_VERDICT_HOTPATCH &&
			!m->old_build_id_len;
	if (m && m->verdict != GRAFT_VERDICT_BASELINE && !nameless)
		return;
	graft_text_put_safe(text, f->path);
	graft_text_put(text, ": ");
	if (nameless)
		graft_text_put(text, "it has no build-id");
	else if (reason)
		graft_text_printf(text, "%s %s: %s", reason->rule,
				  reason->where, reason->text);
	else if (f->why)
		graft_text_put_safe(text, f->why);
	else if (!f->new_path)
		graft_text_put(text, "nothing on disk stands for it");
	else
		graft_text_put(text, "it could not be compared");
}

/** Decide about one process and group. */
GRAFT_MUST_CHECK static struct graft_error *
decide(const struct graft_sync *sync, struct graft_sync_item *item)
{
	const struct graft_old_process *p =
		&sync->code->processes[item->process];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	item->action = GRAFT_SYNC_SAME;
	for (size_t i = 0; i < p->file_count && !text.len; i++) {
		size_t file = p->files[i];
		if (sync->group_of[file] != item->group)
			continue;
		const struct graft_patch_module *m = graft_sync_module(sync,
								       file);
		put_obstacle(sync, file, &text);
		if (m && m->verdict == GRAFT_VERDICT_HOTPATCH)
			item->action = GRAFT_SYNC_DONE;
	}
	if (!text.len)
		return NULL;
	item->action = GRAFT_SYNC_RESTART;
	return graft_text_take(&text, &item->why);
}

struct graft_error *
graft_sync_decide(struct graft_sync *sync)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < sync->item_count; i++)
		err = decide(sync, &sync->items[i]);
	return err;
}
