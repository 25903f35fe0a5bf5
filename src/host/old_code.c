// SPDX-License-Identifier: Apache-2.0

#include "host/old_code.h"

#include "base/limits.h"
#include "base/vec.h"
#include "host/budget.h"
#include "host/known_files.h"
#include "host/successor.h"
#include "proc/status.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t current = SIZE_MAX;

/** A look at processes. */
struct look {
	struct graft_root ours;
	struct graft_known_files known;
	struct graft_budget budget;
	struct graft_old_code *code;
	size_t file_room;
	size_t process_room;
	size_t holder_room;
};

static void
look_deinit(struct look *look)
{
	graft_known_files_deinit(&look->known);
	graft_budget_deinit(&look->budget);
}

static void
file_deinit(struct graft_old_file *file)
{
	free(file->path);
	free(file->new_path);
	free(file->map_path);
	free(file->why);
}

void
graft_old_code_free(struct graft_old_code *code)
{
	if (!code)
		return;
	for (size_t i = 0; i < code->file_count; i++)
		file_deinit(&code->files[i]);
	for (size_t i = 0; i < code->process_count; i++)
		free(code->processes[i].files);
	free(code->files);
	free(code->holders);
	free(code->processes);
	free(code);
}

static int
by_index(const void *a, const void *b)
{
	size_t one = *(const size_t *)a;
	size_t other = *(const size_t *)b;

	return (one > other) - (one < other);
}

/** How a process sees files. */
struct view {
	/** A thread of it that lives. */
	pid_t tid;
	struct graft_root root;
	/** Where its root is. */
	char path[PATH_MAX];
};

/** Does a file begin as ELF files do? Code is mapped from others too. */
static bool
is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/** Hash a file, if it is none that only means to keep us busy. */
GRAFT_MUST_CHECK static struct graft_error *
hash(int fd, const char *path, uint8_t ret[GRAFT_SHA256_LEN])
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", path);
	if ((uint64_t)st.st_size > GRAFT_LIMIT_ELF_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s is longer than %d MiB", path,
				       (int)(GRAFT_LIMIT_ELF_BYTES >> 20));
	return graft_sha256_fd(fd, GRAFT_LIMIT_ELF_BYTES, ret);
}

/** Compare what is mapped with what lies on disk. @param[out] old_ret It is old code. */
GRAFT_MUST_CHECK static struct graft_error *
compare(struct look *look, pid_t tid, const struct graft_place *place,
	struct graft_old_file *file, bool *old_ret)
{
	GRAFT_CLOSE int old_fd = -1;
	GRAFT_CLOSE int new_fd = -1;
	struct graft_error *err = graft_map_open_file_of(tid, &file->map,
							 &old_fd);

	*old_ret = false;
	if (err)
		return err;
	if (!is_elf(old_fd))
		return NULL;
	*old_ret = true;
	err = graft_successor_find(place, old_fd, &file->new_path, &new_fd);
	if (!err)
		err = graft_budget_charge(&look->budget, file->pid, old_fd,
					  new_fd);
	if (!err)
		err = hash(old_fd, file->path, file->old_sha256);
	if (err || new_fd < 0)
		return err;
	err = hash(new_fd, file->new_path, file->new_sha256);
	*old_ret = err || memcmp(file->old_sha256, file->new_sha256,
				 GRAFT_SHA256_LEN) != 0;
	return err;
}

/** Is it an error of ours, or of a process that has ended? */
static bool
is_fatal(const struct graft_error *err)
{
	return graft_error_code(err) == GRAFT_ERROR_NO_MEMORY ||
	       graft_error_code(err) == GRAFT_ERROR_TARGET_GONE;
}

