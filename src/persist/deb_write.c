// SPDX-License-Identifier: Apache-2.0

#include "persist/deb_write.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/text.h"
#include "patch/disk.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	BLOCK = 64 * 1024,
};

struct graft_deb_writer {
	/** Where it shall be, and where it is until then. */
	char *path;
	char *beside;
	int fd;
	/** data.tar until it has its place in the package: an unnamed file. */
	int data_fd;
	struct archive *control;
	struct archive *data;
	struct graft_text control_bytes;
};

static void
close_writer(struct archive **archive)
{
	if (*archive)
		(void)archive_write_free(*archive);
}

static void
free_entry(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static struct graft_error *
failed(struct archive *archive)
{
	const char *text = archive_error_string(archive);
	int number = archive_errno(archive);

	if (number > 0)
		return graft_error_os(number, "write a package: %s",
				      text ? text : "");
	return graft_error_new(GRAFT_ERROR_LIBRARY, "libarchive: %s",
			       text ? text : "failed");
}

static la_ssize_t
put_control(struct archive *archive, void *arg, const void *bytes, size_t len)
{
	struct graft_text *text = arg;

	(void)archive;
	graft_text_put_bytes(text, bytes, len);
	return text->failed ? ARCHIVE_FATAL : (la_ssize_t)len;
}

/** Make a tar archive as dpkg-deb has it written: GNU's form. */
static struct graft_error *
new_tar(struct archive **ret)
{
	GRAFT_CLEANUP(close_writer) struct archive *tar = archive_write_new();

	if (!tar)
		return graft_error_no_memory();
	if (archive_write_set_format_gnutar(tar) != ARCHIVE_OK ||
	    archive_write_add_filter_none(tar) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(tar, 10240) != ARCHIVE_OK)
		return failed(tar);
	*ret = GRAFT_TAKE(tar);
	return NULL;
}

struct graft_error *
graft_deb_writer_new(const char *path, struct graft_deb_writer **ret)
{
	GRAFT_CLEANUP(graft_deb_writer_freep)
	struct graft_deb_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return graft_error_no_memory();
	writer->fd = -1;
	writer->data_fd = -1;
	writer->path = strdup(path);
	if (!writer->path || asprintf(&writer->beside, "%s.part", path) < 0) {
		writer->beside = NULL;
		return graft_error_no_memory();
	}
	writer->fd = open(writer->beside,
			  O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			  0600);
	if (writer->fd < 0)
		return graft_error_os(errno, "create %s", writer->beside);
	char *dir = strdup(path);
	if (!dir)
		return graft_error_no_memory();
	char *slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	writer->data_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int number = errno;
	free(dir);
	if (writer->data_fd < 0)
		return graft_error_os(number, "make a temporary file");
	struct graft_error *err = new_tar(&writer->control);
	if (!err)
		err = new_tar(&writer->data);
	if (err)
		return err;
	if (archive_write_open(writer->control, &writer->control_bytes, NULL,
			       put_control, NULL) != ARCHIVE_OK)
		return failed(writer->control);
	if (archive_write_open_fd(writer->data, writer->data_fd) != ARCHIVE_OK)
		return failed(writer->data);
	*ret = GRAFT_TAKE(writer);
	return NULL;
}

void
graft_deb_writer_free(struct graft_deb_writer *writer)
{
	if (!writer)
		return;
	close_writer(&writer->control);
	close_writer(&writer->data);
	graft_text_deinit(&writer->control_bytes);
	if (writer->data_fd >= 0)
		(void)close(writer->data_fd);
	if (writer->fd >= 0) {
		(void)close(writer->fd);
		(void)unlink(writer->beside);
	}
	free(writer->path);
	free(writer->beside);
	free(writer);
}

static struct graft_error *
put(struct archive *archive, struct archive_entry *entry, const uint8_t *bytes,
    size_t len)
{
	if (archive_write_header(archive, entry) < ARCHIVE_WARN)
		return failed(archive);
	while (len > 0) {
		la_ssize_t n = archive_write_data(archive, bytes, len);
		if (n <= 0)
			return failed(archive);
		bytes += n;
		len -= (size_t)n;
	}
	return NULL;
}

struct graft_error *
graft_deb_writer_add_control(struct graft_deb_writer *writer, const char *name,
			     uint32_t mode, const uint8_t *bytes, size_t len)
{
	GRAFT_CLEANUP(free_entry)
	struct archive_entry *entry = archive_entry_new();
	char path[512];

	if (!entry)
		return graft_error_no_memory();
	(void)snprintf(path, sizeof(path), "./%s", name);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, mode);
	archive_entry_set_uname(entry, "root");
	archive_entry_set_gname(entry, "root");
	archive_entry_set_size(entry, (int64_t)len);
	return put(writer->control, entry, bytes, len);
}

