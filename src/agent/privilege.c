// SPDX-License-Identifier: Apache-2.0

#include "agent/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FRONT_FILES = 64,
	CAPS_PER_WORD = 32,
};

/** What worker and tool need, and for what. docs/decisions/daemon.md says more. */
static const int kept[] = {
	// To trace processes of others, and to read what /proc says of them.
	CAP_SYS_PTRACE,
	// map_files, fanotify, to put a seccomp filter to rest.
	CAP_SYS_ADMIN,
	// Files of others, in their roots.
	CAP_DAC_OVERRIDE,
	CAP_DAC_READ_SEARCH,
	// The process connector.
	CAP_NET_ADMIN,
	// To end a stop before the target's threads run again.
	CAP_SYS_NICE,
	// Files for perf(1) are written as the user of the target.
	CAP_SETUID,
	CAP_SETGID,
	// To signal processes of others.
	CAP_KILL,
};

/** The system calls of the front, once it runs. */
static const int calls[] = {
	SYS_read,           SYS_write,
	SYS_close,          SYS_poll,
	SYS_ppoll,          SYS_recvfrom,
	SYS_recvmsg,        SYS_sendto,
	SYS_sendmsg,        SYS_socket,
	SYS_connect,        SYS_getsockopt,
	SYS_setsockopt,     SYS_accept4,
	SYS_getsockname,    SYS_clock_gettime,
	SYS_gettimeofday,   SYS_getpid,
	SYS_gettid,         SYS_mmap,
	SYS_munmap,         SYS_mremap,
	SYS_madvise,        SYS_brk,
	SYS_mprotect,       SYS_futex,
	SYS_fcntl,          SYS_exit,
	SYS_exit_group,     SYS_rt_sigreturn,
	SYS_rt_sigprocmask, SYS_restart_syscall,
	SYS_getrandom,      SYS_fstat,
	SYS_newfstatat,     SYS_lseek,
};

enum {
	KEPT_COUNT = sizeof(kept) / sizeof(*kept),
	CALL_COUNT = sizeof(calls) / sizeof(*calls),
};

struct graft_error *
graft_privilege_find_user(const char *name, struct graft_privilege_user *ret)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		user = getpwnam("nobody");
	if (!user)
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"there is neither a user '%s' nor 'nobody'", name);
	if (user->pw_uid == 0 || user->pw_gid == 0)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"user '%s' is root: the front may not be", name);
	*ret = (struct graft_privilege_user){ user->pw_uid, user->pw_gid };
	return NULL;
}

/** Give up what a program that is executed could get back. */
GRAFT_MUST_CHECK static struct graft_error *
drop_bounding(const int *but, size_t count)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		bool keep = false;
		for (size_t i = 0; i < count; i++)
			keep |= but[i] == cap;
		if (!keep && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return graft_error_os(errno, "drop capability %d", cap);
	}
	return NULL;
}

/** Set the capabilities to some that we have. */
GRAFT_MUST_CHECK static struct graft_error *
set_capabilities(const int *to, size_t count)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, had) < 0)
		return graft_error_os(errno, "read capabilities");
	for (size_t i = 0; i < count; i++) {
		size_t word = (size_t)to[i] / CAPS_PER_WORD;
		uint32_t bit = 1U << to[i] % CAPS_PER_WORD;
		data[word].permitted |= bit & had[word].permitted;
		data[word].effective |= bit & had[word].permitted;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return graft_error_os(errno, "set capabilities");
	return NULL;
}

/** Let the calls of the front pass; the others fail, so that one which was
 * forgotten is an error and no death. */
GRAFT_MUST_CHECK static struct graft_error *
filter_calls(void)
{
	struct sock_filter code[CALL_COUNT + 8];
	size_t len = 0;

	code[len++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						   AUDIT_ARCH_X86_64, 1, 0);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						   SECCOMP_RET_KILL_PROCESS);
	code[len++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALL_COUNT; i++)
		code[len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i],
			(uint8_t)(CALL_COUNT - i), 0);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						   SECCOMP_RET_ERRNO | EPERM);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						   SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = (unsigned short)len,
					    .filter = code };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return graft_error_os(errno, "filter system calls");
	return NULL;
}

struct graft_error *
graft_privilege_drop_all(const struct graft_privilege_user *user, pid_t parent)
{
	const struct rlimit files = { FRONT_FILES, FRONT_FILES };
	const struct rlimit none = { 0, 0 };
	struct graft_error *err = drop_bounding(NULL, 0);

	if (err)
		return err;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return graft_error_os(errno, "set limits");
	if (setgroups(0, NULL) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return graft_error_os(errno, "become user %u", user->uid);
	err = set_capabilities(NULL, 0);
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return graft_error_os(errno, "give up privileges");
	// It must not have worked only in part.
	if (setresuid(0, 0, 0) == 0)
		return graft_error_new(GRAFT_ERROR_OS,
				       "root was given up, and came back");
	// To change the user forgets it, and the filter lets nobody ask for it.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return graft_error_os(errno, "end with process %d", parent);
	if (getppid() != parent)
		return graft_error_os(EPIPE, "process %d", parent);
	return filter_calls();
}

struct graft_error *
graft_privilege_drop_some(void)
{
	struct graft_error *err = drop_bounding(kept, KEPT_COUNT);

	return err ? err : set_capabilities(kept, KEPT_COUNT);
}