/** Look at a mapped file that is not in its place. @param[out] ret Which file it is. */
GRAFT_MUST_CHECK static struct graft_error *
look_into(struct look *look, pid_t pid, pid_t tid, const struct graft_map *map,
	  const struct graft_place *place, size_t *ret)
{
	struct graft_old_code *code = look->code;
	struct graft_error *err =
		graft_vec_reserve(&code->files, &look->file_room,
				  code->file_count + 1, sizeof(*code->files));
	bool old = false;

	*ret = current;
	if (err)
		return err;
	struct graft_old_file file = {
		.path = strdup(place->path),
		.root = *place->root,
		.ours = graft_root_is_same(place->root, &look->ours),
		.pid = pid,
		.map = *map,
	};
	file.map_path = strdup(map->path);
	file.map.path = file.map_path;
	if (file.path && file.map.path)
		err = compare(look, tid, place, &file, &old);
	else
		err = graft_error_no_memory();
	if (err && !is_fatal(err)) {
		old = true;
		file.why = strdup(graft_error_message(err));
		graft_error_free(err);
		err = file.why ? NULL : graft_error_no_memory();
	}
	if (err || !old) {
		file_deinit(&file);
		return err;
	}
	if (!file.ours && file.new_path &&
	    graft_successor_is_ours(place->tid, file.new_path)) {
		file.ours = true;
		file.root = look->ours;
	}
	*ret = code->file_count;
	code->files[code->file_count++] = file;
	return NULL;
}

/** Add a mapped file that was deleted, and whose path leads to what we cannot see.
 * @param[out] ret Which file it is. */
GRAFT_MUST_CHECK static struct graft_error *
add_unknown(struct look *look, pid_t pid, const struct graft_map *map,
	    const struct graft_root *root, size_t *ret)
{
	struct graft_old_code *code = look->code;
	struct graft_error *err =
		graft_vec_reserve(&code->files, &look->file_room,
				  code->file_count + 1, sizeof(*code->files));
	if (err)
		return err;
	struct graft_old_file file = {
		.path = strdup(map->path),
		.root = *root,
		.pid = pid,
		.map = *map,
		.why = strdup(
			"it was deleted, and the process called chroot in "
			"a mount namespace of its own: what would be "
			"loaded now is not known"),
	};
	file.map_path = strdup(map->path);
	file.map.path = file.map_path;
	if (!file.path || !file.map.path || !file.why) {
		file_deinit(&file);
		return graft_error_no_memory();
	}
	*ret = code->file_count;
	code->files[code->file_count++] = file;
	return NULL;
}

/** Say which old file a mapping is of; `current` for none. */
GRAFT_MUST_CHECK static struct graft_error *
look_at(struct look *look, pid_t pid, const struct view *view,
	const struct graft_map *map, size_t *ret)
{
	const struct graft_root *root = &view->root;
	struct graft_known_file *known = graft_known_files_find(&look->known,
								map, root);
	struct graft_place place = { .tid = view->tid,
				     .mapper = view->tid,
				     .root = root };
	struct stat now;
	bool in_place = false;

	place.path = graft_root_inside(view->path, map->path);
	// It was loaded before chroot(2): whence is known of our own namespace only.
	if (!place.path && root->ns == look->ours.ns)
		place = (struct graft_place){ .tid = getpid(),
					      .mapper = view->tid,
					      .root = &look->ours,
					      .path = map->path };
	*ret = known ? known->file : current;
	// That one process failed to show a file says nothing of the others.
	if (known && (*ret == current || !look->code->files[*ret].why))
		return NULL;
	struct graft_error *err = NULL;
	if (!place.path && map->deleted)
		err = add_unknown(look, pid, map, root, ret);
	// That it is in its place is not known either, but likely.
	if (!err && place.path)
		err = graft_place_look(&place, map, &now, &in_place);
	if (!err && place.path && !in_place)
		err = look_into(look, pid, view->tid, map, &place, ret);
	if (err)
		return err;
	if (known) {
		known->file = *ret;
		return NULL;
	}
	return graft_known_files_add(&look->known, map, root, *ret);
}

