// SPDX-License-Identifier: Apache-2.0

// graft_target_lay_aside(), graft_target_take_up(), graft_target_run(): the memory of a
// target, which may become another one's when it executes a program.

#include "base/capability.h"
#include "proc/peek.h"
#include "proc/status.h"
#include "proc/target.h"
#include "proc/tracee.h"
#include "proc/vmas.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct graft_error *
graft_tracee_cannot_open(const struct graft_target *target, int errnum,
			 const char *what)
{
	if (errnum == EACCES || errnum == EPERM)
		return graft_error_new(
			GRAFT_ERROR_NOT_PERMITTED,
			"not permitted to trace process %d (%s)%s", target->pid,
			target->comm,
			graft_capability_has(CAP_SYS_PTRACE)
				? ""
				: ": CAP_SYS_PTRACE is missing");
	if (errnum == ENOENT || errnum == ESRCH)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE,
				       "process %d exited", target->pid);
	return graft_error_os(errnum, "open %s of process %d", what,
			      target->pid);
}

struct graft_error *
graft_tracee_open_memory(struct graft_target *target, pid_t tid)
{
	char path[64];
	target->tid = tid;
	// The leader's may be empty: a zombie has no memory. Its own has the
	// shorter path, and the kernel makes three objects less for it.
	if (tid == target->pid)
		(void)snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/mem",
			       target->pid, tid);
	target->mem_fd = open(path, O_RDWR | O_CLOEXEC);
	if (target->mem_fd < 0)
		return graft_tracee_cannot_open(target, errno, "mem");
	return NULL;
}

/** Say whether a descriptor may stay open while others are opened for the next
 * processes: there are as many again to come. */
static bool
may_keep(int fd)
{
	struct rlimit files;

	return fd >= 0 && getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	       (rlim_t)fd < files.rlim_cur / 4;
}

/** Read what tells this run of the process from others, through the file. */
GRAFT_MUST_CHECK static struct graft_error *
read_run(struct graft_target *target)
{
	struct graft_error *err = graft_target_read(
		target, target->random_addr, target->run, sizeof(target->run));

	target->has_run = !err;
	return err;
}

/** Close the file of the memory. */
static void
close_memory(struct graft_target *target)
{
	if (target->mem_fd >= 0)
		(void)close(target->mem_fd);
	target->mem_fd = -1;
}

/** Give back all but what pins the process and its memory. */
static void
clear(struct graft_target *target)
{
	if (target->task_fd >= 0)
		(void)close(target->task_fd);
	if (target->call_fd >= 0)
		(void)close(target->call_fd);
	free(target->tracees);
	free(target->threads);
	target->task_fd = -1;
	target->call_fd = -1;
	target->tracees = NULL;
	target->threads = NULL;
	target->count = 0;
	target->capacity = 0;
}

void
graft_tracee_close_files(struct graft_target *target)
{
	clear(target);
	close_memory(target);
}

void
graft_target_lay_aside(struct graft_target *target)
{
	clear(target);
	if (!target->has_run && target->mem_fd >= 0 && target->random_addr)
		graft_error_free(read_run(target));
	if (!target->has_run || !may_keep(target->mem_fd))
		close_memory(target);
}

/** Say whether the file of the memory is that of a thread that has some. */
static bool
has_memory(const struct graft_target *target)
{
	char byte;

	// EIO: nothing is mapped there.
	return pread(target->mem_fd, &byte, 1, 0) != 0;
}

/**
 * Say whether the file that is open is that of the memory that the process has. It is of
 * the memory that it had when it was opened, for ever; who else runs in that (the
 * parent of a vfork(2)) keeps it alive. What the first thread has there now is read from
 * itself: another program has no memory there, or other bytes.
 */
static bool
is_open(const struct graft_target *target)
{
	uint8_t run[GRAFT_TARGET_RUN_SIZE];

	return target->mem_fd >= 0 && target->has_run &&
	       target->tid == target->pid &&
	       graft_peek(target->pid, target->random_addr, run, sizeof(run)) &&
	       memcmp(run, target->run, sizeof(run)) == 0;
}

