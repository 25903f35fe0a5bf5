// SPDX-License-Identifier: Apache-2.0

#include "proc/target.h"

#include "proc/status.h"
#include "proc/tracee.h"
#include "proc/vmas.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/** Looks, 1 ms apart, at a process that is being executed anew. */
	EXEC_LOOKS = 20,
};

/** The auxiliary vector of a process, as /proc/PID/auxv has it. */
union vector {
	char text[4096];
	Elf64_auxv_t auxv[4096 / sizeof(Elf64_auxv_t)];
};

/** What a look at an auxiliary vector says. */
enum width {
	/** Nothing: execve(2) has not written it, or only its beginning. */
	WIDTH_UNKNOWN,
	WIDTH_32,
	WIDTH_64,
};

/**
 * Read an auxiliary vector of @p size bytes. The size of a program header tells what
 * process it is; a 32-bit vector read as a 64-bit one never holds it, and its first type
 * has a value in its upper half.
 *
 * @param[out] random_addr Address of AT_RANDOM's bytes, if it has them.
 */
static enum width
read_vector(const union vector *vector, size_t size, uint64_t *random_addr)
{
	size_t count = size / sizeof(vector->auxv[0]);
	enum width width = WIDTH_UNKNOWN;

	for (size_t i = 0; i < count && vector->auxv[i].a_type != AT_NULL;
	     i++) {
		const Elf64_auxv_t *entry = &vector->auxv[i];
		if (entry->a_type > UINT32_MAX)
			return WIDTH_32;
		if (entry->a_type == AT_PHENT &&
		    entry->a_un.a_val == sizeof(Elf64_Phdr))
			width = WIDTH_64;
		if (entry->a_type == AT_RANDOM)
			*random_addr = entry->a_un.a_val;
	}
	return width;
}

/** Is it a 64-bit process? Who is in the middle of execve(2) is looked at again. */
static struct graft_error *
check_64_bit(struct graft_target *target, pid_t tid)
{
	union vector vector;
	enum width width = WIDTH_UNKNOWN;

	for (int i = 0; i < EXEC_LOOKS && width == WIDTH_UNKNOWN; i++) {
		if (i > 0)
			(void)usleep(1000);
		ssize_t len = graft_proc_slurp(vector.text, sizeof(vector.text),
					       "/proc/%d/auxv", tid);
		if (len < 0)
			return graft_tracee_cannot_open(target, (int)-len,
							"auxv");
		width = read_vector(&vector, (size_t)len, &target->random_addr);
	}
	if (width == WIDTH_64)
		return NULL;
	if (width == WIDTH_UNKNOWN)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-12: process %d (%s) is in the middle of execve(2)",
			target->pid, target->comm);
	return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
			       "process %d (%s) is not a 64-bit process",
			       target->pid, target->comm);
}

/** Refuse what is no process that we can handle, from what /proc says. */
static struct graft_error *
check_kind(struct graft_target *target, pid_t *tid_ret)
{
	struct graft_proc_status status;
	// Only a process has a descriptor (pidfd_open(2)), no other thread; then
	// the shorter file says all.
	bool process = target->pidfd >= 0;
	struct graft_error *err =
		process ? graft_proc_stat_read(target->pid, &status)
			: graft_proc_status_read(target->pid, &status);
	if (err)
		return err;
	memcpy(target->comm, status.comm, sizeof(target->comm));
	target->start_ticks = status.start_ticks;
	if (!process && status.tgid != target->pid)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%d is a thread of process %d, not a "
				       "process",
				       target->pid, status.tgid);
	if (status.kernel)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "process %d (%s) is a kernel thread",
				       target->pid, status.comm);
	bool ended = status.state == 'Z' || status.state == 'X';
	*tid_ret = ended ? graft_proc_live_tid(target->pid) : target->pid;
	if (*tid_ret == 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "process %d (%s) exited and is not yet "
				       "reaped (zombie)",
				       target->pid, status.comm);
	return NULL;
}

struct graft_error *
graft_target_open(pid_t pid, struct graft_target **ret)
{
	if (pid <= 0)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%d is not a process id", pid);
	GRAFT_CLEANUP(graft_target_closep)
	struct graft_target *target = calloc(1, sizeof(*target));
	if (!target)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "a target");
	target->pid = pid;
	target->mem_fd = -1;
	target->task_fd = -1;
	target->call_fd = -1;

	// First the descriptor that pins the process, then what its number
	// shows: it then is the same process or none.
	target->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int errnum = errno;
	pid_t tid;
	struct graft_error *err = check_kind(target, &tid);
	if (err)
		return err;
	if (target->pidfd < 0 && errnum != ENOSYS && errnum != EPERM)
		return graft_tracee_cannot_open(target, errnum, "pidfd");
	err = check_64_bit(target, tid);
	if (err)
		return err;
	err = graft_tracee_open_memory(target, tid);
	if (err)
		return err;
	if (graft_target_is_gone(target))
		return graft_tracee_gone(target);
	*ret = GRAFT_TAKE(target);
	return NULL;
}

