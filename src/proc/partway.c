// SPDX-License-Identifier: Apache-2.0

#include "proc/partway.h"

#include "proc/status.h"
#include "proc/tracee.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/** How long to wait, and between two looks. */
	LIMIT_NS = 20 * 1000 * 1000,
	STEP_US = 200,
	/** What is no longer is moved whole (PIPE_BUF; a page for sockets). */
	WHOLE_BYTES = 4096,
	/** To look at more takes so long that the first ones are elsewhere by then. */
	THREADS_MAX = 256,
};

bool
graft_partway_parse(const char *text)
{
	uint64_t args[4];
	char *at;

	// "running", "-1 SP PC", or a number with six arguments (proc(5)).
	long nr = strtol(text, &at, 10);
	for (size_t i = 0; i < 4; i++) {
		const char *from = at;
		args[i] = strtoull(from, &at, 16);
		if (at == from)
			return false;
	}
	switch (nr) {
	case SYS_write:
	case SYS_sendto:
		return args[2] > WHOLE_BYTES;
	case SYS_writev:
	case SYS_sendmsg:
	case SYS_sendfile:
	case SYS_splice:
		return true;
	case SYS_recvfrom:
		return args[3] & MSG_WAITALL;
	case SYS_recvmsg:
		return args[2] & MSG_WAITALL;
	default:
		return false;
	}
}

bool
graft_partway_is_in(pid_t pid, pid_t tid)
{
	char text[256];
	// The first thread's has the shorter path, and the kernel makes two objects
	// less for it.
	ssize_t len = tid == pid
			      ? graft_proc_slurp(text, sizeof(text),
						 "/proc/%d/syscall", (int)pid)
			      : graft_proc_slurp(text, sizeof(text),
						 "/proc/%d/task/%d/syscall",
						 (int)pid, (int)tid);

	return len > 0 && graft_partway_parse(text);
}

/** As graft_partway_is_in() of the first thread, whose file stays open. */
static bool
leader_is_in(struct graft_target *target)
{
	char text[256];

	if (target->call_fd < 0) {
		char path[32];
		(void)snprintf(path, sizeof(path), "/proc/%d/syscall",
			       (int)target->pid);
		target->call_fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	ssize_t len = target->call_fd >= 0 ? pread(target->call_fd, text,
						   sizeof(text) - 1, 0)
					   : -1;
	text[len > 0 ? len : 0] = '\0';
	return len > 0 && graft_partway_parse(text);
}

/** Say whether it is worth to wait. */
static bool
is_worth(struct graft_target *target, bool all)
{
	size_t in = 0;
	size_t count = 0;

	for (size_t i = 0; i < target->count; i++) {
		const struct graft_tracee *tracee = &target->tracees[i];
		if (tracee->state != GRAFT_TRACEE_RUNNING || tracee->stranger)
			continue;
		count++;
		in += tracee->tid == target->pid
			      ? leader_is_in(target)
			      : graft_partway_is_in(target->pid, tracee->tid);
		if (all ? in > 0 : in < count)
			return all;
	}
	return in > 0;
}

void
graft_partway_wait(struct graft_target *target, bool all)
{
	uint64_t deadline = graft_tracee_now_ns() + LIMIT_NS;

	while (target->count <= THREADS_MAX && is_worth(target, all) &&
	       graft_tracee_now_ns() < deadline) {
		(void)usleep(STEP_US);
		graft_tracee_service(target);
	}
}
