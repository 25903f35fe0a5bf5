// SPDX-License-Identifier: Apache-2.0

#include "persist/run.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	OUT_MAX = 16 << 20,
	LOG_MAX = 64 << 20,
	PIECE = 16 << 10,
	TAIL_LEN = 400,
};

static const char *const usual[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LC_ALL=C.UTF-8",
	"HOME=/root",
	"DEBIAN_FRONTEND=noninteractive",
	"DEBCONF_NONINTERACTIVE_SEEN=true",
	"NEEDRESTART_SUSPEND=1",
	NULL,
};

/** Start a program. @param[in] out Gets what it prints. */
GRAFT_MUST_CHECK static struct graft_error *
start(const char *const *argv, const char *const *environment, int out,
      pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int number = posix_spawn_file_actions_init(&actions);

	if (number)
		return graft_error_os(number, "run %s", argv[0]);
	number = posix_spawnattr_init(&attributes);
	if (!number) {
		sigset_t set;
		(void)sigemptyset(&set);
		number = posix_spawnattr_setsigmask(&attributes, &set);
		(void)sigaddset(&set, SIGPIPE);
		if (!number)
			number = posix_spawnattr_setsigdefault(&attributes,
							       &set);
		if (!number)
			number = posix_spawnattr_setflags(
				&attributes, POSIX_SPAWN_SETPGROUP |
						     POSIX_SPAWN_SETSIGMASK |
						     POSIX_SPAWN_SETSIGDEF);
		if (!number)
			number = posix_spawn_file_actions_addopen(
				&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
				0);
		if (!number)
			number = posix_spawn_file_actions_adddup2(
				&actions, out, STDOUT_FILENO);
		if (!number)
			number = posix_spawn_file_actions_adddup2(
				&actions, out, STDERR_FILENO);
		if (!number)
			number = posix_spawnp(ret, argv[0], &actions,
					      &attributes, (char *const *)argv,
					      (char *const *)environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return number ? graft_error_os(number, "run %s", argv[0]) : NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
wait_for(pid_t pid, const char *name, int *status_ret)
{
	while (waitpid(pid, status_ret, 0) < 0) {
		if (errno != EINTR)
			return graft_error_os(errno, "wait for %s", name);
	}
	return NULL;
}

struct graft_error *
graft_run_to(const char *const *argv, const char *const *environment, int out,
	     int *status_ret)
{
	pid_t pid;
	struct graft_error *err = start(argv, environment, out, &pid);

	return err ? err : wait_for(pid, argv[0], status_ret);
}

struct graft_error *
graft_run_logged(const char *const *argv, const char *log, int *status_ret)
{
	GRAFT_CLOSE int fd = open(
		log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		0600);

	return fd < 0 ? graft_error_os(errno, "open %s", log)
		      : graft_run_to(argv, usual, fd, status_ret);
}

struct graft_error *
graft_run_read(const char *const *argv, struct graft_text *out, int *status_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text rest = { 0 };
	char piece[PIECE];
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return graft_error_os(errno, "pipe");
	struct graft_error *err = start(argv, usual, ends[1], &pid);
	(void)close(ends[1]);
	if (err) {
		(void)close(ends[0]);
		return err;
	}
	for (ssize_t n; (n = read(ends[0], piece, sizeof(piece))) != 0;) {
		if (n < 0 && errno != EINTR)
			break;
		// More than that nobody reads; it is taken all the same, so that it ends.
		if (n > 0 && out->len + (size_t)n <= OUT_MAX)
			graft_text_put_bytes(out, piece, (size_t)n);
		else if (n > 0)
			rest.failed = true;
	}
	(void)close(ends[0]);
	err = wait_for(pid, argv[0], status_ret);
	if (!err && rest.failed)
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "%s prints more than %d bytes", argv[0],
				      OUT_MAX);
	return !err && out->failed ? graft_error_no_memory() : err;
}

struct graft_error *
graft_run_failed(const char *name, int status, const char *why)
{
	return graft_error_new(GRAFT_ERROR_REFUSED, "%s ended with %s %d: %s",
			       name, WIFEXITED(status) ? "status" : "signal",
			       WIFEXITED(status) ? WEXITSTATUS(status)
						 : WTERMSIG(status),
			       why);
}

void
graft_run_put_tail(const char *log, struct graft_text *out)
{
	GRAFT_FREE uint8_t *text = NULL;
	size_t len;
	struct graft_error *err = graft_file_read(log, LOG_MAX, &text, &len);

	graft_error_free(err);
	if (!text)
		return;
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	char *at = (char *)text + (len > TAIL_LEN ? len - TAIL_LEN : 0);
	for (char *c = at; *c; c++) {
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	}
	graft_text_put_safe(out, at);
}