static void
set_type(struct archive_entry *to, const struct graft_disk_entry *entry,
	 const char *target)
{
	switch (entry->type) {
	case GRAFT_DISK_FILE:
		archive_entry_set_filetype(to, AE_IFREG);
		break;
	case GRAFT_DISK_DIRECTORY:
		archive_entry_set_filetype(to, AE_IFDIR);
		break;
	case GRAFT_DISK_SYMLINK:
		archive_entry_set_filetype(to, AE_IFLNK);
		archive_entry_set_symlink(to, entry->target);
		break;
	case GRAFT_DISK_LINK:
		archive_entry_set_filetype(to, AE_IFREG);
		archive_entry_set_hardlink(to, target);
		break;
	}
}

struct graft_error *
graft_deb_writer_add(struct graft_deb_writer *writer,
		     const struct graft_disk_entry *entry, const uint8_t *bytes,
		     size_t len)
{
	GRAFT_CLEANUP(free_entry)
	struct archive_entry *to = archive_entry_new();
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE char *target = NULL;
	const bool dir = entry->type == GRAFT_DISK_DIRECTORY;

	struct graft_error *err = graft_fault("disk-entry");
	if (err)
		return err;
	if (!to ||
	    asprintf(&path, "./%s%s",
		     strcmp(entry->path, ".") == 0 ? "" : entry->path,
		     dir && strcmp(entry->path, ".") != 0 ? "/" : "") < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	if (entry->type == GRAFT_DISK_LINK &&
	    asprintf(&target, "./%s", entry->target) < 0) {
		target = NULL;
		return graft_error_no_memory();
	}
	archive_entry_set_pathname(to, path);
	set_type(to, entry, target);
	archive_entry_set_perm(to, entry->mode);
	archive_entry_set_uid(to, entry->uid);
	archive_entry_set_gid(to, entry->gid);
	archive_entry_set_uname(to, entry->user);
	archive_entry_set_gname(to, entry->group);
	archive_entry_set_mtime(to, (time_t)entry->mtime, 0);
	archive_entry_set_size(to, (int64_t)len);
	return put(writer->data, to, bytes, len);
}

/** Add a member to the ar archive, out of memory or a file. */
static struct graft_error *
put_member(struct archive *ar, const char *name, const char *bytes, size_t len,
	   int fd)
{
	GRAFT_CLEANUP(free_entry)
	struct archive_entry *entry = archive_entry_new();
	GRAFT_FREE uint8_t *block = malloc(BLOCK);
	struct stat st;

	if (!entry || !block)
		return graft_error_no_memory();
	if (fd >= 0) {
		if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return graft_error_os(errno, "read a temporary file");
		len = (size_t)st.st_size;
	}
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (int64_t)len);
	if (fd < 0)
		return put(ar, entry, (const uint8_t *)bytes, len);
	struct graft_error *err = put(ar, entry, NULL, 0);
	while (!err && len > 0) {
		ssize_t got = read(fd, block, BLOCK);
		if (got <= 0)
			return graft_error_os(got < 0 ? errno : EIO,
					      "read a temporary file");
		if (archive_write_data(ar, block, (size_t)got) != got)
			return failed(ar);
		len -= (size_t)got;
	}
	return err;
}

static struct graft_error *
put_members(struct graft_deb_writer *writer)
{
	static const char version[] = "2.0\n";
	GRAFT_CLEANUP(close_writer) struct archive *ar = archive_write_new();

	if (!ar)
		return graft_error_no_memory();
	if (archive_write_set_format_ar_bsd(ar) != ARCHIVE_OK ||
	    archive_write_add_filter_none(ar) != ARCHIVE_OK ||
	    // Nothing may stand behind the last member.
	    archive_write_set_bytes_in_last_block(ar, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(ar, writer->fd) != ARCHIVE_OK)
		return failed(ar);
	struct graft_error *err = put_member(ar, "debian-binary", version,
					     sizeof(version) - 1, -1);
	if (!err)
		err = put_member(ar, "control.tar", writer->control_bytes.str,
				 writer->control_bytes.len, -1);
	if (!err)
		err = put_member(ar, "data.tar", NULL, 0, writer->data_fd);
	if (!err && archive_write_close(ar) != ARCHIVE_OK)
		err = failed(ar);
	return err;
}

struct graft_error *
graft_deb_writer_finish(struct graft_deb_writer *writer)
{
	if (archive_write_close(writer->control) != ARCHIVE_OK)
		return failed(writer->control);
	if (archive_write_close(writer->data) != ARCHIVE_OK)
		return failed(writer->data);
	if (writer->control_bytes.failed)
		return graft_error_no_memory();
	struct graft_error *err = put_members(writer);
	if (!err)
		err = graft_fault("disk-package");
	if (err)
		return err;
	if (fsync(writer->fd) < 0)
		return graft_error_os(errno, "fsync %s", writer->beside);
	if (rename(writer->beside, writer->path) < 0)
		return graft_error_os(errno, "rename %s", writer->beside);
	(void)close(writer->fd);
	writer->fd = -1;
	return graft_file_sync_parent(writer->path);
}
