// SPDX-License-Identifier: Apache-2.0

#include "agent/look.h"

#include "base/vec.h"
#include "host/in_place.h"
#include "proc/list.h"
#include "proc/maps.h"
#include "proc/root.h"
#include "proc/status.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** A file of a root that was looked at: many processes map the same. */
struct known {
	struct graft_root root;
	uint64_t dev;
	uint64_t inode;
	bool deleted;
	/** Owned. */
	char *path;
	/** What is there in its place, mixed; 0: it is in place. */
	uint64_t displaced;
	/** The hotpatch that is wanted in it; 0: none. */
	uint32_t serial;
};

/** One look. */
struct pass {
	struct graft_look *look;
	struct graft_root ours;
	struct known *known;
	size_t count;
	size_t room;
	/** Indexes of @ref known by their hash, plus 1; a power of two of them. */
	uint32_t *index;
	size_t index_size;
};

/** How a process sees files. */
struct view {
	pid_t tid;
	struct graft_root root;
	char path[PATH_MAX];
};

static void
pass_deinit(struct pass *pass)
{
	for (size_t i = 0; i < pass->count; i++)
		free(pass->known[i].path);
	free(pass->known);
	free(pass->index);
}

/** Mix a number into a hash. It is no secret: who makes two things equal makes us look
 * at one of them later. */
static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
	hash *= 0xff51afd7ed558ccd;
	return hash ^ hash >> 33;
}

static uint64_t
hash_of(const struct graft_map *map, const struct graft_root *root)
{
	uint64_t hash = mix(map->inode, map->dev);

	for (const char *at = map->path; *at; at++)
		hash = hash * 31 + (unsigned char)*at;
	return mix(mix(hash, root->inode), root->ns ^ root->mount);
}

static bool
is_known(const struct known *known, const struct graft_map *map,
	 const struct graft_root *root)
{
	return known->inode == map->inode && known->dev == map->dev &&
	       known->deleted == map->deleted &&
	       graft_root_is_same(&known->root, root) &&
	       strcmp(known->path, map->path) == 0;
}

/** Make the index larger, and fill it again. */
GRAFT_MUST_CHECK static struct graft_error *
grow_index(struct pass *pass)
{
	size_t size = pass->index_size ? 2 * pass->index_size : 256;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return graft_error_no_memory();
	for (size_t i = 0; i < pass->count; i++) {
		const struct known *k = &pass->known[i];
		const struct graft_map map = { .path = k->path,
					       .inode = k->inode,
					       .dev = k->dev };
		size_t at = hash_of(&map, &k->root) & (size - 1);
		while (index[at])
			at = (at + 1) & (size - 1);
		index[at] = (uint32_t)i + 1;
	}
	free(pass->index);
	pass->index = index;
	pass->index_size = size;
	return NULL;
}

/** Find where a file stands in the index, or belongs. */
static uint32_t *
find_slot(struct pass *pass, const struct graft_map *map,
	  const struct graft_root *root)
{
	size_t at = hash_of(map, root) & (pass->index_size - 1);

	while (pass->index[at] &&
	       !is_known(&pass->known[pass->index[at] - 1], map, root))
		at = (at + 1) & (pass->index_size - 1);
	return &pass->index[at];
}

/**
 * Say whether a hotpatch is for a file that lies in its place. In our own root what was put
 * there after the hotpatch was last worked with stands: somebody went back.
 */
static bool
is_for_place(const struct pass *pass, const struct graft_kept_patch *patch,
	     const struct known *known, const struct stat *now)
{
	uint64_t changed_us = (uint64_t)now->st_ctim.tv_sec * 1000000 +
			      (uint64_t)now->st_ctim.tv_nsec / 1000;
	uint64_t worked_us = patch->last_us ? patch->last_us : patch->made_us;

	return known->displaced ||
	       !graft_root_is_same(&known->root, &pass->ours) ||
	       changed_us <= worked_us;
}

/** Find which hotpatch is wanted in a file that is open, by what it holds. */
GRAFT_MUST_CHECK static struct graft_error *
find_by_content(struct pass *pass, pid_t tid, int fd, const struct stat *now,
		struct known *known)
{
	const struct graft_kept *kept = pass->look->kept;
	struct graft_content *content;
	struct graft_error *err = graft_contents_look(pass->look->contents, fd,
						      &content);

