// SPDX-License-Identifier: Apache-2.0

#include "persist/deb.h"

#include "base/deb_member.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/vec.h"
#include "patch/limits.h"
#include "persist/control.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	/** Longest name or version of a source, with its NUL. */
	FIELD_LEN = 256,
};

static void
close_digest(EVP_MD_CTX **digest)
{
	EVP_MD_CTX_free(*digest);
}

// "./usr/bin/" is "usr/bin", "./" is ".".
static char *
plain_path(const char *path)
{
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	size_t len = strlen(path);
	while (len > 0 && path[len - 1] == '/')
		len--;
	return len ? strndup(path, len) : strdup(".");
}

static struct graft_error *
read_control(struct graft_deb *deb, struct archive *tar)
{
	struct archive_entry *entry;
	int status;

	while ((status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK ||
	       status == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(entry);
		if (!path || archive_entry_filetype(entry) != AE_IFREG)
			continue;
		int64_t size = archive_entry_size(entry);
		if (size < 0 || size > GRAFT_PATCH_DISK_RAW_MAX ||
		    deb->control_count >= GRAFT_PATCH_DISK_CONTROLS_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "control.tar: too large");
		struct graft_error *err = graft_vec_reserve(
			&deb->controls, &deb->control_cap,
			deb->control_count + 1, sizeof(*deb->controls));
		if (err)
			return err;
		struct graft_deb_control *control =
			&deb->controls[deb->control_count++];
		*control = (struct graft_deb_control){
			.name = plain_path(path),
			.mode = archive_entry_mode(entry) & 07777,
			.bytes = calloc(1, (size_t)size + 1),
			.len = (size_t)size,
		};
		if (!control->name || !control->bytes)
			return graft_error_no_memory();
		if (archive_read_data(tar, control->bytes, (size_t)size) !=
		    size)
			return graft_archive_bad(tar, "control.tar");
		err = graft_sha256(control->bytes, control->len,
				   control->sha256);
		if (err)
			return err;
	}
	return status == ARCHIVE_EOF ? NULL
				     : graft_archive_bad(tar, "control.tar");
}

/** Read the data of the current entry into the spill. */
static struct graft_error *
read_data(struct graft_deb *deb, struct archive *tar,
	  struct graft_deb_entry *entry, uint64_t *total)
{
	GRAFT_CLEANUP(close_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	GRAFT_FREE uint8_t *block = malloc(GRAFT_DEB_BLOCK);

	if (!digest || !block)
		return graft_error_no_memory();
	if (!EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
	entry->off = *total;
	for (;;) {
		la_ssize_t got = archive_read_data(tar, block, GRAFT_DEB_BLOCK);
		if (got < 0)
			return graft_archive_bad(tar, "data.tar");
		if (got == 0)
			break;
		entry->size += (uint64_t)got;
		*total += (uint64_t)got;
		if (*total > GRAFT_LIMIT_UNPACKED_BYTES ||
		    entry->size > GRAFT_PATCH_DISK_FILE_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "data.tar: too large");
		if (!EVP_DigestUpdate(digest, block, (size_t)got))
			return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
		struct graft_error *err = graft_file_write_fd(deb->spill, block,
							      (size_t)got);
		if (err)
			return err;
	}
	if (!EVP_DigestFinal_ex(digest, entry->sha256, NULL))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
	return NULL;
}

static struct graft_error *
take_type(struct archive_entry *from, struct graft_deb_entry *entry)
{
	const char *link = archive_entry_hardlink(from);

	if (link) {
		entry->type = GRAFT_DISK_LINK;
		entry->target = plain_path(link);
		return entry->target ? NULL : graft_error_no_memory();
	}
	switch (archive_entry_filetype(from)) {
	case AE_IFREG:
		entry->type = GRAFT_DISK_FILE;
		return NULL;
	case AE_IFDIR:
		entry->type = GRAFT_DISK_DIRECTORY;
		return NULL;
	case AE_IFLNK:
		link = archive_entry_symlink(from);
		entry->type = GRAFT_DISK_SYMLINK;
		entry->target = strdup(link ? link : "");
		return entry->target ? NULL : graft_error_no_memory();
	default:
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "data.tar: %s is a device, pipe or "
				       "socket",
				       entry->path);
	}
}

static struct graft_error *
read_entry(struct graft_deb *deb, struct archive *tar,
	   struct archive_entry *from, uint64_t *total)
{
	const char *path = archive_entry_pathname(from);
	const char *user = archive_entry_uname(from);
	const char *group = archive_entry_gname(from);
	time_t mtime = archive_entry_mtime(from);

	if (!path)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "data.tar: a file without name");
	if (deb->entry_count >= GRAFT_PATCH_DISK_ENTRIES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "data.tar: too many paths");
	struct graft_error *err =
		graft_vec_reserve(&deb->entries, &deb->entry_cap,
				  deb->entry_count + 1, sizeof(*deb->entries));
	if (err)
		return err;
	struct graft_deb_entry *entry = &deb->entries[deb->entry_count++];
	*entry = (struct graft_deb_entry){
		.path = plain_path(path),
		.mode = archive_entry_mode(from) & 07777,
		.uid = (uint32_t)archive_entry_uid(from),
		.gid = (uint32_t)archive_entry_gid(from),
		.user = strdup(user ? user : ""),
		.group = strdup(group ? group : ""),
		.mtime = mtime > 0 ? (uint64_t)mtime : 0,
	};
	if (!entry->path || !entry->user || !entry->group)
		return graft_error_no_memory();
	err = take_type(from, entry);
	if (!err && entry->type == GRAFT_DISK_FILE)
		err = read_data(deb, tar, entry, total);
	return err;
}

static struct graft_error *
read_entries(struct graft_deb *deb, struct archive *tar)
{
	struct archive_entry *entry;
	uint64_t total = 0;
	int status;

	while ((status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK ||
	       status == ARCHIVE_WARN) {
		struct graft_error *err = read_entry(deb, tar, entry, &total);
		if (err)
			return err;
	}
	return status == ARCHIVE_EOF ? NULL
				     : graft_archive_bad(tar, "data.tar");
}

/** Copy a field of the control file. */
static struct graft_error *
take_field(const struct graft_deb_control *control, const char *field,
	   char **ret)
{
	const size_t len = strlen(field);

	for (const char *line = (const char *)control->bytes; line;) {
		if (strncmp(line, field, len) == 0 && line[len] == ':') {
			line += len + 1;
			line += strspn(line, " \t");
			*ret = strndup(line, strcspn(line, " \t\r\n"));
			return *ret ? NULL : graft_error_no_memory();
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "its control file says no %s", field);
}

/** Take "Source: NAME (VERSION)", of which either part may be missing. */
static struct graft_error *
take_source(struct graft_deb *deb, const struct graft_deb_control *control)
{
	GRAFT_FREE char *text = NULL;
	char name[FIELD_LEN];
	char version[FIELD_LEN];

	struct graft_error *err = graft_control_take((char *)control->bytes,
						     "Source", &text);
	if (err)
		return err;
	int count = sscanf(text, " %255[^ (] ( %255[^) ]", name, version);
	deb->source = strdup(count >= 1 ? name : deb->package);
	deb->source_version = strdup(count >= 2 ? version : deb->version);
	return deb->source && deb->source_version ? NULL
						  : graft_error_no_memory();
}

static struct graft_error *
take_fields(struct graft_deb *deb)
{
	const struct graft_deb_control *control =
		graft_deb_find_control(deb, "control");

	if (!control)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a Debian package without control file");
	struct graft_error *err = take_field(control, "Package", &deb->package);
	if (!err)
		err = take_field(control, "Version", &deb->version);
	if (!err)
		err = take_field(control, "Architecture", &deb->architecture);
	return err ? err : take_source(deb, control);
}

static int
compare_paths(const void *a, const void *b)
{
	const struct graft_deb_entry *const *x = a;
	const struct graft_deb_entry *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static struct graft_error *
sort_files(struct graft_deb *deb)
{
	deb->by_path = calloc(deb->entry_count + 1, sizeof(*deb->by_path));
	if (!deb->by_path)
		return graft_error_no_memory();
	for (size_t i = 0; i < deb->entry_count; i++) {
		if (deb->entries[i].type == GRAFT_DISK_FILE)
			deb->by_path[deb->file_count++] = &deb->entries[i];
	}
	qsort(deb->by_path, deb->file_count, sizeof(*deb->by_path),
	      compare_paths);
	return NULL;
}

/** @param[in] all Read data.tar too. */
static struct graft_error *
read_members(struct graft_deb *deb, struct archive *outer, bool all)
{
	GRAFT_FREE struct graft_deb_member *inner = calloc(1, sizeof(*inner));
	struct archive_entry *entry;
	bool is_package = false;
	bool has_data = false;
	int status;

	if (!inner)
		return graft_error_no_memory();
	inner->outer = outer;
	while ((status = archive_read_next_header(outer, &entry)) ==
	       ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);
		GRAFT_CLEANUP(graft_archive_close) struct archive *tar = NULL;
		struct graft_error *err = NULL;
		if (name && strcmp(name, "debian-binary") == 0)
			is_package = true;
		if (!name || !is_package)
			continue;
		if (strncmp(name, "control.tar", 11) == 0) {
			err = graft_deb_member_open(inner, "control.tar", &tar);
			if (!err)
				err = read_control(deb, tar);
		} else if (strncmp(name, "data.tar", 8) == 0 && !has_data) {
			has_data = true;
			// It stands last: a large one is not read for nothing.
			if (!all)
				return take_fields(deb);
			err = graft_deb_member_open(inner, "data.tar", &tar);
			if (!err)
				err = read_entries(deb, tar);
		}
		if (err)
			return err;
	}
	if (status != ARCHIVE_EOF)
		return graft_archive_bad(outer, "ar");
	if (!is_package || !has_data)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "no Debian package");
	struct graft_error *err = take_fields(deb);
	return err ? err : sort_files(deb);
}

static struct graft_error *
read_package(struct graft_deb *deb, bool all)
{
	GRAFT_CLEANUP(graft_archive_close)
	struct archive *outer = archive_read_new();
	GRAFT_CLOSE int fd = open(deb->path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (!outer)
		return graft_error_no_memory();
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open");
	if ((uint64_t)st.st_size > GRAFT_LIMIT_PACKAGE_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT, "too large");
	deb->spill = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (deb->spill < 0)
		deb->spill = memfd_create("graft-package", MFD_CLOEXEC);
	if (deb->spill < 0)
		return graft_error_os(errno, "make a temporary file");
	if (archive_read_support_format_ar(outer) != ARCHIVE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "libarchive: %s",
				       archive_error_string(outer));
	if (archive_read_open_fd(outer, fd, GRAFT_DEB_BLOCK) != ARCHIVE_OK)
		return graft_archive_bad(outer, "ar");
	return read_members(deb, outer, all);
}

static struct graft_error *
open_package(const char *path, bool all, struct graft_deb **ret)
{
	GRAFT_CLEANUP(graft_deb_closep)
	struct graft_deb *deb = calloc(1, sizeof(*deb));

	if (!deb)
		return graft_error_no_memory();
	deb->spill = -1;
	deb->path = strdup(path);
	if (!deb->path)
		return graft_error_no_memory();
	struct graft_error *err = read_package(deb, all);
	if (err)
		return graft_error_prefix(err, "%s", path);
	*ret = GRAFT_TAKE(deb);
	return NULL;
}

struct graft_error *
graft_deb_open(const char *path, struct graft_deb **ret)
{
	return open_package(path, true, ret);
}

struct graft_error *
graft_deb_open_control(const char *path, struct graft_deb **ret)
{
	return open_package(path, false, ret);
}

void
graft_deb_close(struct graft_deb *deb)
{
	if (!deb)
		return;
	for (size_t i = 0; i < deb->control_count; i++) {
		free(deb->controls[i].name);
		free(deb->controls[i].bytes);
	}
	free(deb->controls);
	for (size_t i = 0; i < deb->entry_count; i++) {
		struct graft_deb_entry *entry = &deb->entries[i];
		free(entry->path);
		free(entry->user);
		free(entry->group);
		free(entry->target);
	}
	free(deb->entries);
	free(deb->by_path);
	free(deb->path);
	free(deb->package);
	free(deb->architecture);
	free(deb->version);
	free(deb->source);
	free(deb->source_version);
	if (deb->spill >= 0)
		(void)close(deb->spill);
	free(deb);
}
