// SPDX-License-Identifier: Apache-2.0

#include "elf/limits.h"
#include "elf/model.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

struct graft_error *
graft_file_slurp(const char *path, uint8_t **bytes_ret, size_t *len_ret)
{
	// O_NONBLOCK: to open a FIFO would wait for its writer.
	GRAFT_CLOSE int fd = open(path,
				  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return graft_error_os(errno, "open");
	struct stat st;
	if (fstat(fd, &st))
		return graft_error_os(errno, "stat");
	if (!S_ISREG(st.st_mode))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "not a regular file");
	if ((uint64_t)st.st_size > GRAFT_LIMIT_FILE)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "larger than %ju bytes",
				       (uintmax_t)GRAFT_LIMIT_FILE);

	// Not mapped: a file that is cut while it is mapped kills the reader.
	size_t len = (size_t)st.st_size;
	GRAFT_FREE uint8_t *bytes = malloc(len ? len : 1);
	if (!bytes)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, bytes + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read");
		if (n == 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "the file shrank while it was "
					       "read");
		done += (size_t)n;
	}
	*len_ret = len;
	*bytes_ret = GRAFT_TAKE(bytes);
	return NULL;
}