	if (err || !graft_kept_has_build_id(kept, content->build_id,
					    content->build_id_len))
		return err;
	err = graft_contents_hash(pass->look->contents, content, tid, fd);
	if (err)
		return err;
	const struct graft_kept_patch *patch =
		graft_kept_wanted(kept, content->sha256);
	if (!patch || !is_for_place(pass, patch, known, now))
		return NULL;
	known->serial = patch->serial;
	if (known->displaced)
		return NULL;
	if (pass->look->marks)
		err = graft_marks_add(pass->look->marks, fd);
	if (!err && pass->look->hold)
		err = graft_hold_mark(pass->look->hold, fd, tid);
	return err;
}

/** Find which hotpatch is wanted in the file of a mapping. */
GRAFT_MUST_CHECK static struct graft_error *
find_wanted(struct pass *pass, const struct view *view,
	    const struct graft_map *map, const struct stat *now,
	    struct known *known)
{
	GRAFT_CLOSE int fd = -1;

	if (!pass->look->kept->count)
		return NULL;
	struct graft_error *err = graft_map_open_file_of(view->tid, map, &fd);
	return err ? err : find_by_content(pass, view->tid, fd, now, known);
}

/** A root in which files are looked for that nobody need have mapped. */
struct unmapped {
	struct pass *pass;
	const struct view *view;
};

static struct graft_error *
take_named(void *arg, int fd)
{
	const struct unmapped *unmapped = arg;
	struct known known = { .root = unmapped->view->root };
	struct stat now;

	if (fstat(fd, &now) < 0)
		return NULL;
	struct graft_error *err = find_by_content(
		unmapped->pass, unmapped->view->tid, fd, &now, &known);
	if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	graft_error_free(err);
	return NULL;
}

/** Have who loads a file held that a hotpatch names, though nobody has mapped it. */
GRAFT_MUST_CHECK static struct graft_error *
mark_named(struct pass *pass, const struct view *view)
{
	struct unmapped unmapped = { pass, view };

	if (!pass->look->hold ||
	    !graft_named_add(&pass->look->named, &view->root))
		return NULL;
	return graft_named_each(pass->look->kept, view->tid, take_named,
				&unmapped);
}

/** Look at a file that was not seen before. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_file(struct pass *pass, const struct view *view,
	     const struct graft_map *map, struct known *known)
{
	struct graft_place place = {
		.tid = view->tid,
		.mapper = view->tid,
		.root = &view->root,
		.path = graft_root_inside(view->path, map->path),
	};
	bool in_place = true;
	struct stat now = { 0 };
	struct graft_error *err = NULL;

	// As `graft sync` has it: loaded before chroot(2), in our own namespace.
	if (!place.path && view->root.ns == pass->ours.ns)
		place = (struct graft_place){ .tid = getpid(),
					      .mapper = view->tid,
					      .root = &pass->ours,
					      .path = map->path };
	if (place.path)
		err = graft_place_look(&place, map, &now, &in_place);
	if (!err && !in_place)
		known->displaced = mix(mix(mix(1, now.st_ino), now.st_dev),
				       (uint64_t)now.st_mtim.tv_sec ^
					       (uint64_t)now.st_mtim.tv_nsec) |
				   1;
	if (err)
		return err;
	err = find_wanted(pass, view, map, &now, known);
	// What cannot be read is nothing that we know.
	if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY ||
	    graft_error_code(err) == GRAFT_ERROR_TARGET_GONE)
		return err;
	graft_error_free(err);
	return NULL;
}

/** Find what is known of the file of a mapping. @param[out] ret Lent until the next. */
GRAFT_MUST_CHECK static struct graft_error *
find_known(struct pass *pass, const struct view *view,
	   const struct graft_map *map, const struct known **ret)
{
	struct graft_error *err = NULL;

	if (2 * (pass->count + 1) > pass->index_size)
		err = grow_index(pass);
	if (err)
		return err;
	uint32_t *slot = find_slot(pass, map, &view->root);
	if (*slot) {
		*ret = &pass->known[*slot - 1];
		return NULL;
	}
	struct known known = {
		.root = view->root,
		.dev = map->dev,
		.inode = map->inode,
		.deleted = map->deleted,
	};
	err = look_at_file(pass, view, map, &known);
	if (!err)
		err = graft_vec_reserve(&pass->known, &pass->room,
					pass->count + 1, sizeof(*pass->known));
	if (err)
		return err;
	known.path = strdup(map->path);
	if (!known.path)
		return graft_error_no_memory();
	*slot = (uint32_t)pass->count + 1;
	pass->known[pass->count] = known;
	*ret = &pass->known[pass->count++];
	return NULL;
}

