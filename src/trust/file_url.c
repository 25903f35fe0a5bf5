// SPDX-License-Identifier: Apache-2.0

#include "trust/file_url.h"

#include "base/cleanup.h"
#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_LEN = 64 * 1024 };

static const char scheme[] = "file:";

bool
graft_file_url_is(const char *url)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

GRAFT_MUST_CHECK static struct graft_error *
no_path(void)
{
	return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
			       "no URL of a file of this machine, like "
			       "file:///srv/repository (with ? and # as %%3F "
			       "and %%23)");
}

/** Find the path in a URL, which may name this machine: "file://localhost/a". */
static const char *
skip_host(const char *at)
{
	static const char *const hosts[] = { "//localhost/", "//127.0.0.1/",
					     "///" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		const size_t len = strlen(hosts[i]);
		if (strncasecmp(at, hosts[i], len) == 0)
			return at + len - 1;
	}
	return at[0] == '/' && at[1] != '/' ? at : NULL;
}

/** Get the path that a URL says. */
GRAFT_MUST_CHECK static struct graft_error *
path_of(const char *url, char **ret)
{
	const char *at = skip_host(url + strlen(scheme));
	GRAFT_FREE char *path = NULL;
	size_t len = 0;

	if (!at || strpbrk(at, "?#"))
		return no_path();
	path = malloc(strlen(at) + 1);
	if (!path)
		return graft_error_no_memory();
	while (*at) {
		char digits[3] = { 0 };
		uint8_t byte = (uint8_t)*at++;
		size_t one = 0;
		if (byte == '%') {
			(void)strncpy(digits, at, 2);
			struct graft_error *err = graft_hex_decode(digits, 1,
								   &byte, &one);
			graft_error_free(err);
			if (err || one != 1 || !byte)
				return no_path();
			at += 2;
			// A name with a slash in it is that of no file.
			if (byte == '/')
				return graft_error_new(GRAFT_ERROR_NOT_FOUND,
						       "there is no such file");
		}
		path[len++] = (char)byte;
	}
	path[len] = '\0';
	*ret = GRAFT_TAKE(path);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
open_file(const char *path, int *fd_ret)
{
	struct stat st;
	// O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
	GRAFT_CLOSE int fd = open(path,
				  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "there is no such file");
	if (fd < 0 || fstat(fd, &st) < 0)
		return graft_error_os(errno, "open");
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "not a regular file");
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

struct graft_error *
graft_file_url_fetch(const struct graft_fetch_request *request)
{
	GRAFT_FREE uint8_t *piece = malloc(PIECE_LEN);
	uint64_t seen = request->offset;
	GRAFT_FREE char *path = NULL;
	GRAFT_CLOSE int fd = -1;

	if (!piece)
		return graft_error_no_memory();
	struct graft_error *err = path_of(request->url, &path);
	if (!err)
		err = open_file(path, &fd);
	if (err)
		return err;
	if (lseek(fd, (off_t)request->offset, SEEK_SET) < 0)
		return graft_error_os(errno, "seek");
	for (ssize_t n; (n = read(fd, piece, PIECE_LEN)) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read");
		seen += (uint64_t)n;
		err = seen > request->max_bytes
			      ? graft_fetch_too_long(request)
			      : request->sink(request->sink_context, piece,
					      (size_t)n);
		if (err)
			return err;
	}
	return NULL;
}
