// SPDX-License-Identifier: Apache-2.0

// The process that has no rights. Whatever fails before the work begins ends it.

#include "base/cleanup.h"
#include "base/sandbox_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/** Its exit status if rights cannot be given up. */
	STATUS_NO_SANDBOX = 99,
	NOBODY = 65534,
	/** Where the socket is; files that are asked for come behind. */
	SOCKET_FD = 3,
	FILES = 16,
	FILTER_MAX = 128,
};

/** What work in memory calls. */
static const unsigned calls[] = {
	SYS_read,           SYS_pread64,      SYS_lseek,
	SYS_fstat,          SYS_close,        SYS_sendmsg,
	SYS_sendto,         SYS_recvmsg,      SYS_munmap,
	SYS_mremap,         SYS_madvise,      SYS_brk,
	SYS_futex,          SYS_exit,         SYS_exit_group,
	SYS_clock_gettime,  SYS_gettimeofday, SYS_getrandom,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_sysinfo,        SYS_uname,        SYS_getpid,
	SYS_gettid,
};

/** What libraries try for more than they need, such as the path of a file that they read
 * in memory: these fail. */
static const unsigned denied[] = {
	SYS_open, SYS_openat, SYS_readlink, SYS_readlinkat,
	SYS_stat, SYS_lstat,  SYS_access,   SYS_getcwd,
};

enum {
	CALL_COUNT = sizeof(calls) / sizeof(*calls),
	DENIED_COUNT = sizeof(denied) / sizeof(*denied),
};

/** A filter that is being written. */
struct filter {
	struct sock_filter code[FILTER_MAX];
	size_t len;
};

static void
put(struct filter *filter, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	filter->code[filter->len++] = (struct sock_filter)BPF_JUMP(code, k, yes,
								   no);
}

static void
put_return(struct filter *filter, uint32_t what)
{
	put(filter, BPF_RET | BPF_K, what, 0, 0);
}

/** Load the lower half of an argument of the call. */
static void
put_load(struct filter *filter, size_t argument)
{
	put(filter, BPF_LD | BPF_W | BPF_ABS,
	    (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument), 0,
	    0);
}

