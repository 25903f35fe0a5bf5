// SPDX-License-Identifier: Apache-2.0

#include "agent/watch.h"

#include "base/vec.h"
#include "host/owner.h"
#include "proc/status.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/** Each takes a descriptor, and some are for other things. */
	WATCHED_MAX = 8192,
	OTHER_FILES = 256,
	SIGNAL_MASK = 0x7f,
	STAT_LEN = 1024,
	/** The field of proc(5) that says how a zombie ended, counted from the state. */
	EXIT_CODE_FIELD = 52 - 3,
};

/** What a pidfd tells of its process; linux/pidfd.h of 6.15, not yet in ours. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid;
	uint32_t tgid;
	uint32_t ppid;
	uint32_t ids[8];
	int32_t exit_code;
};

enum {
	PIDFD_INFO_EXIT = 8,
};

#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)

/** One that is watched. */
struct watched {
	struct graft_watch_process process;
	int fd;
	int signal;
	/** How long, for what it got; and for what it may be getting. */
	uint64_t until_us;
	uint64_t may_us;
};

struct graft_watch {
	int epoll_fd;
	struct watched *all;
	size_t count;
	size_t room;
	/** Their numbers, in the same order: they are searched for often. */
	pid_t *pids;
	size_t pid_room;
};

/** Have as many descriptors as are needed, if we may. */
static void
raise_limit(void)
{
	const rlim_t want = WATCHED_MAX + OTHER_FILES;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= want)
		return;
	files.rlim_cur = files.rlim_max < want ? files.rlim_max : want;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

struct graft_error *
graft_watch_new(struct graft_watch **ret)
{
	GRAFT_CLEANUP(graft_watch_freep)
	struct graft_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return graft_error_no_memory();
	watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (watch->epoll_fd < 0)
		return graft_error_os(errno, "epoll_create1");
	raise_limit();
	*ret = GRAFT_TAKE(watch);
	return NULL;
}

void
graft_watch_free(struct graft_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->count; i++)
		(void)close(watch->all[i].fd);
	if (watch->epoll_fd >= 0)
		(void)close(watch->epoll_fd);
	free(watch->all);
	free(watch->pids);
	free(watch);
}

int
graft_watch_fd(const struct graft_watch *watch)
{
	return watch->epoll_fd;
}

size_t
graft_watch_count(const struct graft_watch *watch)
{
	return watch->count;
}

static struct watched *
find(const struct graft_watch *watch, pid_t pid)
{
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->pids[i] == pid)
			return &watch->all[i];
	}
	return NULL;
}

const struct graft_watch_process *
graft_watch_find(const struct graft_watch *watch, pid_t pid)
{
	const struct watched *one = find(watch, pid);

	return one ? &one->process : NULL;
}

/** Forget one; the last takes its place. */
static void
drop(struct graft_watch *watch, struct watched *one)
{
	// Closing it takes it out of the epoll set.
	(void)close(one->fd);
	watch->pids[one - watch->all] = watch->pids[--watch->count];
	*one = watch->all[watch->count];
}

/** Add an id, once. With more than there is room for, the oldest is forgotten. */
static void
add_id(struct graft_watch_process *process, const char *id)
{
	for (size_t i = 0; i < process->id_count; i++) {
		if (strcmp(process->ids[i], id) == 0)
			return;
	}
	if (process->id_count == GRAFT_WATCH_IDS)
		memmove(process->ids, process->ids + 1,
			sizeof(process->ids[0]) * --process->id_count);
	(void)snprintf(process->ids[process->id_count++],
		       sizeof(process->ids[0]), "%s", id);
}

/** See whose a process of root's is by now: it may have become another's. */
static void
see_owner(struct graft_watch_process *process)
{
	struct graft_proc_status status = { 0 };
	uid_t owner = 0;

	if (process->owner)
		return;
	struct graft_error *err = graft_owner_read(process->pid, &owner);
	// It may have ended, and another one have its number.
	if (!err)
		err = graft_proc_stat_read(process->pid, &status);
	if (!err && status.start_ticks == process->start_ticks)
		process->owner = owner;
	graft_error_free(err);
}

/** Hold a process. @param[out] ret NULL: it is another, or gone. */
GRAFT_MUST_CHECK static struct graft_error *
hold(struct graft_watch *watch, pid_t pid, uint64_t start_ticks,
     struct watched **ret)
{
	struct graft_proc_status status = { 0 };
	struct epoll_event event = { .events = EPOLLIN };
	GRAFT_CLOSE int fd = -1;

