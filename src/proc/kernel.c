// SPDX-License-Identifier: Apache-2.0

#include "proc/kernel.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Does Yama forbid ptrace(2) to all, root too? Without Yama nothing does. */
static bool
is_forbidden(void)
{
	GRAFT_CLOSE int fd = open("/proc/sys/kernel/yama/ptrace_scope",
				  O_RDONLY | O_CLOEXEC);
	char scope = '0';

	return fd >= 0 && read(fd, &scope, 1) == 1 && scope == '3';
}

/** Can a byte be written to a page that is read-only? The byte that is there. */
static bool
writes_constants(void)
{
	static const char constant[] = "a constant";
	GRAFT_CLOSE int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	off_t at = (off_t)(uintptr_t)constant;
	char byte;

	return mem >= 0 && pread(mem, &byte, 1, at) == 1 &&
	       pwrite(mem, &byte, 1, at) == 1;
}

struct graft_kernel
graft_kernel_look(void)
{
	pid_t pid = getpid();
	GRAFT_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return (struct graft_kernel){
		.ptrace = !is_forbidden(),
		.memory = writes_constants(),
		.pidfd = pidfd >= 0,
		.kcmp = syscall(SYS_kcmp, pid, pid, KCMP_VM, 0, 0) == 0,
	};
}
