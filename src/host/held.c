// SPDX-License-Identifier: Apache-2.0

#include "host/held.h"

#include "base/limits.h"
#include "base/sha256.h"
#include "base/vec.h"
#include "host/held_package.h"
#include "host/old_code.h"
#include "host/service.h"
#include "host/successor.h"
#include "host/unit.h"
#include "proc/maps.h"
#include "proc/open_files.h"
#include "proc/root.h"
#include "proc/started.h"
#include "proc/status.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/** Words of a command line that are looked at. */
	WORDS_MOST = 64,
};

/** The process that is looked at. */
struct view {
	pid_t tid;
	uint64_t start_us;
	/** Most processes have nothing for which it must be known how they see files. */
	bool has_root;
	bool is_ours;
	char root_path[PATH_MAX];
};

/** A look at processes. */
struct look {
	struct graft_root ours;
	struct graft_held *held;
	size_t room;
	size_t file_room;
};

void
graft_held_free(struct graft_held *held)
{
	if (!held)
		return;
	for (size_t i = 0; i < held->count; i++) {
		struct graft_held_process *p = &held->processes[i];
		for (size_t k = 0; k < p->count; k++)
			graft_held_file_deinit(&p->files[k]);
		free(p->files);
	}
	free(held->processes);
	graft_packages_free(held->packages);
	free(held);
}

/** Add a file to a process, once. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct look *look, struct graft_held_process *process,
    struct graft_held_file file, const char *path)
{
	for (size_t i = 0; i < process->count; i++) {
		if (strcmp(process->files[i].path, path) == 0)
			return NULL;
	}
	struct graft_error *err =
		graft_vec_reserve(&process->files, &look->file_room,
				  process->count + 1, sizeof(*process->files));
	if (err)
		return err;
	file.path = strdup(path);
	file.package = SIZE_MAX;
	if (!file.path)
		return graft_error_no_memory();
	process->files[process->count++] = file;
	return NULL;
}

/** Find out how a process sees files. */
GRAFT_MUST_CHECK static struct graft_error *
read_root(const struct look *look, struct view *view)
{
	struct graft_root root;

	if (view->has_root)
		return NULL;
	struct graft_error *err = graft_root_read(view->tid, &root);
	if (!err)
		err = graft_root_read_path(view->tid, view->root_path);
	if (err)
		return err;
	view->is_ours = graft_root_is_same(&root, &look->ours);
	view->has_root = true;
	return NULL;
}

/**
 * Translate a path of /proc into one of the root of a process.
 *
 * @param[out] ret Inside @p path; NULL: it is another one's, or of no matter.
 */
GRAFT_MUST_CHECK static struct graft_error *
find_path(const struct look *look, struct view *view, const char *path,
	  const char **ret)
{
	struct graft_error *err = read_root(look, view);
	const char *inside = err ? NULL
				 : graft_root_inside(view->root_path, path);

	*ret = inside && graft_held_is_static(inside) ? inside : NULL;
	return err;
}

/** Do two files hold the same? What cannot be read does not. */
static bool
is_same(int a, int b)
{
	struct stat one;
	struct stat other;
	uint8_t hashes[2][GRAFT_SHA256_LEN];

	if (fstat(a, &one) < 0 || fstat(b, &other) < 0 ||
	    one.st_size != other.st_size ||
	    (uint64_t)one.st_size > GRAFT_LIMIT_ELF_BYTES)
		return false;
	if (one.st_dev == other.st_dev && one.st_ino == other.st_ino)
		return true;
	struct graft_error *err = graft_sha256_fd(a, GRAFT_LIMIT_ELF_BYTES,
						  hashes[0]);
	if (!err)
		err = graft_sha256_fd(b, GRAFT_LIMIT_ELF_BYTES, hashes[1]);
	bool same = !err && memcmp(hashes[0], hashes[1], GRAFT_SHA256_LEN) == 0;
	graft_error_free(err);
	return same;
}

/** Take a file that was deleted, if something else is in its place, or nothing.
 * @param[in] fd It, as the process has it. */