	*ret = NULL;
	if (watch->count >= WATCHED_MAX)
		return NULL;
	struct graft_error *err = graft_vec_reserve(&watch->all, &watch->room,
						    watch->count + 1,
						    sizeof(*watch->all));
	if (!err)
		err = graft_vec_reserve(&watch->pids, &watch->pid_room,
					watch->count + 1, sizeof(*watch->pids));
	if (err)
		return err;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return NULL;
	// Only now it is sure that what is read is of the one that is held.
	err = graft_proc_stat_read(pid, &status);
	if (err || status.start_ticks != start_ticks) {
		graft_error_free(err);
		return NULL;
	}
	event.data.u64 = (uint64_t)pid;
	if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return NULL;
	watch->pids[watch->count] = pid;
	*ret = &watch->all[watch->count++];
	**ret = (struct watched){
		.process = { .pid = pid, .start_ticks = start_ticks },
		.fd = fd,
		.signal = GRAFT_WATCH_UNKNOWN,
	};
	memcpy((*ret)->process.comm, status.comm, sizeof(status.comm));
	see_owner(&(*ret)->process);
	fd = -1;
	return NULL;
}

struct graft_error *
graft_watch_add(struct graft_watch *watch, pid_t pid, uint64_t start_ticks,
		const char *id, uint64_t until_us)
{
	struct watched *one = find(watch, pid);
	struct graft_error *err = NULL;

	if (one && one->process.start_ticks != start_ticks)
		return NULL;
	if (!one)
		err = hold(watch, pid, start_ticks, &one);
	if (err || !one)
		return err;
	if (id)
		add_id(&one->process, id);
	uint64_t *until = id ? &one->until_us : &one->may_us;
	if (until_us > *until)
		*until = until_us;
	return NULL;
}

void
graft_watch_note_signal(struct graft_watch *watch, pid_t pid, int signal)
{
	struct watched *one = find(watch, pid);

	if (!one)
		return;
	one->signal = signal;
	see_owner(&one->process);
}

void
graft_watch_settle(struct graft_watch *watch, pid_t pid)
{
	struct watched *one = find(watch, pid);

	if (!one)
		return;
	one->may_us = 0;
	see_owner(&one->process);
}

void
graft_watch_expire(struct graft_watch *watch, uint64_t now_us)
{
	for (size_t i = watch->count; i > 0; i--) {
		const struct watched *one = &watch->all[i - 1];
		if (one->until_us <= now_us && one->may_us <= now_us)
			drop(watch, &watch->all[i - 1]);
	}
}

/** Read what a zombie died of. */
static bool
read_zombie(const struct graft_watch_process *process, int *ret)
{
	char text[STAT_LEN];
	struct graft_proc_status status = { 0 };
	unsigned long code;

	if (graft_proc_slurp(text, sizeof(text), "/proc/%d/stat",
			     (int)process->pid) <= 0 ||
	    !graft_proc_stat_parse(text, &status) || status.state != 'Z' ||
	    status.start_ticks != process->start_ticks)
		return false;
	const char *at = strrchr(text, ')');
	for (int i = 0; at && i <= EXIT_CODE_FIELD; i++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%lu", &code) != 1)
		return false;
	*ret = (int)(code & SIGNAL_MASK);
	return true;
}

/** Find out what one died of. */
static int
signal_of(const struct watched *one)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };
	int signal;

	if (one->signal != GRAFT_WATCH_UNKNOWN)
		return one->signal;
	if (read_zombie(&one->process, &signal))
		return signal;
	if (ioctl(one->fd, PIDFD_GET_INFO, &info) == 0 &&
	    (info.mask & PIDFD_INFO_EXIT))
		return info.exit_code & SIGNAL_MASK;
	return GRAFT_WATCH_UNKNOWN;
}

void
graft_watch_take(struct graft_watch *watch, graft_watch_fn *fn, void *arg)
{
	for (;;) {
		struct epoll_event event;
		int got = epoll_wait(watch->epoll_fd, &event, 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		struct watched *one = find(watch, (pid_t)event.data.u64);
		if (!one)
			return;
		see_owner(&one->process);
		struct graft_watch_process process = one->process;
		int signal = signal_of(one);
		drop(watch, one);
		fn(arg, &process, signal);
	}
}

bool
graft_watch_is_crash(int signal)
{
	switch (signal) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGABRT:
	case SIGTRAP:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}
