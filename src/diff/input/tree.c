// SPDX-License-Identifier: Apache-2.0

#include "diff/input/tree.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/vec.h"
#include "diff/input/deb.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool
graft_tree_is_elf(const uint8_t *bytes, size_t len)
{
	if (len < EI_NIDENT + 2 || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return false;
	// Relocatable objects, core files and kernel modules are not mapped by
	// the dynamic linker. A file of the other byte order is called ELF, so
	// that its pair is reported and not silently skipped.
	unsigned type = bytes[EI_DATA] == ELFDATA2MSB
				? (unsigned)bytes[16] << 8 | bytes[17]
				: (unsigned)bytes[17] << 8 | bytes[16];
	return type == ET_EXEC || type == ET_DYN;
}

/** Say whether a path is that of a separate debug file. */
static bool
is_debug(const char *path)
{
	size_t len = strlen(path);

	return strncmp(path, "usr/lib/debug/", 14) == 0 ||
	       strstr(path, "/usr/lib/debug/") ||
	       (len > 6 && strcmp(path + len - 6, ".debug") == 0);
}

/** Say whether a path has a component "..". */
static bool
leaves(const char *path)
{
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (strncmp(at, "..", 2) == 0 && (!at[2] || at[2] == '/'))
			return true;
	}
	return false;
}

struct graft_error *
graft_tree_add(struct graft_tree *tree, const char *path,
	       struct graft_tree_file **ret)
{
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	if (!*path || leaves(path))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a path that leaves the package");
	if (strlen(path) >= GRAFT_LIMIT_PATH)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a path longer than %zu bytes",
				       (size_t)GRAFT_LIMIT_PATH);
	if (tree->file_count >= GRAFT_LIMIT_TREE_FILES)
		return graft_error_new(GRAFT_ERROR_LIMIT, "more than %zu files",
				       (size_t)GRAFT_LIMIT_TREE_FILES);

	struct graft_error *err =
		graft_vec_reserve(&tree->files, &tree->file_cap,
				  tree->file_count + 1, sizeof(*tree->files));
	if (err)
		return err;
	char *copy = strdup(path);
	if (!copy)
		return graft_error_no_memory();
	struct graft_tree_file *file = &tree->files[tree->file_count++];
	*file = (struct graft_tree_file){ .path = copy,
					  .debug = is_debug(copy) };
	*ret = file;
	return NULL;
}

/**
 * Fill in what is known of a file on disk from the file itself. Of what is no ELF
 * file only the beginning is read, unless it is @p named: a data file may be of
 * any length.
 */
static struct graft_error *
describe(const char *path, bool named, struct graft_tree_file *file)
{
	uint8_t start[EI_NIDENT + 2];
	struct stat st;

	// O_NONBLOCK: what was a regular file may be a pipe by now.
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
						(named ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return graft_error_os(errno, "open %s", path);
	if (fstat(fd, &st) < 0)
		return graft_error_os(errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s is no regular file", path);
	ssize_t got = pread(fd, start, sizeof(start), 0);
	if (got < 0)
		return graft_error_os(errno, "read %s", path);
	file->size = (uint64_t)st.st_size;
	file->elf = graft_tree_is_elf(start, (size_t)got);
	bool whole = file->elf || named;
	if (whole && file->size > GRAFT_LIMIT_ELF_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s is larger than %zu MiB", path,
				       (size_t)(GRAFT_LIMIT_ELF_BYTES >> 20));
	struct graft_error *err = graft_sha256_fd(
		fd, whole ? GRAFT_LIMIT_ELF_BYTES : GRAFT_LIMIT_OTHER_BYTES,
		file->sha256);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}

static int
compare_names(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void
close_fts(FTS **fts)
{
	if (*fts)
		(void)fts_close(*fts);
}

/** Add the regular files under a directory. */
static struct graft_error *
walk(struct graft_tree *tree)
{
	char *const roots[] = { tree->name, NULL };
	size_t root_len = strlen(tree->name);
	struct graft_tree_file *file;
	struct graft_error *err;

	GRAFT_CLEANUP(close_fts)
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW,
			    compare_names);
	if (!fts)
		return graft_error_os(errno, "open %s", tree->name);
	for (;;) {
		errno = 0;
		FTSENT *entry = fts_read(fts);
		if (!entry)
			break;
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS)
			return graft_error_os(entry->fts_errno, "read %s",
					      entry->fts_path);
		tree->link_count += entry->fts_info == FTS_SL ||
				    entry->fts_info == FTS_SLNONE;
		if (entry->fts_info != FTS_F ||
		    !S_ISREG(entry->fts_statp->st_mode))
			continue;
		err = graft_tree_add(tree, entry->fts_path + root_len, &file);
		if (err)
			return graft_error_prefix(err, "%s", entry->fts_path);
		err = describe(entry->fts_accpath, false, file);
		if (err)
			return err;
		tree->bytes += file->size;
	}
	return errno ? graft_error_os(errno, "read %s", tree->name) : NULL;
}

/** Open a tree of one ELF file. */
static struct graft_error *
single(struct graft_tree *tree)
{
	const char *slash = strrchr(tree->name, '/');
	struct graft_tree_file *file;

	struct graft_error *err =
		graft_tree_add(tree, slash ? slash + 1 : tree->name, &file);
	if (err)
		return graft_error_prefix(err, "%s", tree->name);
	err = describe(tree->name, true, file);
	if (err)
		return err;
	// Whatever is wrong with it, the image says it better.
	file->elf = true;
	file->debug = false;
	tree->bytes = file->size;
	return NULL;
}

/** Say what lies at a path, by its first bytes. */
static struct graft_error *
sniff(const char *path, enum graft_tree_kind *ret)
{
	char start[8] = { 0 };
	struct stat st;

	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no such file", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open %s", path);
	if (S_ISDIR(st.st_mode)) {
		*ret = GRAFT_TREE_DIRECTORY;
		return NULL;
	}
	if (S_ISREG(st.st_mode) && read(fd, start, sizeof(start)) >= SELFMAG) {
		if (memcmp(start, ELFMAG, SELFMAG) == 0) {
			*ret = GRAFT_TREE_FILE;
			return NULL;
		}
		if (memcmp(start, "!<arch>\n", 8) == 0) {
			*ret = GRAFT_TREE_PACKAGE;
			return NULL;
		}
	}
	return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
			       "%s: no ELF file, directory or Debian package",
			       path);
}

