// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "patch/disk.h"
#include "persist/deb_write.h"
#include "persist/installed.h"
#include "persist/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/** A file that has several names. */
struct linked {
	dev_t dev;
	ino_t ino;
	char *path;
};

/** What is under construction. */
struct keeping {
	const struct graft_disk *disk;
	const struct graft_installed *installed;
	struct graft_hidden *hidden;
	struct graft_deb_writer *writer;
	uint8_t *whole;
	/** dpkg's list of configuration files; "" if there is none. */
	char *conffiles;
	struct linked *links;
	size_t link_count;
	size_t link_cap;
};

static void
keeping_deinit(struct keeping *k)
{
	graft_deb_writer_free(k->writer);
	free(k->whole);
	free(k->conffiles);
	for (size_t i = 0; i < k->link_count; i++)
		free(k->links[i].path);
	free(k->links);
}

static bool
is_conffile(const struct keeping *k, const char *path)
{
	const size_t len = strlen(path);

	for (const char *line = k->conffiles; line && *line;) {
		if (line[0] == '/' && strncmp(line + 1, path, len) == 0 &&
		    strchr(" \t\r\n", line[1 + len]))
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

/**
 * Find a configuration file as the package brought it: OLD's own, or NEW's, which is the
 * same then.
 */
static const uint8_t *
find_conffile(const struct keeping *k, const char *path, size_t *len_ret)
{
	const struct graft_disk *disk = k->disk;
	const uint8_t *of_new = NULL;
	size_t off = 0;

	for (size_t i = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		if (entry->type != GRAFT_DISK_FILE ||
		    entry->source != GRAFT_DISK_WHOLE)
			continue;
		if (strcmp(entry->path, path) == 0) {
			of_new = k->whole + off;
			*len_ret = entry->size;
		}
		off += entry->size;
	}
	for (size_t i = 0; i < disk->old_conffile_count; i++) {
		const struct graft_disk_file *file = &disk->old_conffiles[i];
		if (strcmp(file->name, path) == 0) {
			*len_ret = file->size;
			return k->whole + off;
		}
		off += file->size;
	}
	return of_new;
}

/** Get the first name of a file that has several; NULL: this is it. */
static struct graft_error *
find_link(struct keeping *k, const struct stat *st, const char *path,
	  char **ret)
{
	if (st->st_nlink < 2 || !S_ISREG(st->st_mode))
		return NULL;
	for (size_t i = 0; i < k->link_count; i++) {
		if (k->links[i].dev == st->st_dev &&
		    k->links[i].ino == st->st_ino) {
			*ret = strdup(k->links[i].path);
			return *ret ? NULL : graft_error_no_memory();
		}
	}
	struct graft_error *err = graft_vec_reserve(
		&k->links, &k->link_cap, k->link_count + 1, sizeof(*k->links));
	if (err)
		return err;
	struct linked *linked = &k->links[k->link_count];
	*linked = (struct linked){ st->st_dev, st->st_ino, strdup(path) };
	if (!linked->path)
		return graft_error_no_memory();
	k->link_count++;
	return NULL;
}

/** Fill in owner and mode; names as this host has them. */
static void
take_owner(const struct stat *st, struct graft_disk_entry *entry)
{
	const struct passwd *user = getpwuid(st->st_uid);
	const struct group *group = getgrgid(st->st_gid);

	entry->mode = st->st_mode & 07777;
	entry->uid = st->st_uid;
	entry->gid = st->st_gid;
	entry->user = strdup(user ? user->pw_name : "");
	entry->group = strdup(group ? group->gr_name : "");
	entry->mtime = st->st_mtime > 0 ? (uint64_t)st->st_mtime : 0;
}

static struct graft_error *
read_link(int fd, char **ret)
{
	char target[4096];
	ssize_t len = readlinkat(fd, "", target, sizeof(target) - 1);

	if (len < 0)
		return graft_error_os(errno, "readlink");
	target[len] = '\0';
	*ret = strdup(target);
	return *ret ? NULL : graft_error_no_memory();
}

static void
entry_deinit(struct graft_disk_entry *entry)
{
	free(entry->user);
	free(entry->group);
	free(entry->target);
}

/** Add a path that is there. */
static struct graft_error *
keep_present(struct keeping *k, int fd, const struct stat *st,
	     struct graft_disk_entry *entry)
{
	GRAFT_FREE uint8_t *owned = NULL;
	const uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err = NULL;

	take_owner(st, entry);
	if (!entry->user || !entry->group)
		return graft_error_no_memory();
	if (S_ISDIR(st->st_mode)) {
		entry->type = GRAFT_DISK_DIRECTORY;
	} else if (S_ISLNK(st->st_mode)) {
		entry->type = GRAFT_DISK_SYMLINK;
		err = read_link(fd, &entry->target);
	} else if (S_ISREG(st->st_mode)) {
		err = find_link(k, st, entry->path, &entry->target);
		if (entry->target)
			entry->type = GRAFT_DISK_LINK;
		else if (is_conffile(k, entry->path))
			bytes = find_conffile(k, entry->path, &len);
		if (!err && !bytes && !entry->target) {
			err = graft_installed_read(k->installed, entry->path,
						   &owned, &len);
			bytes = owned;
		}
	} else {
		// Not what a package brought.
		return NULL;
	}
	return err ? err : graft_deb_writer_add(k->writer, entry, bytes, len);
}

/** Add a path that is missing: a removed configuration file, or one that is hidden. */
static struct graft_error *
keep_missing(struct keeping *k, struct graft_disk_entry *entry)
{
	const struct stat st = { .st_mode = 0644 };
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (is_conffile(k, entry->path))
		bytes = find_conffile(k, entry->path, &len);
	if (!bytes && !graft_hidden_may_be(entry->path))
		return NULL;
	take_owner(&st, entry);
	if (!entry->user || !entry->group)
		return graft_error_no_memory();
	if (!bytes) {
		struct graft_error *err = graft_hidden_add(k->hidden,
							   entry->path);
		if (err)
			return err;
	}
	return graft_deb_writer_add(k->writer, entry, bytes, len);
}

static struct graft_error *
keep_path(struct keeping *k, const char *line)
{
	GRAFT_CLEANUP(entry_deinit) struct graft_disk_entry entry = { 0 };
	GRAFT_CLOSE int fd = -1;
	struct stat st;

	// "/." is the root itself.
	entry.path = (char *)line + 1;
	struct graft_error *err = graft_installed_find(k->installed, entry.path,
						       &fd, &st);
	if (!err)
		return keep_present(k, fd, &st, &entry);
	if (graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	graft_error_free(err);
	return keep_missing(k, &entry);
}

static struct graft_error *
keep_paths(struct keeping *k)
{
	GRAFT_FREE uint8_t *list = NULL;
	size_t len;

	struct graft_error *err =
		graft_installed_read_info(k->installed, "list", &list, &len);
	for (char *line = (char *)list; !err && line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (line[0] == '/')
			err = keep_path(k, line);
		line = end ? end + 1 : NULL;
	}
	return err;
}

static struct graft_error *
keep_controls(struct keeping *k)
{
	GRAFT_FREE char *control = NULL;
	size_t len;

	struct graft_error *err = graft_installed_make_control(k->installed,
							       &control);
	if (!err)
		err = graft_deb_writer_add_control(k->writer, "control", 0644,
						   (const uint8_t *)control,
						   strlen(control));
	for (size_t i = 0; !err && i < k->disk->old_control_count; i++) {
		const char *name = k->disk->old_controls[i].name;
		GRAFT_FREE uint8_t *bytes = NULL;
		err = graft_installed_read_info(k->installed, name, &bytes,
						&len);
		if (!err)
			err = graft_deb_writer_add_control(
				k->writer, name,
				strncmp((const char *)bytes, "#!", 2) == 0 ||
						strncmp((const char *)bytes,
							"\177ELF", 4) == 0
					? 0755
					: 0644,
				bytes, len);
		if (!err && strcmp(name, "conffiles") == 0)
			k->conffiles = (char *)GRAFT_TAKE(bytes);
	}
	return err;
}

struct graft_error *
graft_rebuild_old(const struct graft_disk *disk,
		  const struct graft_installed *installed, const char *path,
		  struct graft_hidden *hidden)
{
	GRAFT_CLEANUP(keeping_deinit)
	struct keeping k = {
		.disk = disk,
		.installed = installed,
		.hidden = hidden,
	};

	struct graft_error *err = graft_deb_writer_new(path, &k.writer);
	if (!err)
		err = graft_rebuild_read_whole(disk, &k.whole);
	if (!err)
		err = keep_controls(&k);
	if (!err)
		err = keep_paths(&k);
	return err ? err : graft_deb_writer_finish(k.writer);
}
