// SPDX-License-Identifier: Apache-2.0

// The holder: who opens an old file is let go on at once, or has an usher first.

#include "agent/holding.h"
#include "agent/often.h"
#include "base/clock.h"
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	/** It comes round so often, as long as anybody may wait for it. */
	ROUND_MS = 250,
	/** Events that are taken before others get their turn. */
	EVENTS = 64,
	/** So many that slept their whole time, and nobody is held any more until
	 * the worker says something. */
	UNANSWERED = 4,
	/** How often one process, and those of one user, may be held within a time. */
	OFTEN_PROCESS = 8,
	OFTEN_USER = 100,
	OFTEN_US = 10 * 1000 * 1000,
	/** So much processor time of an usher counts as once more. */
	ONCE_US = 10 * 1000,
	PATH_ROOM = 1024,
	/** Between two looks at ushers that are about to end. */
	REAP_US = 20 * 1000,
};

/** A thread that has an usher. */
struct ward {
	/** 0: none. */
	pid_t usher;
	pid_t pid;
	pid_t tid;
	uid_t uid;
	/** To the usher; -1: it has ended, and is to be waited for. */
	int fd;
	/** Of the event that is not answered yet, or -1. */
	int event_fd;
	/** When it is answered in any case; when the usher is killed. */
	uint64_t answer_us;
	uint64_t end_us;
	/** It sleeps, and the worker has not said that it may go on. */
	bool sleeps;
};

struct holder {
	const struct graft_holder_options *options;
	int events_fd;
	timer_t timer;
	/** Files are marked. */
	bool marked;
	unsigned unanswered;
	struct ward wards[GRAFT_HOLDING_MAX];
	struct graft_often processes;
	struct graft_often users;
	/** Programs that are ours, as readlink(2) names them. */
	char own[PATH_ROOM];
	char tool[PATH_ROOM];
};

/** Let an open go on. */
static void
answer(const struct holder *holder, int event_fd)
{
	const struct fanotify_response response = { .fd = event_fd,
						    .response = FAN_ALLOW };

	// If the kernel does not take it, only our end lets the open go on. Nobody
	// waits any more who was killed meanwhile.
	if (write(holder->events_fd, &response, sizeof(response)) !=
		    (ssize_t)sizeof(response) &&
	    errno != ENOENT)
		_exit(1);
	(void)close(event_fd);
}

/** Read which program a process runs. No file system is asked. */
static bool
read_program(pid_t pid, char path[PATH_ROOM])
{
	static const char deleted[] = " (deleted)";
	char link[32];

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	ssize_t len = readlink(link, path, PATH_ROOM - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	size_t cut = sizeof(deleted) - 1;
	if ((size_t)len > cut && strcmp(path + len - cut, deleted) == 0)
		path[(size_t)len - cut] = '\0';
	return true;
}

/** Find room for a ward. @return NULL: there is none, or the thread is one already. */
static struct ward *
find_room(struct holder *holder, pid_t tid)
{
	struct ward *room = NULL;

	for (int i = 0; i < GRAFT_HOLDING_MAX; i++) {
		struct ward *ward = &holder->wards[i];
		if (ward->usher && ward->tid == tid)
			return NULL;
		if (!ward->usher && !room)
			room = ward;
	}
	return room;
}

/** Say whether a thread is one that may be held. @param[out] ret Gets who it is. */
static bool
may_hold(struct holder *holder, pid_t tid, struct ward *ret)
{
	struct graft_proc_status status = { 0 };
	char program[PATH_ROOM];
	bool in = false;

	// The next file of one that has an usher is loaded with the first.
	if (tid <= 0 || holder->unanswered >= UNANSWERED ||
	    !find_room(holder, tid))
		return false;
	struct graft_error *err = graft_proc_status_glance(tid, &status);
	// Process 1 is the one that all others wait for.
	bool fit = !err && status.tgid > 1 && !status.tracer &&
		   read_program(status.tgid, program) &&
		   strcmp(program, holder->own) != 0 &&
		   strcmp(program, holder->tool) != 0;
	if (fit)
		err = graft_agent_scope_ask(holder->options->scope, status.tgid,
					    &in);
	graft_error_free(err);
	*ret = (struct ward){ .pid = status.tgid,
			      .tid = tid,
			      .uid = status.uid };
	return !err && in &&
	       graft_often_take(&holder->processes, (uint32_t)status.tgid, 1,
				graft_clock_monotonic_us()) &&
	       graft_often_take(&holder->users, status.uid, 1,
				graft_clock_monotonic_us());
}

/** Become the usher of a thread. */
_Noreturn static void
be_usher(int fd, pid_t holder, pid_t pid, pid_t tid)
{
	sigset_t none;

	// Before all else: as long as we have the group, it goes on without its holder.
	if (dup2(fd, STDERR_FILENO + 1) < 0 ||
	    close_range(STDERR_FILENO + 2, ~0U, 0) != 0)
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "graftd-usher", 0, 0, 0);
	if (getppid() != holder)
		_exit(1);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	graft_usher_run(STDERR_FILENO + 1, pid, tid);
}

