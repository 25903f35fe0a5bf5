// SPDX-License-Identifier: Apache-2.0

// The side that keeps its rights: it believes nothing that the other one says.

#include "base/sandbox_inside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/** Files that one work may ask for. */
	FILES_MAX = 64,
	MIB = 1 << 20,
};

/** Work that goes on. */
struct run {
	const struct graft_sandbox_work *work;
	/** Those of the work, and the one that it exceeded. */
	struct graft_sandbox_bounds bounds;
	struct graft_sandbox_bounds exceeded;
	pid_t pid;
	int fd;
	uint64_t end_us;
	/** Files that it asked for. */
	unsigned files;
};

/** End it, whatever it does. @param[out] status_ret As waitpid(2) has it. */
static void
end(struct run *run, int *status_ret)
{
	*status_ret = 0;
	if (run->pid <= 0)
		return;
	while (waitpid(run->pid, status_ret, 0) < 0 && errno == EINTR)
		;
	run->pid = 0;
}

static void
run_deinit(struct run *run)
{
	int status;

	if (run->pid > 0)
		(void)kill(run->pid, SIGKILL);
	end(run, &status);
	if (run->fd >= 0)
		(void)close(run->fd);
}

/** Say how it ended that said nothing, or not all. */
GRAFT_MUST_CHECK static struct graft_error *
say_end(struct run *run)
{
	const struct graft_sandbox_work *work = run->work;
	bool late = graft_clock_monotonic_us() >= run->end_us;
	int status;

	// Who closed the socket may go on; what one died of before stays as it is.
	(void)kill(run->pid, SIGKILL);
	end(run, &status);
	if (late)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s failed in its sandbox: it took more than %u s",
			work->name, work->wall_s);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
		run->exceeded.cpu_s = run->bounds.cpu_s;
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s failed in its sandbox: it took more than %llu s of processor time",
			work->name, (unsigned long long)run->bounds.cpu_s);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s failed in its sandbox: it was killed for a system call that it may not make",
			work->name);
	if (WIFSIGNALED(status))
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s failed in its sandbox: it died of signal %d",
			work->name, WTERMSIG(status));
	return graft_error_new(GRAFT_ERROR_OS,
			       "%s: there is no sandbox (exit status %d)",
			       work->name, WEXITSTATUS(status));
}

/** Receive all of it. @return false: it ended, or its time did. */
static bool
receive(const struct run *run, void *bytes, size_t len)
{
	char *at = bytes;

	while (len) {
		struct pollfd poll_fd = { .fd = run->fd, .events = POLLIN };
		uint64_t now_us = graft_clock_monotonic_us();
		if (now_us >= run->end_us)
			return false;
		int ready = poll(&poll_fd, 1,
				 (int)((run->end_us - now_us + 999) / 1000));
		if (ready < 0 && errno != EINTR)
			return false;
		if (ready <= 0)
			continue;
		ssize_t got = recv(run->fd, at, len, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/** Say that it talks nonsense. */
GRAFT_MUST_CHECK static struct graft_error *
malformed(const struct run *run)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s failed in its sandbox: its answer is none",
			       run->work->name);
}

/** Answer about a file. It is sent without waiting: there is room for a byte. */
static void
answer(const struct run *run, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char byte = file >= 0 ? GRAFT_SANDBOX_FILE : GRAFT_SANDBOX_NONE;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (file >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *with = CMSG_FIRSTHDR(&message);
		with->cmsg_level = SOL_SOCKET;
		with->cmsg_type = SCM_RIGHTS;
		with->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(with), &file, sizeof(file));
	}
	// Whether it takes it is its affair.
	(void)sendmsg(run->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/** Open a file that it asks for. */
GRAFT_MUST_CHECK static struct graft_error *
take_open(struct run *run, uint64_t len)
{
	char name[GRAFT_SANDBOX_NAME_MAX + 1];
	GRAFT_CLOSE int file = -1;
	struct graft_error *err = NULL;

	if (!len || len > GRAFT_SANDBOX_NAME_MAX || run->files++ >= FILES_MAX)
		return malformed(run);
	if (!receive(run, name, len))
		return say_end(run);
	name[len] = '\0';
	if (strlen(name) != len)
		return malformed(run);
	if (run->work->open)
		err = run->work->open(run->work->arg, name, &file);
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	graft_error_free(err);
	answer(run, file);
	return NULL;
}

/** Take the error that the work returned. */
GRAFT_MUST_CHECK static struct graft_error *
take_error(struct run *run, uint64_t len)
{
	uint8_t bytes[sizeof(uint32_t) + GRAFT_SANDBOX_TEXT_MAX + 1];
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	uint32_t code = 0;

	if (len < sizeof(code) || len > sizeof(bytes) - 1)
		return malformed(run);
	if (!receive(run, bytes, len))
		return say_end(run);
	bytes[len] = '\0';
	for (size_t i = 0; i < sizeof(code); i++)
		code |= (uint32_t)bytes[i] << (8 * i);
	graft_text_put_safe(&text, (const char *)bytes + sizeof(code));
	if (text.failed)
		return graft_error_no_memory();
	switch (code) {
	case GRAFT_ERROR_NO_MEMORY:
		run->exceeded.memory = run->bounds.memory;
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s failed in its sandbox: it needs more than %llu MiB of memory",
			run->work->name,
			(unsigned long long)(run->bounds.memory / MIB));
	case GRAFT_ERROR_LIMIT:
	case GRAFT_ERROR_UNSUPPORTED:
		return graft_error_new((enum graft_error_code)code, "%s",
				       graft_text_str(&text));
	default:
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s",
				       graft_text_str(&text));
	}
}