static int
compare_files(const void *a, const void *b)
{
	return strcmp(((const struct graft_tree_file *)a)->path,
		      ((const struct graft_tree_file *)b)->path);
}

/** Make a tree that has a name and nothing else. */
GRAFT_MUST_CHECK static struct graft_error *
tree_new(const char *path, struct graft_tree **ret)
{
	GRAFT_CLEANUP(graft_tree_closep)
	struct graft_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return graft_error_no_memory();
	tree->spill = -1;
	tree->name = strdup(path);
	if (!tree->name)
		return graft_error_no_memory();
	*ret = GRAFT_TAKE(tree);
	return NULL;
}

struct graft_error *
graft_tree_open_file(const char *path, struct graft_tree **ret)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	struct graft_error *err = tree_new(path, &tree);

	if (err)
		return err;
	tree->kind = GRAFT_TREE_FILE;
	err = single(tree);
	if (err)
		return err;
	*ret = GRAFT_TAKE(tree);
	return NULL;
}

struct graft_error *
graft_tree_open(const char *path, struct graft_tree **ret)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	struct graft_error *err = tree_new(path, &tree);

	if (!err)
		err = sniff(path, &tree->kind);
	if (err)
		return err;
	switch (tree->kind) {
	case GRAFT_TREE_FILE:
		err = single(tree);
		break;
	case GRAFT_TREE_DIRECTORY:
		err = walk(tree);
		break;
	case GRAFT_TREE_PACKAGE:
		err = graft_deb_read(tree);
		break;
	}
	if (err)
		return err;

	if (tree->file_count)
		qsort(tree->files, tree->file_count, sizeof(*tree->files),
		      compare_files);
	for (size_t i = 1; i < tree->file_count; i++) {
		if (strcmp(tree->files[i - 1].path, tree->files[i].path) == 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s: holds %s twice", path,
					       tree->files[i].path);
	}
	*ret = GRAFT_TAKE(tree);
	return NULL;
}

void
graft_tree_close(struct graft_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->file_count; i++)
		free(tree->files[i].path);
	free(tree->files);
	free(tree->name);
	free(tree->package);
	free(tree->version);
	if (tree->spill >= 0)
		(void)close(tree->spill);
	free(tree);
}

/** Read a file that lies in the spill file. */
static struct graft_error *
read_spilled(const struct graft_tree *tree, const struct graft_tree_file *file,
	     uint8_t **ret)
{
	GRAFT_FREE uint8_t *bytes = malloc(file->size + 1);

	if (!bytes)
		return graft_error_no_memory();
	for (uint64_t done = 0; done < file->size;) {
		ssize_t got = pread(tree->spill, bytes + done,
				    file->size - done,
				    (off_t)(file->off + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return graft_error_os(got ? errno : EIO,
					      "read a temporary file");
		done += (uint64_t)got;
	}
	*ret = GRAFT_TAKE(bytes);
	return NULL;
}

struct graft_error *
graft_tree_read(const struct graft_tree *tree,
		const struct graft_tree_file *file, uint8_t **bytes_ret,
		size_t *len_ret)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	char path[2 * GRAFT_LIMIT_PATH];
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_error *err;
	size_t len = file->size;

	if (tree->kind == GRAFT_TREE_PACKAGE) {
		err = read_spilled(tree, file, &bytes);
	} else {
		if (tree->kind == GRAFT_TREE_FILE)
			(void)snprintf(path, sizeof(path), "%s", tree->name);
		else
			(void)snprintf(path, sizeof(path), "%s/%s", tree->name,
				       file->path);
		err = graft_file_read(path, GRAFT_LIMIT_ELF_BYTES, &bytes,
				      &len);
	}
	if (err)
		return err;
	err = graft_sha256(bytes, len, sha256);
	if (err)
		return err;
	if (len != file->size || memcmp(sha256, file->sha256, sizeof(sha256)))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s changed while it was read",
				       file->path);
	*bytes_ret = GRAFT_TAKE(bytes);
	*len_ret = len;
	return NULL;
}