/** Open the memory of the process as it is now, of whatever run. */
GRAFT_MUST_CHECK static struct graft_error *
open_anew(struct graft_target *target)
{
	close_memory(target);
	target->has_run = false;
	target->random_addr = 0;
	struct graft_error *err = graft_tracee_open_memory(target, target->tid);
	// The first thread may have ended before the others.
	if (!err && !has_memory(target)) {
		pid_t tid = graft_proc_live_tid(target->pid);
		close_memory(target);
		err = tid ? graft_tracee_open_memory(target, tid)
			  : graft_tracee_gone(target);
	}
	return err;
}

struct graft_error *
graft_target_take_up(struct graft_target *target)
{
	assert(target->state == GRAFT_TARGET_RUNNING);

	clear(target);
	struct graft_error *err = is_open(target) ? NULL : open_anew(target);
	// Behind it, so that it was not somebody else's with the same number.
	if (!err && graft_target_is_gone(target))
		err = graft_tracee_gone(target);
	return err;
}

/** Read the auxiliary vector. @return How many bytes, or -1 with errno. */
static ssize_t
read_vector(pid_t tid, Elf64_auxv_t *vector, size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/auxv", tid);
	GRAFT_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read(fd, vector, size);
}

/** Read which run it is from the memory that is open, where the process says it is. */
GRAFT_MUST_CHECK static struct graft_error *
find_run(struct graft_target *target, uint8_t ret[GRAFT_TARGET_RUN_SIZE])
{
	Elf64_auxv_t vector[64];
	ssize_t len = read_vector(target->pid, vector, sizeof(vector));
	// A leader that ended has no memory any more; its threads have.
	if (len <= 0) {
		pid_t tid = graft_proc_live_tid(target->pid);
		if (tid == 0)
			return graft_tracee_gone(target);
		len = read_vector(tid, vector, sizeof(vector));
	}
	// It was alive a moment ago.
	if (len < 0 && (errno == ENOENT || errno == ESRCH))
		return graft_tracee_gone(target);
	if (len < 0)
		return graft_error_os(errno, "read the auxiliary vector of %d",
				      target->pid);
	for (size_t i = 0; i < (size_t)len / sizeof(vector[0]); i++) {
		if (vector[i].a_type == AT_RANDOM)
			return graft_target_read(target, vector[i].a_un.a_val,
						 ret, GRAFT_TARGET_RUN_SIZE);
	}
	// A process whose memory is going away has no vector any more.
	return graft_tracee_gone(target);
}

struct graft_error *
graft_tracee_check_memory(struct graft_target *target)
{
	uint8_t before[GRAFT_TARGET_RUN_SIZE];
	uint8_t now[GRAFT_TARGET_RUN_SIZE];

	if (is_open(target))
		return NULL;
	// So may be what tells its mappings.
	graft_vmas_free(target->vmas);
	target->vmas = NULL;
	if (!target->has_run)
		return NULL;
	// Its first thread ended, or its memory is not ours to see without force.
	memcpy(before, target->run, sizeof(before));
	struct graft_error *err = open_anew(target);
	if (!err)
		err = find_run(target, now);
	if (!err && memcmp(before, now, sizeof(now)) != 0)
		err = graft_tracee_gone(target);
	return err;
}

struct graft_error *
graft_target_run(struct graft_target *target,
		 uint8_t ret[GRAFT_TARGET_RUN_SIZE])
{
	struct graft_error *err = NULL;

	if (target->state == GRAFT_TARGET_GONE)
		return graft_tracee_gone(target);
	// graft_tracee_check_memory() saw to it that it is the same still.
	if (target->state != GRAFT_TARGET_RUNNING && !target->has_run)
		return find_run(target, ret);
	if (target->state == GRAFT_TARGET_RUNNING)
		err = target->random_addr ? read_run(target)
					  : find_run(target, target->run);
	if (!err)
		memcpy(ret, target->run, sizeof(target->run));
	return err;
}