GRAFT_MUST_CHECK static struct graft_error *
take_deleted(struct look *look, const struct view *view,
	     struct graft_held_process *process, enum graft_held_how how,
	     const char *path, int fd)
{
	GRAFT_CLOSE int now = -1;
	struct graft_error *err = graft_root_open_file(view->tid, path, &now);
	bool gone = err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND;

	if (err && !gone)
		return err;
	graft_error_free(err);
	if (gone ? !view->is_ours
		 : !view->is_ours && !graft_successor_is_ours(view->tid, path))
		return NULL;
	const struct graft_held_file file = { .how = how, .gone = gone };
	return !gone && is_same(fd, now) ? NULL
					 : add(look, process, file, path);
}

/** Is a file mapped as code too? Then it is looked at as such. */
static bool
is_code(const struct graft_maps *maps, const struct graft_map *map)
{
	for (size_t i = 0; i < maps->count; i++) {
		const struct graft_map *m = &maps->maps[i];
		if (m->inode == map->inode && m->dev == map->dev &&
		    (m->prot & PROT_EXEC))
			return true;
	}
	return false;
}

/** Is it an error of ours, or of a process that has ended? */
static bool
is_fatal(const struct graft_error *err)
{
	return err && (graft_error_code(err) == GRAFT_ERROR_NO_MEMORY ||
		       graft_error_code(err) == GRAFT_ERROR_TARGET_GONE);
}