/** Take its result. */
GRAFT_MUST_CHECK static struct graft_error *
take_result(struct run *run, uint64_t len, uint8_t **bytes_ret, size_t *len_ret)
{
	if (len > run->work->result_max)
		return malformed(run);
	GRAFT_FREE uint8_t *bytes = malloc((size_t)len + 1);
	if (!bytes)
		return graft_error_no_memory();
	if (!receive(run, bytes, (size_t)len))
		return say_end(run);
	*bytes_ret = GRAFT_TAKE(bytes);
	*len_ret = (size_t)len;
	return NULL;
}

void
graft_sandbox_bounds_of(const struct graft_sandbox_work *work,
			struct graft_sandbox_bounds *ret)
{
	struct rlimit limit;

	ret->cpu_s = work->cpu_s;
	ret->memory = work->memory;
	// A signal that says so comes a second before the one that only ends it.
	if (getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_max <= work->cpu_s)
		ret->cpu_s = limit.rlim_max > 1 ? limit.rlim_max - 1 : 1;
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_max < work->memory)
		ret->memory = limit.rlim_max ? limit.rlim_max : 1;
}

/** Have the work of a run done. */
GRAFT_MUST_CHECK static struct graft_error *
run_work(struct run *run, uint8_t **bytes_ret, size_t *len_ret)
{
	const struct graft_sandbox_work *work = run->work;
	pid_t parent = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return graft_error_os(errno, "socketpair");
	run->fd = ends[0];
	pid_t pid = fork();
	if (pid == 0)
		graft_sandbox_be(work, &run->bounds, ends[1], parent);
	int number = errno;
	(void)close(ends[1]);
	if (pid < 0)
		return graft_error_os(number, "fork");
	run->pid = pid;
	for (;;) {
		uint8_t frame[GRAFT_SANDBOX_FRAME_LEN];
		struct graft_error *err = NULL;
		uint64_t len = 0;
		if (!receive(run, frame, sizeof(frame)))
			return say_end(run);
		for (size_t i = 0; i < 8; i++)
			len |= (uint64_t)frame[1 + i] << (8 * i);
		switch (frame[0]) {
		case GRAFT_SANDBOX_OPEN:
			err = take_open(run, len);
			break;
		case GRAFT_SANDBOX_RESULT:
			return take_result(run, len, bytes_ret, len_ret);
		case GRAFT_SANDBOX_ERROR:
			return take_error(run, len);
		default:
			err = malformed(run);
			break;
		}
		if (err)
			return err;
	}
}

struct graft_error *
graft_sandbox_run(const struct graft_sandbox_work *work,
		  struct graft_sandbox_bounds *exceeded_ret,
		  uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_CLEANUP(run_deinit)
	struct run run = {
		.work = work,
		.fd = -1,
		.end_us = graft_clock_monotonic_us() +
			  (uint64_t)work->wall_s * 1000000,
	};

	graft_sandbox_bounds_of(work, &run.bounds);
	struct graft_error *err = run_work(&run, bytes_ret, len_ret);
	if (exceeded_ret)
		*exceeded_ret = run.exceeded;
	return err;
}