/** Add the file of a mapping to what a process needs. */
static void
add_need(struct graft_table_need *needs, size_t *count,
	 const struct graft_map *map, const struct known *known, bool sync)
{
	if (sync && known->displaced)
		needs[0].what = mix(needs[0].what ^ map->start,
				    known->displaced ^ map->inode) |
				1;
	if (!known->serial)
		return;
	size_t at = 1;
	while (at < *count && needs[at].serial != known->serial)
		at++;
	if (at > GRAFT_TABLE_WANTS)
		return;
	if (at == *count)
		needs[(*count)++] =
			(struct graft_table_need){ .serial = known->serial };
	needs[at].displaced |= known->displaced != 0;
	needs[at].what = mix(needs[at].what ^ map->start, map->inode) | 1;
}

/** Look at what a process has mapped. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_maps(struct pass *pass, pid_t pid, struct graft_table_need *needs,
	     size_t *count)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct view view = { .tid = graft_proc_live_tid(pid) };
	const struct known *known = NULL;

	if (view.tid == 0)
		return NULL;
	struct graft_error *err = graft_maps_read(view.tid, &maps);
	if (!err && maps->count)
		err = graft_root_read(view.tid, &view.root);
	if (!err && maps->count)
		err = graft_root_read_path(view.tid, view.path);
	if (!err && maps->count)
		err = mark_named(pass, &view);
	for (size_t i = 0; !err && i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if (!graft_map_is_code_of_file(map))
			continue;
		err = find_known(pass, &view, map, &known);
		if (!err)
			add_need(needs, count, map, known, pass->look->sync);
	}
	return err;
}

/** Look at one process. @param[out] in_ret It is in scope. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_process(struct pass *pass, pid_t pid, bool *in_ret)
{
	struct graft_look *look = pass->look;
	struct graft_proc_status status = { 0 };
	struct graft_table_need needs[1 + GRAFT_TABLE_WANTS] = { 0 };
	struct graft_table_process *process = NULL;
	size_t count = 1;
	struct graft_error *err = graft_proc_stat_read(pid, &status);

	*in_ret = false;
	if (err || status.kernel || status.state == 'Z' || pid == getpid())
		return err;
	err = graft_agent_scope_ask(look->scope, pid, in_ret);
	if (err || !*in_ret)
		return err;
	err = look_at_maps(pass, pid, needs, &count);
	if (!err)
		err = graft_table_get(look->table, pid, status.start_ticks,
				      &process);
	if (err)
		return err;
	process->round = look->round;
	graft_table_set_needs(process, needs, count);
	return NULL;
}

/** Look at processes. */
GRAFT_MUST_CHECK static struct graft_error *
look_at(struct graft_look *look, const pid_t *pids, size_t count)
{
	GRAFT_CLEANUP(pass_deinit) struct pass pass = { .look = look };
	struct graft_error *err = graft_root_read(getpid(), &pass.ours);

	for (size_t i = 0; !err && i < count; i++) {
		bool in = false;
		err = look_at_process(&pass, pids[i], &in);
		if (!err && !in)
			graft_table_drop(look->table, pids[i]);
		if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			continue;
		if (graft_error_code(err) == GRAFT_ERROR_TARGET_GONE)
			graft_table_drop(look->table, pids[i]);
		else
			look->unseen++;
		graft_error_free(err);
		err = NULL;
	}
	return err;
}

struct graft_error *
graft_look_at_some(struct graft_look *look, const pid_t *pids, size_t count)
{
	return look_at(look, pids, count);
}

struct graft_error *
graft_look_at_all(struct graft_look *look)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count = 0;
	struct graft_error *err = graft_proc_list(&pids, &count);

	look->round++;
	look->unseen = 0;
	look->named.count = 0;
	if (!err)
		err = look_at(look, pids, count);
	if (!err)
		graft_table_drop_others(look->table, look->round);
	return err;
}