/** Give a thread an usher. @param[in] event_fd Taken, on success. */
static bool
begin_ward(struct holder *holder, const struct ward *who, int event_fd)
{
	struct ward *ward = find_room(holder, who->tid);
	uint64_t now_us = graft_clock_monotonic_us();
	pid_t self = getpid();
	int ends[2];

	if (!ward ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	pid_t usher = fork();
	if (usher == 0)
		be_usher(ends[1], self, who->pid, who->tid);
	(void)close(ends[1]);
	if (usher < 0) {
		(void)close(ends[0]);
		return false;
	}
	*ward = *who;
	ward->usher = usher;
	ward->fd = ends[0];
	ward->event_fd = event_fd;
	ward->answer_us = now_us + GRAFT_HOLDING_ANSWER_US;
	ward->end_us = now_us + GRAFT_HOLDING_LIFE_US;
	return true;
}

/** Take what the kernel asks. */
static void
take_events(struct holder *holder)
{
	struct fanotify_event_metadata event;

	for (int i = 0; i < EVENTS; i++) {
		struct ward who;
		// One at a time: what the kernel cannot open for us it denies, and
		// says why, EAGAIN of a file with a lease.
		ssize_t len = read(holder->events_fd, &event, sizeof(event));
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len != (ssize_t)sizeof(event) ||
		    event.vers != FANOTIFY_METADATA_VERSION)
			_exit(1);
		if (event.fd < 0)
			continue;
		if (!(event.mask & FAN_OPEN_PERM) ||
		    !may_hold(holder, event.pid, &who) ||
		    !begin_ward(holder, &who, event.fd))
			answer(holder, event.fd);
	}
}

