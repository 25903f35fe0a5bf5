// SPDX-License-Identifier: Apache-2.0

#include "proc/waiting.h"

#include "proc/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/** A system call in which threads sit for long. */
struct call {
	long number;
	const char *name;
	/** Its first argument is a descriptor. */
	bool descriptor;
};

static const struct call calls[] = {
	{ SYS_accept, "accept", true },
	{ SYS_accept4, "accept4", true },
	{ SYS_clock_nanosleep, "clock_nanosleep", false },
	{ SYS_connect, "connect", true },
	{ SYS_epoll_pwait, "epoll_pwait", true },
	{ 441, "epoll_pwait2", true },
	{ SYS_epoll_wait, "epoll_wait", true },
	{ SYS_fcntl, "fcntl", true },
	{ SYS_fdatasync, "fdatasync", true },
	{ SYS_flock, "flock", true },
	{ SYS_fsync, "fsync", true },
	{ SYS_futex, "futex", false },
	{ SYS_io_getevents, "io_getevents", false },
	{ 426, "io_uring_enter", true },
	{ SYS_ioctl, "ioctl", true },
	{ SYS_msgrcv, "msgrcv", false },
	{ SYS_nanosleep, "nanosleep", false },
	{ SYS_openat, "openat", false },
	{ SYS_pause, "pause", false },
	{ SYS_poll, "poll", false },
	{ SYS_ppoll, "ppoll", false },
	{ SYS_pselect6, "pselect6", false },
	{ SYS_read, "read", true },
	{ SYS_readv, "readv", true },
	{ SYS_recvfrom, "recvfrom", true },
	{ SYS_recvmsg, "recvmsg", true },
	{ SYS_rt_sigsuspend, "rt_sigsuspend", false },
	{ SYS_rt_sigtimedwait, "rt_sigtimedwait", false },
	{ SYS_select, "select", false },
	{ SYS_semop, "semop", false },
	{ SYS_semtimedop, "semtimedop", false },
	{ SYS_sendmsg, "sendmsg", true },
	{ SYS_sendto, "sendto", true },
	{ SYS_vfork, "vfork", false },
	{ SYS_wait4, "wait4", false },
	{ SYS_waitid, "waitid", false },
	{ SYS_write, "write", true },
	{ SYS_writev, "writev", true },
};

static const struct call *
find_call(long number)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i].number == number)
			return &calls[i];
	}
	return NULL;
}

void
graft_waiting_say(const struct user_regs_struct *regs, char *buf, size_t len)
{
	long number = (long)regs->orig_rax;
	char name[32];
	char of[40] = "";

	buf[0] = '\0';
	// The kernel keeps the number there while it is in the call, and -1 else.
	if (number < 0)
		return;
	const struct call *call = find_call(number);
	(void)snprintf(name, sizeof(name), "number %ld", number);
	if (call)
		(void)snprintf(name, sizeof(name), "%s", call->name);
	if (call && call->descriptor)
		(void)snprintf(of, sizeof(of), " on descriptor %d",
			       (int)regs->rdi);
	(void)snprintf(buf, len,
		       "; it waits in system call %s%s until that returns",
		       name, of);
}

void
graft_waiting_look(pid_t pid, pid_t tid, char *buf, size_t len)
{
	char text[256];
	long number = -1;
	uint64_t first = 0;

	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/task/%d/syscall",
			     (int)pid, (int)tid) <= 0 ||
	    sscanf(text, "%ld %" SCNx64, &number, &first) != 2)
		number = -1;
	const struct user_regs_struct regs = {
		.orig_rax = (unsigned long long)number,
		.rdi = first,
	};
	graft_waiting_say(&regs, buf, len);
}

bool
graft_waiting_is_at(pid_t pid, pid_t tid, uint64_t sp, uint64_t pc)
{
	char text[256];
	char want[48];
	size_t want_len;

	ssize_t len = graft_proc_slurp(text, sizeof(text),
				       "/proc/%d/task/%d/syscall", (int)pid,
				       (int)tid);
	// The last two numbers of proc(5), for one that waits; else "running".
	want_len = (size_t)snprintf(want, sizeof(want),
				    " 0x%" PRIx64 " 0x%" PRIx64 "\n", sp, pc);
	return len > (ssize_t)want_len &&
	       strcmp(text + len - want_len, want) == 0;
}
