// SPDX-License-Identifier: Apache-2.0

// Seize what the task folder lists: threads that are born later come by their
// parents (PTRACE_O_TRACECLONE).

#include "proc/tracee.h"

#include "proc/status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/** Bytes of directory entries that are read at once. */
	DENTS_SIZE = 16 * 1024,
};

/** Say whether the kernel lets us trace a thread: it asks the same for this. */
static bool
may_trace(pid_t tid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	GRAFT_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	return fd >= 0;
}

/** Why did PTRACE_SEIZE say EPERM? NULL if the thread merely ended. */
static struct graft_error *
explain_eperm(const struct graft_target *target, pid_t tid, bool *ours_ret)
{
	struct graft_proc_status status = { 0 };
	struct graft_error *err = graft_proc_status_read(tid, &status);
	*ours_ret = false;
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	if (status.state == 'Z' || status.state == 'X')
		return NULL;
	*ours_ret = status.tracer == gettid();
	if (*ours_ret)
		return NULL;
	if (status.tracer) {
		struct graft_proc_status tracer = { 0 };
		graft_error_free(
			graft_proc_status_read(status.tracer, &tracer));
		return graft_error_new(
			GRAFT_ERROR_TRACED,
			"process %d (%s) is traced by process "
			"%d (%s)",
			target->pid, target->comm,
			// The kernel names the thread that traces.
			tracer.tgid ? tracer.tgid : status.tracer,
			tracer.comm[0] ? tracer.comm : "gone");
	}
	if (may_trace(tid))
		return graft_error_new(
			GRAFT_ERROR_TRACED,
			"process %d (%s) was traced by another a moment ago",
			target->pid, target->comm);
	return graft_tracee_cannot_open(target, EPERM, "memory");
}

/**
 * Is this one of the kernel's workers (io_uring, vhost)? They run no code of the process,
 * so they need not stand still; and to interrupt one would end a call that it waits in,
 * open(2) of a FIFO say, with an EINTR that the program gets to see.
 */
static bool
is_worker(const struct graft_target *target, pid_t tid)
{
	struct graft_proc_status status;
	char text[1024];
	void *head = NULL;
	size_t len;

	// The kernel's have no list of robust futexes, those of the C library have one:
	// that is asked a hundred times faster than a file is read.
	if (tid == target->pid ||
	    (syscall(SYS_get_robust_list, tid, &head, &len) == 0 && head))
		return false;
	return graft_proc_slurp(text, sizeof(text), "/proc/%d/task/%d/stat",
				target->pid, tid) > 0 &&
	       graft_proc_stat_parse(text, &status) && status.worker;
}

/**
 * Seize one thread, unless it is known or runs no code of the process.
 *
 * @param[in,out] hint Where it is likely to stand in our list.
 */
static struct graft_error *
seize(struct graft_target *target, pid_t tid, size_t *hint, size_t *count)
{
	// The kernel lists threads by age, and so did we.
	if (*hint >= target->count || target->tracees[*hint].tid != tid)
		*hint = graft_tracee_find(target, tid);
	if (*hint != SIZE_MAX) {
		*hint += 1;
		return NULL;
	}
	if (is_worker(target, tid))
		return NULL;
	struct graft_error *err = graft_tracee_reserve(target, 1);
	if (err)
		return err;
	bool ours = true;
	if (ptrace(PTRACE_SEIZE, tid, NULL, (long)GRAFT_TRACEE_OPTIONS) != 0) {
		if (errno == ESRCH)
			return NULL;
		if (errno != EPERM)
			return graft_error_os(errno, "trace thread %d of %d",
					      tid, target->pid);
		err = explain_eperm(target, tid, &ours);
		if (err)
			return err;
	}
	if (!ours && tid != target->pid)
		return NULL;
	size_t index = graft_tracee_add(target, tid);
	if (ours)
		*count += 1;
	else if (index != SIZE_MAX)
		target->tracees[index].state = GRAFT_TRACEE_ZOMBIE;
	return NULL;
}

/**
 * Count the threads of a process without listing them: the kernel adds their number to
 * the links of the folder (proc_task_getattr() in fs/proc/base.c), of which there are
 * two without. Those that ended and were not waited for are counted, as they are listed.
 *
 * @return 0: it is not said.
 */
static size_t
count_threads(const struct graft_target *target)
{
	struct stat st;

	return fstat(target->task_fd, &st) == 0 && st.st_nlink > 2
		       ? (size_t)st.st_nlink - 2
		       : 0;
}

/** Count the threads that we know. Each is listed: one that we trace and that ends
 * stays until we wait for it. */
static size_t
count_known(const struct graft_target *target)
{
	size_t count = 0;

	for (size_t i = 0; i < target->count; i++)
		count += target->tracees[i].state != GRAFT_TRACEE_GONE &&
			 !target->tracees[i].stranger;
	return count;
}

/** Seize all that are listed and not known. */
GRAFT_MUST_CHECK static struct graft_error *
seize_listed(struct graft_target *target, size_t *count_ret)
{
	alignas(struct dirent64) char buf[DENTS_SIZE];
	size_t hint = 0;

	if (lseek(target->task_fd, 0, SEEK_SET) != 0)
		return graft_error_os(errno, "list the threads of %d",
				      target->pid);
	for (;;) {
		ssize_t len = getdents64(target->task_fd, buf, sizeof(buf));
		if (len < 0 && errno == ENOENT)
			return graft_tracee_gone(target);
		if (len < 0)
			return graft_error_os(errno, "list the threads of %d",
					      target->pid);
		if (len == 0)
			return NULL;
		for (ssize_t at = 0; at < len;) {
			struct dirent64 *entry = (struct dirent64 *)(buf + at);
			at += entry->d_reclen;
			pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
			if (tid <= 0)
				continue;
			struct graft_error *err = seize(target, tid, &hint,
							count_ret);
			if (err)
				return err;
		}
	}
}

struct graft_error *
graft_tracee_seize_new(struct graft_target *target, size_t *count_ret)
{
	size_t hint = 0;
	size_t known = count_known(target);
	size_t count = count_threads(target);

	*count_ret = 0;
	if (known && count == known)
		return NULL;
	// The only one is the first.
	return !known && count == 1
		       ? seize(target, target->pid, &hint, count_ret)
		       : seize_listed(target, count_ret);
}