static uint64_t
micros_of(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

/** End a ward whose usher has ended. */
static void
end_ward(struct holder *holder, struct ward *ward)
{
	struct rusage usage;

	if (ward->event_fd >= 0)
		answer(holder, ward->event_fd);
	ward->event_fd = -1;
	if (ward->fd >= 0)
		(void)close(ward->fd);
	ward->fd = -1;
	holder->unanswered += ward->sleeps;
	ward->sleeps = false;
	if (wait4(ward->usher, NULL, WNOHANG, &usage) != ward->usher)
		return;
	ward->usher = 0;
	// Who makes calls without end has it follow them all.
	uint64_t used_us = micros_of(&usage.ru_utime) +
			   micros_of(&usage.ru_stime);
	(void)graft_often_take(&holder->users, ward->uid,
			       (unsigned)(used_us / ONCE_US),
			       graft_clock_monotonic_us());
}

/** Tell the worker of a process. */
static bool
tell(const struct holder *holder, enum graft_holding_kind kind,
     const struct ward *ward)
{
	const struct graft_holding message = { .kind = kind, .pid = ward->pid };

	return graft_holding_send(holder->options->fd, &message, -1);
}

/** Take what an usher says. */
static void
take_usher(struct holder *holder, struct ward *ward)
{
	char what = 0;
	ssize_t got = recv(ward->fd, &what, 1, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == 1 && what == 'S' && ward->event_fd >= 0) {
		(void)tell(holder, GRAFT_HOLDING_LOADS, ward);
		answer(holder, ward->event_fd);
		ward->event_fd = -1;
		return;
	}
	if (got != 1 || what != 'P') {
		end_ward(holder, ward);
		return;
	}
	ward->sleeps = true;
	if (!tell(holder, GRAFT_HOLDING_SLEEPS, ward))
		holder->unanswered++;
}

/** See to wards whose time is over. */
static void
check_wards(struct holder *holder)
{
	uint64_t now_us = graft_clock_monotonic_us();

	for (int i = 0; i < GRAFT_HOLDING_MAX; i++) {
		struct ward *ward = &holder->wards[i];
		bool late = ward->event_fd >= 0 && now_us >= ward->answer_us;
		if (!ward->usher)
			continue;
		if (late || now_us >= ward->end_us)
			(void)kill(ward->usher, SIGKILL);
		// One that cannot be killed keeps its place, and nobody waits for it.
		if (late || now_us >= ward->end_us || ward->fd < 0)
			end_ward(holder, ward);
	}
}

/** A process may go on. */
static void
let_go(struct holder *holder, pid_t pid)
{
	for (int i = 0; i < GRAFT_HOLDING_MAX; i++) {
		struct ward *ward = &holder->wards[i];
		if (!ward->usher || ward->pid != pid || !ward->sleeps)
			continue;
		ward->sleeps = false;
		(void)send(ward->fd, "W", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/** Take what the worker says. @return false: it has ended. */
static bool
take_worker(struct holder *holder)
{
	struct graft_holding message;
	bool ended = false;
	int file = -1;

	while (graft_holding_take(holder->options->fd, &message, &file,
				  &ended)) {
		holder->unanswered = 0;
		if (message.kind == GRAFT_HOLDING_MARK && file >= 0)
			holder->marked |=
				fanotify_mark(holder->events_fd, FAN_MARK_ADD,
					      FAN_OPEN_PERM, file, NULL) == 0;
		if (message.kind == GRAFT_HOLDING_FLUSH) {
			(void)fanotify_mark(holder->events_fd, FAN_MARK_FLUSH,
					    0, AT_FDCWD, NULL);
			holder->marked = false;
		}
		if (message.kind == GRAFT_HOLDING_DONE)
			let_go(holder, message.pid);
		if (file >= 0)
			(void)close(file);
	}
	return !ended;
}

/** Compute how long it may wait, in milliseconds; -1: for ever. */
static int
time_left(const struct holder *holder)
{
	uint64_t now_us = graft_clock_monotonic_us();
	uint64_t due_us = UINT64_MAX;

	for (int i = 0; i < GRAFT_HOLDING_MAX; i++) {
		const struct ward *ward = &holder->wards[i];
		if (!ward->usher)
			continue;
		uint64_t at_us = ward->event_fd >= 0 ? ward->answer_us
				 : ward->fd < 0      ? now_us + REAP_US
						     : ward->end_us;
		due_us = at_us < due_us ? at_us : due_us;
	}
	if (due_us == UINT64_MAX)
		return holder->marked ? ROUND_MS : -1;
	if (due_us <= now_us)
		return 0;
	uint64_t left_ms = (due_us - now_us + 999) / 1000;
	return left_ms < ROUND_MS ? (int)left_ms : ROUND_MS;
}

/** Go round, until the worker ends. */
static void
go_round(struct holder *holder)
{
	struct pollfd fds[2 + GRAFT_HOLDING_MAX];
	const int count = sizeof(fds) / sizeof(*fds);

	do {
		fds[0] = (struct pollfd){ .fd = holder->events_fd,
					  .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = holder->options->fd,
					  .events = POLLIN };
		for (int i = 2; i < count; i++) {
			const struct ward *ward = &holder->wards[i - 2];
			fds[i] = (struct pollfd){
				.fd = ward->usher ? ward->fd : -1,
				.events = POLLIN,
			};
		}
		int wait_ms = time_left(holder);
		// Who does not come round again is killed.
		graft_holding_set_timer(holder->timer, wait_ms >= 0);
		(void)poll(fds, (nfds_t)count, wait_ms);
		graft_holding_set_timer(holder->timer, true);
		for (int i = 2; i < count; i++) {
			if (fds[i].fd >= 0 && fds[i].revents)
				take_usher(holder, &holder->wards[i - 2]);
		}
		take_events(holder);
		check_wards(holder);
	} while (take_worker(holder));
}

int
graft_holder_run(const struct graft_holder_options *options)
{
	static struct holder holder;
	char *tool = realpath(options->tool, NULL);

	holder.options = options;
	holder.processes.most = OFTEN_PROCESS;
	holder.users.most = OFTEN_USER;
	holder.processes.within_us = holder.users.within_us = OFTEN_US;
	(void)setpriority(PRIO_PROCESS, 0, GRAFT_HOLDING_NICE);
	(void)prctl(PR_SET_NAME, "graftd-holder", 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != options->worker || !tool ||
	    strlen(tool) >= PATH_ROOM || !read_program(getpid(), holder.own) ||
	    !graft_holding_make_timer(&holder.timer))
		return 1;
	(void)strcpy(holder.tool, tool);
	free(tool);
	// Only we have it: with our end the kernel lets all opens go on. What it
	// opens for us does not wait for who has a lease (fcntl(2), F_SETLEASE).
	holder.events_fd = fanotify_init(
		FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_TID,
		O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE);
	if (holder.events_fd < 0)
		return 1;
	go_round(&holder);
	return 0;
}
