// SPDX-License-Identifier: Apache-2.0

#include "repo/copy.h"

#include "base/cleanup.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/hex.h"
#include "repo/names.h"
#include "repo/tree.h"
#include "trust/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PIECE_LEN = 64 * 1024,
};

GRAFT_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

GRAFT_MUST_CHECK static struct graft_error *
too_large(void)
{
	return graft_error_new(GRAFT_ERROR_LIMIT,
			       "larger than the %llu bytes that clients take",
			       (unsigned long long)GRAFT_TRUST_TARGET_BYTES);
}

/** Open a plain file below a folder by a way that has no link in it, whoever puts one there. */
GRAFT_MUST_CHECK static struct graft_error *
open_below(const char *folder, const char *file, int *fd_ret)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	struct stat st;
	GRAFT_CLOSE int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	GRAFT_CLOSE int fd = root < 0 ? -1
				      : (int)syscall(SYS_openat2, root, file,
						     &how, sizeof(how));

	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open %s/%s", folder, file);
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s/%s: not a regular file", folder,
				       file);
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

/** Measure what is read from one file, and write it to another one. */
GRAFT_MUST_CHECK static struct graft_error *
pump(int from, int to, struct graft_copy *ret)
{
	GRAFT_FREE uint8_t *piece = malloc(PIECE_LEN);
	uint8_t hash[GRAFT_SHA256_LEN];
	GRAFT_CLEANUP(EVP_MD_CTX_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct stat st;

	// Before a disk is filled with it.
	if (fstat(from, &st) < 0)
		return graft_error_os(errno, "stat");
	if ((uint64_t)st.st_size > GRAFT_TRUST_TARGET_BYTES)
		return too_large();
	if (!piece || !md || EVP_DigestInit(md, EVP_sha256()) != 1)
		return graft_error_no_memory();
	ret->len = 0;
	for (ssize_t n; (n = read(from, piece, PIECE_LEN)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read");
		ret->len += (uint64_t)n;
		if (ret->len > GRAFT_TRUST_TARGET_BYTES)
			return too_large();
		if (EVP_DigestUpdate(md, piece, (size_t)n) != 1)
			return graft_error_no_memory();
		struct graft_error *err =
			to >= 0 ? graft_file_write_fd(to, piece, (size_t)n)
				: NULL;
		if (err)
			return err;
	}
	if (EVP_DigestFinal(md, hash, NULL) != 1)
		return graft_error_no_memory();
	graft_hex_encode(hash, sizeof(hash), ret->digits);
	return NULL;
}

struct graft_error *
graft_copy_measure(const char *file, struct graft_copy *ret)
{
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = graft_file_open_regular(file, O_NOFOLLOW,
							  &fd);

	if (err)
		return err;
	err = pump(fd, -1, ret);
	return err ? graft_error_prefix(err, "%s", file) : NULL;
}

/** A file that is removed at the end of its scope, if it has not got another name. */
static void
unlink_beside(char **path)
{
	if (*path)
		(void)unlink(*path);
	free(*path);
}

/** Make the path of a file by its hash, and the folder that it is in. */
GRAFT_MUST_CHECK static struct graft_error *
final_path(const char *folder, const char *path, const struct graft_copy *copy,
	   char **ret)
{
	GRAFT_FREE char *name = NULL;
	struct graft_error *err = graft_repo_hashed_name(path, copy->digits,
							 &name);

	if (err)
		return err;
	if (asprintf(ret, "%s/%s", folder, name) < 0) {
		*ret = NULL;
		return graft_error_no_memory();
	}
	return graft_tree_make_parent(*ret);
}

/** Make a file in a folder, beside all targets. */
GRAFT_MUST_CHECK static struct graft_error *
make_beside(const char *folder, int *fd_ret, char **ret)
{
	GRAFT_FREE char *path = NULL;

	if (asprintf(&path, "%s/" GRAFT_COPY_BESIDE ".XXXXXX", folder) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	*fd_ret = mkostemp(path, O_CLOEXEC);
	if (*fd_ret < 0)
		return graft_error_os(errno, "create a file in %s", folder);
	*ret = GRAFT_TAKE(path);
	return NULL;
}

/** Give what was made beside its hashed name. */
GRAFT_MUST_CHECK static struct graft_error *
put_in_place(int fd, char **beside, const char *folder, const char *path,
	     const struct graft_copy *copy)
{
	GRAFT_FREE char *final = NULL;

	struct graft_error *err = graft_fault("repo-copied");
	if (!err && fchmod(fd, 0644) < 0)
		err = graft_error_os(errno, "chmod %s", *beside);
	if (!err)
		err = final_path(folder, path, copy, &final);
	if (err)
		return err;
	if (rename(*beside, final) < 0)
		return graft_error_os(errno, "rename %s", final);
	free(GRAFT_TAKE(*beside));
	return NULL;
}

/** Copy an open file to its hashed name. */
GRAFT_MUST_CHECK static struct graft_error *
copy_to(int from, const char *folder, const char *path, struct graft_copy *ret)
{
	GRAFT_CLEANUP(unlink_beside) char *beside = NULL;
	GRAFT_CLOSE int to = -1;

	struct graft_error *err = make_beside(folder, &to, &beside);
	if (!err)
		err = pump(from, to, ret);
	return err ? err : put_in_place(to, &beside, folder, path, ret);
}

struct graft_error *
graft_copy_target(const struct graft_copy_source *source, const char *folder,
		  const char *path, struct graft_copy *ret)
{
	GRAFT_CLOSE int from = -1;

	struct graft_error *err =
		source->folder
			? open_below(source->folder, source->file, &from)
			: graft_file_open_regular(source->file, 0, &from);
	if (!err)
		err = graft_dir_make(folder, 0755);
	if (err)
		return err;
	err = copy_to(from, folder, path, ret);
	return err ? graft_error_prefix(err, "%s", source->file) : NULL;
}

struct graft_error *
graft_copy_bytes(const void *bytes, size_t len, const char *folder,
		 const char *path, struct graft_copy *ret)
{
	GRAFT_CLEANUP(unlink_beside) char *beside = NULL;
	GRAFT_CLOSE int to = -1;
	uint8_t hash[GRAFT_SHA256_LEN];

	struct graft_error *err = graft_sha256(bytes, len, hash);
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), ret->digits);
	ret->len = len;
	err = graft_dir_make(folder, 0755);
	if (!err)
		err = make_beside(folder, &to, &beside);
	if (!err)
		err = graft_file_write_fd(to, bytes, len);
	return err ? err : put_in_place(to, &beside, folder, path, ret);
}
