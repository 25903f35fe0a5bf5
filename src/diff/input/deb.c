// SPDX-License-Identifier: Apache-2.0

#include "diff/input/deb.h"

#include "base/cleanup.h"
#include "base/deb_member.h"
#include "base/file.h"
#include "base/limits.h"
#include "diff/input/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
	/** Longest control file that is looked at. */
	CONTROL_MAX = 1024 * 1024,
};

static void
close_digest(EVP_MD_CTX **digest)
{
	EVP_MD_CTX_free(*digest);
}

/** Copy the value of a field of a control file; NULL if it has none. */
static struct graft_error *
control_field(const char *text, const char *field, char **ret)
{
	size_t len = strlen(field);

	for (const char *line = text; line;) {
		if (strncmp(line, field, len) == 0 && line[len] == ':') {
			line += len + 1;
			line += strspn(line, " \t");
			char *copy = strndup(line, strcspn(line, " \t\r\n"));
			if (!copy)
				return graft_error_no_memory();
			free(*ret);
			*ret = copy;
			return NULL;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

/** Take name and version from control.tar. */
static struct graft_error *
read_control(struct graft_tree *tree, struct archive *tar)
{
	struct archive_entry *entry;
	struct graft_error *err;
	int status;

	for (size_t n = 0;
	     (status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK;
	     n++) {
		const char *path = archive_entry_pathname(entry);
		if (n > GRAFT_LIMIT_TREE_FILES)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "control.tar: too many files");
		if (!path || (strcmp(path, "./control") != 0 &&
			      strcmp(path, "control") != 0))
			continue;
		GRAFT_FREE char *text = calloc(1, CONTROL_MAX + 1);
		if (!text)
			return graft_error_no_memory();
		if (archive_read_data(tar, text, CONTROL_MAX) < 0)
			return graft_archive_bad(tar, "control.tar");
		err = control_field(text, "Package", &tree->package);
		if (!err)
			err = control_field(text, "Version", &tree->version);
		return err;
	}
	return status == ARCHIVE_EOF ? NULL
				     : graft_archive_bad(tar, "control.tar");
}

/** Make the unnamed file that ELF files are put into. */
static struct graft_error *
open_spill(struct graft_tree *tree)
{
	if (tree->spill >= 0)
		return NULL;
	tree->spill = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (tree->spill < 0)
		tree->spill = memfd_create("graft-package", MFD_CLOEXEC);
	return tree->spill < 0 ? graft_error_os(errno, "make a temporary file")
			       : NULL;
}

/** Read the data of the current entry into a file of the tree. */
static struct graft_error *
read_data(struct graft_tree *tree, struct archive *tar,
	  struct graft_tree_file *file, uint64_t *total)
{
	GRAFT_CLEANUP(close_digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	GRAFT_FREE uint8_t *block = malloc(GRAFT_DEB_BLOCK);
	struct graft_error *err;

	if (!digest || !block)
		return graft_error_no_memory();
	if (!EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
	for (;;) {
		// A short read in front would hide the ELF header: libarchive
		// fills the whole block unless the file ends.
		la_ssize_t got = archive_read_data(tar, block, GRAFT_DEB_BLOCK);
		if (got < 0)
			return graft_archive_bad(tar, "data.tar");
		if (got == 0)
			break;
		if (file->size == 0 && graft_tree_is_elf(block, (size_t)got)) {
			err = open_spill(tree);
			if (err)
				return err;
			off_t end = lseek(tree->spill, 0, SEEK_END);
			if (end < 0)
				return graft_error_os(errno,
						      "seek a temporary file");
			file->elf = true;
			file->off = (uint64_t)end;
		}
		file->size += (uint64_t)got;
		*total += (uint64_t)got;
		if (*total > GRAFT_LIMIT_UNPACKED_BYTES)
			return graft_error_new(
				GRAFT_ERROR_LIMIT,
				"unpacks to more than %zu GiB",
				(size_t)(GRAFT_LIMIT_UNPACKED_BYTES >> 30));
		if (file->elf && file->size > GRAFT_LIMIT_ELF_BYTES)
			return graft_error_new(
				GRAFT_ERROR_LIMIT, "%s is larger than %zu MiB",
				file->path,
				(size_t)(GRAFT_LIMIT_ELF_BYTES >> 20));
		if ((file->elf || file->size <= GRAFT_LIMIT_OTHER_BYTES) &&
		    !EVP_DigestUpdate(digest, block, (size_t)got))
			return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
		if (file->elf) {
			err = graft_file_write_fd(tree->spill, block,
						  (size_t)got);
			if (err)
				return err;
		}
	}
	if (!EVP_DigestFinal_ex(digest, file->sha256, NULL))
		return graft_error_new(GRAFT_ERROR_LIBRARY, "SHA-256");
	return NULL;
}

/** Let a hard link be the file that it names, which stands earlier. */
static struct graft_error *
link_file(struct graft_tree *tree, struct graft_tree_file *file,
	  const char *target)
{
	while (*target == '/' || (target[0] == '.' && target[1] == '/'))
		target++;
	for (size_t i = 0; i + 1 < tree->file_count; i++) {
		const struct graft_tree_file *other = &tree->files[i];
		if (strcmp(other->path, target) != 0)
			continue;
		file->size = other->size;
		file->elf = other->elf;
		file->off = other->off;
		memcpy(file->sha256, other->sha256, sizeof(file->sha256));
		return NULL;
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "data.tar: %s links to a file that is not there",
			       file->path);
}

/** Take the files out of data.tar. */
static struct graft_error *
read_files(struct graft_tree *tree, struct archive *tar)
{
	struct graft_tree_file *file;
	struct archive_entry *entry;
	struct graft_error *err;
	uint64_t links = 0;
	uint64_t total = 0;
	size_t seen = 0;
	int status;

	while ((status = archive_read_next_header(tar, &entry)) == ARCHIVE_OK ||
	       status == ARCHIVE_WARN) {
		const char *target = archive_entry_hardlink(entry);
		if (++seen > GRAFT_LIMIT_TREE_FILES)
			return graft_error_new(
				GRAFT_ERROR_LIMIT,
				"data.tar: more than %zu entries",
				(size_t)GRAFT_LIMIT_TREE_FILES);
		if (!target && archive_entry_filetype(entry) != AE_IFREG)
			continue;
		const char *path = archive_entry_pathname(entry);
		if (!path)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "data.tar: a file without name");
		err = graft_tree_add(tree, path, &file);
		if (err)
			return graft_error_prefix(err, "data.tar");
		// Each link costs a search; no package has so many.
		if (target && ++links > 10000)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "data.tar: too many links");
		err = target ? link_file(tree, file, target)
			     : read_data(tree, tar, file, &total);
		if (err)
			return err;
	}
	return status == ARCHIVE_EOF ? NULL
				     : graft_archive_bad(tar, "data.tar");
}

/** Read the members of the ar archive in order. */
static struct graft_error *
read_members(struct graft_tree *tree, struct archive *outer)
{
	struct archive_entry *entry;
	struct graft_error *err;
	bool is_package = false;
	bool has_data = false;
	int status;

	GRAFT_FREE struct graft_deb_member *inner = calloc(1, sizeof(*inner));
	if (!inner)
		return graft_error_no_memory();
	inner->outer = outer;
	while ((status = archive_read_next_header(outer, &entry)) ==
	       ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);
		GRAFT_CLEANUP(graft_archive_close) struct archive *tar = NULL;

		if (!name)
			continue;
		if (strcmp(name, "debian-binary") == 0) {
			is_package = true;
			continue;
		}
		if (!is_package)
			break;
		if (strncmp(name, "control.tar", 11) == 0) {
			err = graft_deb_member_open(inner, "control.tar", &tar);
			if (!err)
				err = read_control(tree, tar);
		} else if (strncmp(name, "data.tar", 8) == 0 && !has_data) {
			has_data = true;
			err = graft_deb_member_open(inner, "data.tar", &tar);
			if (!err)
				err = read_files(tree, tar);
		} else {
			continue;
		}
		if (err)
			return err;
	}
	if (!is_package)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "an ar archive, but no Debian package");
	if (status != ARCHIVE_EOF)
		return graft_archive_bad(outer, "ar");
	if (!has_data || !tree->package || !tree->version)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT, "a Debian package without %s",
			has_data ? "name and version" : "data.tar");
	return NULL;
}

struct graft_error *
graft_deb_read(struct graft_tree *tree)
{
	struct graft_error *err;
	struct stat st;

	GRAFT_CLOSE int fd = open(tree->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open %s", tree->name);
	if ((uint64_t)st.st_size > GRAFT_LIMIT_PACKAGE_BYTES)
		return graft_error_new(
			GRAFT_ERROR_LIMIT, "%s: larger than %zu MiB",
			tree->name, (size_t)(GRAFT_LIMIT_PACKAGE_BYTES >> 20));
	tree->bytes = (uint64_t)st.st_size;

	GRAFT_CLEANUP(graft_archive_close)
	struct archive *outer = archive_read_new();
	if (!outer)
		return graft_error_no_memory();
	if (archive_read_support_format_ar(outer) != ARCHIVE_OK)
		return graft_error_new(GRAFT_ERROR_LIBRARY, "libarchive: %s",
				       archive_error_string(outer));
	if (archive_read_open_fd(outer, fd, GRAFT_DEB_BLOCK) != ARCHIVE_OK)
		return graft_error_prefix(graft_archive_bad(outer, "ar"), "%s",
					  tree->name);
	err = read_members(tree, outer);
	return err ? graft_error_prefix(err, "%s", tree->name) : NULL;
}