bool
graft_target_is_gone(struct graft_target *target)
{
	if (target->state == GRAFT_TARGET_GONE)
		return true;
	struct pollfd poll_fd = { .fd = target->pidfd, .events = POLLIN };
	bool gone = target->pidfd >= 0 && poll(&poll_fd, 1, 0) == 1;
	if (target->pidfd < 0) {
		char text[1024];
		struct graft_proc_status status;
		gone = graft_proc_slurp(text, sizeof(text), "/proc/%d/stat",
					target->pid) <= 0 ||
		       !graft_proc_stat_parse(text, &status) ||
		       status.start_ticks != target->start_ticks;
	}
	if (gone)
		target->state = GRAFT_TARGET_GONE;
	return gone;
}

void
graft_target_close(struct graft_target *target)
{
	if (!target)
		return;
	graft_target_detach(target);
	graft_tracee_close_files(target);
	if (target->pidfd >= 0)
		(void)close(target->pidfd);
	free(target);
}

void
graft_target_set_hints(struct graft_target *target, struct graft_hints *hints)
{
	target->hints = hints;
}

struct graft_hints *
graft_target_hints(const struct graft_target *target)
{
	return target->hints;
}

pid_t
graft_target_pid(const struct graft_target *target)
{
	return target->pid;
}

int
graft_target_pidfd(const struct graft_target *target)
{
	return target->pidfd;
}

pid_t
graft_target_tid(const struct graft_target *target)
{
	return target->tid;
}

const char *
graft_target_comm(const struct graft_target *target)
{
	return target->comm;
}

uint64_t
graft_target_start_ticks(const struct graft_target *target)
{
	return target->start_ticks;
}

uint64_t
graft_target_pause_us(const struct graft_target *target)
{
	return target->pause_us;
}

void
graft_target_set_maps(struct graft_target *target,
		      const struct graft_maps *maps)
{
	target->maps = maps;
}

struct graft_error *
graft_target_vmas(struct graft_target *target, struct graft_vmas **ret)
{
	struct graft_error *err = target->vmas ? NULL
					       : graft_vmas_new(target->tid,
								&target->vmas);

	if (!err)
		*ret = target->vmas;
	return err;
}

const struct graft_proc_status *
graft_target_status(const struct graft_target *target)
{
	return target->has_status ? &target->status : NULL;
}

bool
graft_target_is_surveyed(const struct graft_target *target)
{
	return target->surveyed;
}

size_t
graft_target_thread_count(const struct graft_target *target)
{
	return target->count;
}

const struct graft_thread *
graft_target_threads(const struct graft_target *target, size_t *count_ret)
{
	*count_ret = target->thread_count;
	return target->threads;
}

/** Make the error for bytes of the target that could not be reached. */
static struct graft_error *
cannot_access(struct graft_target *target, ssize_t got, int errnum,
	      const char *what, uint64_t addr)
{
	// 0: the memory is gone. EIO: the page is not there or not permitted.
	if (got == 0 || errnum == ESRCH || graft_target_is_gone(target))
		return graft_tracee_gone(target);
	return graft_error_os(errnum == EIO ? EFAULT : errnum,
			      "%s process %d (%s) at 0x%" PRIx64, what,
			      target->pid, target->comm, addr);
}

/** Is this range one that off_t and the kernel's user space can express? */
static bool
is_user_range(uint64_t addr, size_t len)
{
	return addr <= INT64_MAX && len <= INT64_MAX - addr;
}

struct graft_error *
graft_target_read(struct graft_target *target, uint64_t addr, void *buf,
		  size_t len)
{
	if (!is_user_range(addr, len))
		return cannot_access(target, -1, EFAULT, "read", addr);
	for (size_t done = 0; done < len;) {
		ssize_t got = pread(target->mem_fd, (char *)buf + done,
				    len - done, (off_t)(addr + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return cannot_access(target, got, errno, "read",
					     addr + done);
		done += (size_t)got;
	}
	return NULL;
}

struct graft_error *
graft_target_try_read(struct graft_target *target, uint64_t addr, void *buf,
		      size_t len, bool *there_ret)
{
	struct graft_error *err = graft_target_read(target, addr, buf, len);

	*there_ret = !err;
	if (!err || graft_error_code(err) != GRAFT_ERROR_OS)
		return err;
	graft_error_free(err);
	return NULL;
}

struct graft_error *
graft_target_write(struct graft_target *target, uint64_t addr, const void *buf,
		   size_t len)
{
	if (!is_user_range(addr, len))
		return cannot_access(target, -1, EFAULT, "write", addr);
	for (size_t done = 0; done < len;) {
		ssize_t got = pwrite(target->mem_fd, (const char *)buf + done,
				     len - done, (off_t)(addr + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return cannot_access(target, got, errno, "write",
					     addr + done);
		done += (size_t)got;
	}
	return NULL;
}