GRAFT_MUST_CHECK static struct graft_error *
look_at_maps(struct look *look, struct view *view,
	     struct graft_held_process *process)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_read(view->tid, &maps);
	uint64_t last = 0;

	for (size_t i = 0; !err && i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		GRAFT_CLOSE int fd = -1;
		if (!map->deleted || map->inode == last || map->path[0] != '/')
			continue;
		const char *path;
		last = map->inode;
		err = find_path(look, view, map->path, &path);
		if (err || !path || is_code(maps, map))
			continue;
		err = graft_map_open_file_of(view->tid, map, &fd);
		if (!err)
			err = take_deleted(look, view, process,
					   GRAFT_HELD_MAPPED, path, fd);
		if (is_fatal(err))
			return err;
		graft_error_free(err);
		err = NULL;
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
look_at_open_files(struct look *look, struct view *view,
		   struct graft_held_process *process)
{
	GRAFT_CLEANUP(graft_open_files_freep)
	struct graft_open_files *files = NULL;
	struct graft_error *err = graft_open_files_find_deleted(view->tid,
								&files);

	for (size_t i = 0; !err && i < files->count; i++) {
		GRAFT_CLOSE int fd = -1;
		const char *path;
		err = find_path(look, view, files->files[i].path, &path);
		if (err || !path)
			continue;
		err = graft_open_file_open(view->tid, files->files[i].number,
					   &fd);
		if (!err)
			err = take_deleted(look, view, process, GRAFT_HELD_OPEN,
					   path, fd);
		if (is_fatal(err))
			return err;
		graft_error_free(err);
		err = NULL;
	}
	return err;
}

/** Is a file a plain one that is no ELF file, and was put there after a moment? */
static bool
is_newer(pid_t tid, const char *path, uint64_t us)
{
	GRAFT_CLOSE int fd = -1;
	struct stat st;
	char magic[SELFMAG];
	struct graft_error *err = graft_root_open(tid, path, O_PATH, &fd);
	bool is = !err && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		  (uint64_t)st.st_ctim.tv_sec * 1000000 +
				  (uint64_t)st.st_ctim.tv_nsec / 1000 >
			  us + GRAFT_HELD_SLACK_US;

	graft_error_free(err);
	if (!is)
		return false;
	GRAFT_CLOSE int now = -1;
	err = graft_root_open_file(tid, path, &now);
	is = !err &&
	     (pread(now, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
	      memcmp(magic, ELFMAG, SELFMAG) != 0);
	graft_error_free(err);
	return is;
}

/** Is a file that a process was started with what it runs? To others it is data. */
static bool
is_script(const struct view *view, const char *path)
{
	char program[PATH_MAX];
	char magic[2];
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_root_open_file(view->tid, path, &fd);
	bool is = !err && pread(fd, magic, sizeof(magic), 0) == 2 &&
		  memcmp(magic, "#!", 2) == 0;

	graft_error_free(err);
	if (is)
		return true;
	err = graft_started_read_program(view->tid, program);
	is = !err && graft_held_is_interpreter(program);
	graft_error_free(err);
	return is;
}

GRAFT_MUST_CHECK static struct graft_error *
look_at_words(struct look *look, struct view *view,
	      struct graft_held_process *process)
{
	GRAFT_FREE char *text = NULL;
	size_t len;
	struct graft_error *err = graft_started_read_words(process->pid, &text,
							   &len);
	const char *word;
	struct graft_held_file file = {
		.how = GRAFT_HELD_STARTED_WITH,
	};
	bool options = true;

	if (err)
		return err;
	word = text;
	for (int i = 0; !err && i < WORDS_MOST && word < text + len;
	     i++, word += strlen(word) + 1) {
		const char *value = strchr(word, '=');
		const char *path = word[0] == '/'             ? word
				   : value && value[1] == '/' ? value + 1
							      : NULL;
		file.script = options && i > 0 && word[0] != '-';
		options &= i == 0 || word[0] == '-';
		// The first is the program, or what calls itself so.
		if (i == 0 || !path || strlen(path) >= PATH_MAX ||
		    !graft_held_is_static(path) ||
		    !is_newer(view->tid, path, view->start_us))
			continue;
		file.script = file.script && is_script(view, path);
		err = read_root(look, view);
		if (!err &&
		    (view->is_ours || graft_successor_is_ours(view->tid, path)))
			err = add(look, process, file, path);
	}
	return err;
}

/** Look at the file that describes the unit of a process. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_unit(struct look *look, const struct view *view,
	     struct graft_held_process *process)
{
	const struct graft_held_file file = { .how = GRAFT_HELD_UNIT };
	GRAFT_CLEANUP(graft_unit_deinit) struct graft_unit unit = { 0 };
	GRAFT_FREE char *path = NULL;
	struct graft_error *err = graft_held_read_unit(process->pid, &unit);

	if (!err && unit.kind == GRAFT_UNIT_SYSTEM)
		err = graft_service_find_unit_file(unit.name, &path);
	return path && is_newer(getpid(), path, view->start_us)
		       ? add(look, process, file, path)
		       : err;
}

/** Look at one process. @param[in,out] process Gets its files. */
GRAFT_MUST_CHECK static struct graft_error *
look_at(struct look *look, struct graft_held_process *process, bool maps)
{
	struct graft_proc_status status = { 0 };
	struct view view = { .tid = graft_proc_live_tid(process->pid) };
	struct graft_error *err = graft_proc_stat_read(process->pid, &status);

	// Kernel threads and zombies hold nothing.
	if (err || status.kernel || view.tid == 0)
		return err;
	memcpy(process->comm, status.comm, sizeof(process->comm));
	process->start_ticks = status.start_ticks;
	view.start_us = graft_started_us(status.start_ticks);
	if (maps)
		err = look_at_maps(look, &view, process);
	if (!err)
		err = look_at_open_files(look, &view, process);
	if (!err)
		err = look_at_words(look, &view, process);
	return err ? err : look_at_unit(look, &view, process);
}

GRAFT_MUST_CHECK static struct graft_error *
look_at_all(struct look *look, const pid_t *pids, size_t count,
	    const struct graft_old_code *code)
{
	struct graft_held *held = look->held;
	size_t holder = 0;

	for (size_t i = 0; i < count; i++) {
		struct graft_held_process process = { .pid = pids[i] };
		struct graft_error *err = graft_vec_reserve(
			&held->processes, &look->room, held->count + 1,
			sizeof(*held->processes));
		if (err)
			return err;
		bool maps = holder < code->holder_count &&
			    code->holders[holder] == pids[i];
		holder += maps;
		look->file_room = 0;
		err = look_at(look, &process, maps);
		if (process.count)
			held->processes[held->count++] = process;
		else
			free(process.files);
		if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			return err;
		graft_error_free(err);
	}
	return NULL;
}

struct graft_error *
graft_held_find(const pid_t *pids, size_t count,
		const struct graft_old_code *code, const char *before_dir,
		struct graft_held **ret)
{
	GRAFT_CLEANUP(graft_held_freep)
	struct graft_held *held = calloc(1, sizeof(*held));
	struct look look = { .held = held };
	struct graft_error *err = held ? graft_root_read(getpid(), &look.ours)
				       : graft_error_no_memory();

	if (!err)
		err = look_at_all(&look, pids, count, code);
	if (!err)
		err = graft_held_ask_packages(held, before_dir);
	if (err)
		return err;
	*ret = GRAFT_TAKE(held);
	return NULL;
}
