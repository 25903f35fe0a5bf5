// SPDX-License-Identifier: Apache-2.0

// Confines itself in the way that its argument names, and answers each line of its
// input: what the library says, and whether executable memory is still refused.

#include "victim.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/** Answer @p action to whoever maps executable memory, as graft would. */
static int
filter_exec(unsigned action)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/** Kill for one call, allow all others. */
static int
filter_call(unsigned nr)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static bool confined;

static void *
read_confined(void *arg)
{
	(void)filter_exec(SECCOMP_RET_ERRNO | EPERM);
	__atomic_store_n(&confined, true, __ATOMIC_RELEASE);
	for (;;)
		(void)pause();
	return arg;
}

/** A thread that has a filter of its own. */
static int
start_other(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, read_confined, NULL);
}

static void *
sleep_on(void *arg)
{
	for (;;)
		(void)usleep(3000);
	return arg;
}

static int
start_sleeper(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, sleep_on, NULL);
}

static int
confine(const char *how)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (strcmp(how, "kill") == 0)
		return filter_exec(SECCOMP_RET_KILL_PROCESS);
	if (strcmp(how, "trap") == 0)
		return filter_exec(SECCOMP_RET_TRAP);
	if (strcmp(how, "trace") == 0)
		return filter_exec(SECCOMP_RET_TRACE);
	if (strcmp(how, "deny") == 0)
		return filter_exec(SECCOMP_RET_ERRNO | EPERM) | start_sleeper();
	if (strcmp(how, "both") == 0)
		return filter_exec(SECCOMP_RET_ERRNO | EPERM) |
		       filter_exec(SECCOMP_RET_KILL_THREAD);
	if (strcmp(how, "allow") == 0)
		return filter_call(SYS_reboot) | filter_exec(SECCOMP_RET_LOG) |
		       start_sleeper();
	if (strcmp(how, "restart") == 0)
		return filter_call(SYS_restart_syscall);
	if (strcmp(how, "return") == 0)
		return filter_call(SYS_rt_sigreturn);
	if (strcmp(how, "unmap") == 0)
		return filter_call(SYS_munmap);
	if (strcmp(how, "other") == 0)
		return start_other();
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

int
main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "kill";
	bool deny = strcmp(how, "deny") == 0;
	char text[64];
	char byte;

	if (confine(how) != 0)
		return 1;
	while (strcmp(how, "other") == 0 &&
	       !__atomic_load_n(&confined, __ATOMIC_ACQUIRE))
		(void)usleep(1000);
	// Nothing but read(2) and write(2), which strict mode allows.
	(void)!write(1, "ready\n", 6);
	while (read(0, &byte, 1) == 1) {
		if (byte != '\n')
			continue;
		void *made = deny ? mmap(NULL, 4096, PROT_READ | PROT_EXEC,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
				  : MAP_FAILED;
		int len = snprintf(text, sizeof(text), "answer %d %s\n",
				   victim_answer(5),
				   made == MAP_FAILED ? "denied" : "granted");
		(void)!write(1, text, (size_t)len);
	}
	return 0;
}
