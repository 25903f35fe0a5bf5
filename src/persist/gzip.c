// SPDX-License-Identifier: Apache-2.0

#include "persist/gzip.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "host/ask.h"

#include <errno.h>
#include <sys/mman.h>

enum {
	/** For 64 MiB, many times what it takes. */
	LIMIT_US = 120 * 1000 * 1000,
};

static struct graft_error *
run(const char *how, const uint8_t *bytes, size_t len, uint8_t **ret,
    size_t *len_ret)
{
	char *const argv[] = { (char *)"gzip", (char *)how, NULL };
	GRAFT_CLOSE int fd = memfd_create("graft-gzip", MFD_CLOEXEC);
	char *text;

	if (fd < 0)
		return graft_error_os(errno, "make a temporary file");
	struct graft_error *err = graft_file_write_fd(fd, bytes, len);
	if (err)
		return err;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return graft_error_os(errno, "seek");
	err = graft_ask_about(argv, fd, LIMIT_US, &text, len_ret);
	if (!err)
		*ret = (uint8_t *)text;
	return err;
}

struct graft_error *
graft_gzip_pack(const uint8_t *bytes, size_t len, uint8_t **ret,
		size_t *len_ret)
{
	return run("-9nc", bytes, len, ret, len_ret);
}

struct graft_error *
graft_gzip_unpack(const uint8_t *bytes, size_t len, uint8_t **ret,
		  size_t *len_ret)
{
	return run("-dc", bytes, len, ret, len_ret);
}