/** Let a call pass whose third argument asks for no code. */
static void
put_no_code(struct filter *filter, unsigned call)
{
	put(filter, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
	put_load(filter, 2);
	put(filter, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	put_return(filter, SECCOMP_RET_KILL_PROCESS);
	put_return(filter, SECCOMP_RET_ALLOW);
}

/** Kill for all but what work in memory calls. */
static bool
filter_calls(void)
{
	struct filter f = { .len = 0 };

	put(&f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch),
	    0, 0);
	put(&f, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	put_return(&f, SECCOMP_RET_KILL_PROCESS);
	put(&f, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0,
	    0);
	for (size_t i = 0; i < CALL_COUNT; i++) {
		put(&f, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		put_return(&f, SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < DENIED_COUNT; i++) {
		put(&f, BPF_JMP | BPF_JEQ | BPF_K, denied[i], 0, 1);
		put_return(&f, SECCOMP_RET_ERRNO | EACCES);
	}
	put_no_code(&f, SYS_mmap);
	put_no_code(&f, SYS_mprotect);
	// fstat(3) of some C libraries. It opens nothing.
	put(&f, BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 4);
	put_load(&f, 3);
	put(&f, BPF_JMP | BPF_JEQ | BPF_K, AT_EMPTY_PATH, 1, 0);
	put_return(&f, SECCOMP_RET_ERRNO | EACCES);
	put_return(&f, SECCOMP_RET_ALLOW);
	// abort(3) signals itself; it may signal nobody else.
	put(&f, BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4);
	put_load(&f, 0);
	put(&f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0);
	put_return(&f, SECCOMP_RET_KILL_PROCESS);
	put_return(&f, SECCOMP_RET_ALLOW);
	put_return(&f, SECCOMP_RET_KILL_PROCESS);
	const struct sock_fprog program = { .len = (unsigned short)f.len,
					    .filter = f.code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/** Keep the socket, and nothing else that is open. */
static bool
close_others(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return false;
	// Out of the way first: either may lie where the others go.
	int from = fcntl(fd, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	null = fcntl(null, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	return from >= 0 && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	       dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(null, STDERR_FILENO) >= 0 && dup2(from, SOCKET_FD) >= 0 &&
	       close_range(SOCKET_FD + 1, ~0U, 0) == 0;
}

/** Bytes of address space that we have now; 0: unknown. */
static uint64_t
measure_memory(void)
{
	unsigned long pages = 0;
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	return sscanf(text, "%lu", &pages) == 1
		       ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE)
		       : 0;
}

static bool
set_limit(int what, uint64_t soft, uint64_t hard)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)what, &limit) < 0)
		return false;
	// Never more than there was.
	limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &limit) == 0;
}

static bool
set_limits(const struct graft_sandbox_bounds *bounds)
{
	uint64_t has = measure_memory();

	return has && set_limit(RLIMIT_CORE, 0, 0) &&
	       set_limit(RLIMIT_FSIZE, 0, 0) && set_limit(RLIMIT_NPROC, 0, 0) &&
	       set_limit(RLIMIT_NOFILE, FILES, FILES) &&
	       set_limit(RLIMIT_AS, has + bounds->memory,
			 has + bounds->memory) &&
	       // At the first a signal that says so.
	       set_limit(RLIMIT_CPU, bounds->cpu_s, bounds->cpu_s + 1);
}

/** Become nobody, if we may, without any capability. */
static bool
drop_rights(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (geteuid() == 0) {
		// In a user namespace there may be no such number, nor may groups be
		// given up there: root of it has no capability after this.
		(void)setgroups(0, NULL);
		if ((setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		     setresuid(NOBODY, NOBODY, NOBODY) < 0) &&
		    errno != EINVAL)
			return false;
		if (getuid() != 0 && setresuid(0, 0, 0) == 0)
			return false;
	}
	return syscall(SYS_capset, &header, none) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/** Send all of it. If the other side is gone so are we. */
static void
send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			_exit(1);
		at += sent;
		len -= (size_t)sent;
	}
}

static void
send_frame(int fd, char kind, size_t len)
{
	char frame[GRAFT_SANDBOX_FRAME_LEN] = { kind };

	for (size_t i = 0; i < 8; i++)
		frame[1 + i] = (char)((uint64_t)len >> (8 * i));
	send_all(fd, frame, sizeof(frame));
}

/** Say why there is no result. */
static void
send_error(int fd, const struct graft_error *err)
{
	const char *text = graft_error_message(err);
	size_t len = strnlen(text, GRAFT_SANDBOX_TEXT_MAX);
	uint32_t code = (uint32_t)graft_error_code(err);
	char number[4];

	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = (char)(code >> (8 * i));
	send_frame(fd, GRAFT_SANDBOX_ERROR, sizeof(number) + len);
	send_all(fd, number, sizeof(number));
	send_all(fd, text, len);
}

_Noreturn void
graft_sandbox_be(const struct graft_sandbox_work *work,
		 const struct graft_sandbox_bounds *bounds, int fd,
		 pid_t parent)
{
	struct graft_sandbox box = { .fd = SOCKET_FD };
	uint8_t *bytes = NULL;
	size_t len = 0;

	if (!close_others(fd) || !set_limits(bounds) || !drop_rights() ||
	    // To become another user forgets it.
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    getppid() != parent || !filter_calls())
		_exit(STATUS_NO_SANDBOX);
	struct graft_error *err = work->fn(work->arg, &box, &bytes, &len);
	if (err) {
		send_error(box.fd, err);
	} else {
		send_frame(box.fd, GRAFT_SANDBOX_RESULT, len);
		send_all(box.fd, bytes, len);
	}
	_exit(0);
}

struct graft_error *
graft_sandbox_open(struct graft_sandbox *box, const char *name, int *fd_ret)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	size_t len = strlen(name);
	ssize_t got;

	send_frame(box->fd, GRAFT_SANDBOX_OPEN, len);
	send_all(box->fd, name, len);
	do
		got = recvmsg(box->fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		return graft_error_os(got < 0 ? errno : EPIPE,
				      "ask for a file");
	const struct cmsghdr *with = CMSG_FIRSTHDR(&message);
	if (byte != GRAFT_SANDBOX_FILE || !with ||
	    with->cmsg_type != SCM_RIGHTS)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND, "%s", name);
	memcpy(fd_ret, CMSG_DATA(with), sizeof(*fd_ret));
	return NULL;
}
