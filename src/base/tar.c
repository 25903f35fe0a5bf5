// SPDX-License-Identifier: Apache-2.0

#include "base/tar.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MODE = 0644,
};

void
graft_tar_deinit(struct graft_tar *tar)
{
	if (tar->archive)
		(void)archive_write_free(tar->archive);
	if (tar->fd >= 0)
		(void)close(tar->fd);
	if (tar->beside)
		(void)unlink(tar->beside);
	free(tar->beside);
	*tar = GRAFT_TAR_NONE;
}

GRAFT_MUST_CHECK static struct graft_error *
bad_write(const struct graft_tar *tar)
{
	return graft_error_new(GRAFT_ERROR_OS, "write: %s",
			       archive_error_string(tar->archive));
}

struct graft_error *
graft_tar_begin(const char *file, struct graft_tar *ret)
{
	GRAFT_FREE char *name = NULL;
	struct graft_error *err = graft_file_check_place(file);

	if (err)
		return graft_error_prefix(err, "%s", file);
	if (asprintf(&name, "%s.XXXXXX", file) < 0) {
		name = NULL;
		return graft_error_no_memory();
	}
	ret->fd = mkostemp(name, O_CLOEXEC);
	if (ret->fd < 0)
		return graft_error_os(errno, "create a file beside %s", file);
	ret->beside = GRAFT_TAKE(name);
	ret->archive = archive_write_new();
	if (!ret->archive)
		return graft_error_no_memory();
	// Names byte for byte: libarchive would ask the locale, which knows none of them.
	if (archive_write_set_format_pax_restricted(ret->archive) !=
		    ARCHIVE_OK ||
	    archive_write_set_options(ret->archive, "hdrcharset=BINARY") !=
		    ARCHIVE_OK ||
	    archive_write_open_fd(ret->archive, ret->fd) != ARCHIVE_OK)
		return bad_write(ret);
	return NULL;
}

struct graft_error *
graft_tar_put_file(const struct graft_tar *tar, const char *path, uint64_t len)
{
	struct archive_entry *entry = archive_entry_new();

	if (!entry)
		return graft_error_no_memory();
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, MODE);
	archive_entry_set_size(entry, (la_int64_t)len);
	const int code = archive_write_header(tar->archive, entry);
	archive_entry_free(entry);
	return code == ARCHIVE_OK ? NULL : bad_write(tar);
}

struct graft_error *
graft_tar_put_bytes(const struct graft_tar *tar, const void *bytes, size_t len)
{
	const la_ssize_t n = archive_write_data(tar->archive, bytes, len);

	return n < 0 || (size_t)n != len ? bad_write(tar) : NULL;
}

struct graft_error *
graft_tar_end(struct graft_tar *tar, const char *file)
{
	if (archive_write_close(tar->archive) != ARCHIVE_OK)
		return bad_write(tar);
	if (fchmod(tar->fd, MODE) < 0 || fsync(tar->fd) < 0)
		return graft_error_os(errno, "sync %s", tar->beside);
	if (rename(tar->beside, file) < 0)
		return graft_error_os(errno, "rename to %s", file);
	free(GRAFT_TAKE(tar->beside));
	return graft_file_sync_parent(file);
}
