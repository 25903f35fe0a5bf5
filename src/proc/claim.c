// SPDX-License-Identifier: Apache-2.0

#include "proc/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

void
graft_claim_try(pid_t pid, int *fd_ret, bool *held_ret)
{
	char path[32];

	*fd_ret = -1;
	*held_ret = false;
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	// For writing: a file that others may read they could hold for ever.
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*fd_ret = fd;
		return;
	}
	*held_ret = errno == EWOULDBLOCK;
	(void)close(fd);
}
