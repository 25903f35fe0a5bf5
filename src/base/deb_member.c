// SPDX-License-Identifier: Apache-2.0

#include "base/deb_member.h"

#include "base/cleanup.h"

#include <archive.h>
#include <errno.h>

void
graft_archive_close(struct archive **archive)
{
	if (*archive)
		(void)archive_read_free(*archive);
}

struct graft_error *
graft_archive_bad(struct archive *archive, const char *what)
{
	const char *text = archive_error_string(archive);

	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: %s", what,
			       text ? text : "malformed");
}

static la_ssize_t
read_inner(struct archive *archive, void *arg, const void **ret)
{
	struct graft_deb_member *member = arg;

	la_ssize_t got = archive_read_data(member->outer, member->block,
					   GRAFT_DEB_BLOCK);
	if (got < 0)
		archive_set_error(archive, EIO, "%s",
				  archive_error_string(member->outer)
					  ? archive_error_string(member->outer)
					  : "truncated");
	*ret = member->block;
	return got < 0 ? ARCHIVE_FATAL : got;
}

struct graft_error *
graft_deb_member_open(struct graft_deb_member *member, const char *what,
		      struct archive **ret)
{
	GRAFT_CLEANUP(graft_archive_close)
	struct archive *tar = archive_read_new();

	if (!tar)
		return graft_error_no_memory();
	// Only what dpkg writes: no filter that starts a program.
	if (archive_read_support_format_tar(tar) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(tar) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(tar) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(tar) != ARCHIVE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "libarchive: %s",
				       archive_error_string(tar));
	if (archive_read_open(tar, member, NULL, read_inner, NULL) !=
	    ARCHIVE_OK)
		return graft_archive_bad(tar, what);
	*ret = GRAFT_TAKE(tar);
	return NULL;
}
