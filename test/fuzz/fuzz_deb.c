// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the reader of Debian packages. The members of the package are archives
 * that are not compressed, and the checksums in them are made right first.
 */

#include "diff/input/pairs.h"
#include "diff/input/tree.h"
#include "fuzz.h"
#include "patch/tar.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	TAR_MAGIC_OFF = 257,
};

/** Seal every tar header: "ustar" stands in it, and it may start anywhere. */
static void
seal(uint8_t *bytes, size_t size)
{
	for (size_t off = 0; off + GRAFT_TAR_BLOCK <= size; off++)
		if (memcmp(bytes + off + TAR_MAGIC_OFF, "ustar", 5) == 0)
			graft_tar_seal(bytes + off);
}

static void
check_tree(const struct graft_tree *tree)
{
	promise(tree->package && tree->version);
	for (size_t i = 0; i < tree->file_count; i++) {
		const struct graft_tree_file *file = &tree->files[i];
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;

		promise(*file->path && *file->path != '/' &&
			!strstr(file->path, "/../") &&
			strncmp(file->path, "../", 3) != 0);
		promise(i == 0 ||
			strcmp(tree->files[i - 1].path, file->path) < 0);
		if (!file->elf)
			continue;
		must(graft_tree_read(tree, file, &bytes, &len));
		promise(len == file->size && graft_tree_is_elf(bytes, len));
	}
}

static void
read_package(const char *path)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;
	struct graft_error *err = graft_tree_open(path, &tree);

	if (err) {
		refused(err);
		return;
	}
	// Or an ELF file, which is for another driver.
	if (tree->kind != GRAFT_TREE_PACKAGE)
		return;
	check_tree(tree);
	must(graft_pairs_make(tree, tree, &pairs));
	for (size_t i = 0; i < pairs->count; i++)
		promise(pairs->pairs[i].same);
	promise(pairs->others_changed == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GRAFT_FREE uint8_t *copy = copy_input(data, size);
	GRAFT_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);
	char path[64];

	if (!copy || fd < 0)
		return 0;
	seal(copy, size);
	promise(write(fd, copy, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_package(path);
	return 0;
}