/** Add a file to a process. */
GRAFT_MUST_CHECK static struct graft_error *
add_file(struct graft_old_process *process, size_t *room, size_t file)
{
	struct graft_error *err = graft_vec_reserve(&process->files, room,
						    process->file_count + 1,
						    sizeof(*process->files));
	if (err)
		return err;
	process->files[process->file_count++] = file;
	return NULL;
}

/** Bring the files of a process in order, each once. */
static void
sort_files(struct graft_old_process *process)
{
	size_t count = 0;

	if (!process->file_count)
		return;
	qsort(process->files, process->file_count, sizeof(*process->files),
	      by_index);
	for (size_t i = 0; i < process->file_count; i++) {
		if (!count || process->files[count - 1] != process->files[i])
			process->files[count++] = process->files[i];
	}
	process->file_count = count;
}

/** Note who holds a file that is no code, and no longer in its place. */
GRAFT_MUST_CHECK static struct graft_error *
note_holder(struct look *look, pid_t pid, const struct graft_map *map)
{
	struct graft_old_code *code = look->code;

	if (!map->deleted || (map->prot & PROT_EXEC) || map->path[0] != '/' ||
	    (code->holder_count &&
	     code->holders[code->holder_count - 1] == pid))
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&code->holders, &look->holder_room, code->holder_count + 1,
		sizeof(*code->holders));
	if (err)
		return err;
	code->holders[code->holder_count++] = pid;
	return NULL;
}

/** Look at all that a process has mapped. @param[in,out] process Gets its files. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_maps(struct look *look, struct graft_old_process *process)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct view view = { .tid = graft_proc_live_tid(process->pid) };
	size_t room = 0;

	// Kernel threads and zombies have no memory.
	if (view.tid == 0)
		return NULL;
	struct graft_error *err = graft_maps_read(view.tid, &maps);
	if (err || !maps->count)
		return err;
	err = graft_root_read(view.tid, &view.root);
	if (!err)
		err = graft_root_read_path(view.tid, view.path);
	for (size_t i = 0; !err && i < maps->count; i++) {
		size_t file = current;
		err = note_holder(look, process->pid, &maps->maps[i]);
		if (err || !graft_map_is_code_of_file(&maps->maps[i]))
			continue;
		err = look_at(look, process->pid, &view, &maps->maps[i], &file);
		if (!err && file != current)
			err = add_file(process, &room, file);
	}
	sort_files(process);
	look->code->looked += !err;
	return err;
}

/** Look at one process. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_process(struct look *look, pid_t pid)
{
	struct graft_old_code *code = look->code;
	struct graft_proc_status status = { 0 };
	struct graft_old_process process = { .pid = pid };
	struct graft_error *err = graft_proc_stat_read(pid, &status);

	if (!err && status.kernel)
		return NULL;
	memcpy(process.comm, status.comm, sizeof(process.comm));
	process.start_ticks = status.start_ticks;
	if (!err)
		err = graft_vec_reserve(&code->processes, &look->process_room,
					code->process_count + 1,
					sizeof(*code->processes));
	if (!err)
		err = look_at_maps(look, &process);
	if (err || !process.file_count) {
		free(process.files);
		return err;
	}
	code->processes[code->process_count++] = process;
	return NULL;
}

struct graft_error *
graft_old_code_find(const pid_t *pids, size_t count,
		    struct graft_old_code **ret)
{
	GRAFT_CLEANUP(look_deinit) struct look look = { 0 };
	GRAFT_CLEANUP(graft_old_code_freep)
	struct graft_old_code *code = calloc(1, sizeof(*code));
	struct graft_error *err = code ? graft_root_read(getpid(), &look.ours)
				       : graft_error_no_memory();

	look.code = code;
	for (size_t i = 0; !err && i < count; i++) {
		err = look_at_process(&look, pids[i]);
		if (!err || graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			continue;
		code->unseen += graft_error_code(err) !=
				GRAFT_ERROR_TARGET_GONE;
		graft_error_free(err);
		err = NULL;
	}
	if (err)
		return err;
	*ret = GRAFT_TAKE(code);
	return NULL;
}
