// SPDX-License-Identifier: Apache-2.0

#include "host/ask.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/** Most that is taken. */
	ANSWER_MAX = 64 << 20,
	CHUNK = 64 << 10,
	PATH_LEN = 256,
};

/** Where programs of the distribution are: who calls us has no say in it. */
static const char *const folders[] = { "/usr/bin", "/bin", "/usr/sbin",
				       "/sbin" };

static char *const environment[] = {
	(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	(char *)"LC_ALL=C.UTF-8",
	NULL,
};

static bool
find_program(const char *name, char path[PATH_LEN])
{
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		(void)snprintf(path, PATH_LEN, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/** Start a program. @param[out] fd_ret Where its output comes; the caller closes it. */
GRAFT_MUST_CHECK static struct graft_error *
start(const char *path, char *const *argv, int input, pid_t *pid_ret,
      int *fd_ret)
{
	posix_spawn_file_actions_t actions;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return graft_error_os(errno, "pipe");
	int number = posix_spawn_file_actions_init(&actions);
	if (number == 0) {
		number = input < 0 ? posix_spawn_file_actions_addopen(
					     &actions, STDIN_FILENO,
					     "/dev/null", O_RDONLY, 0)
				   : posix_spawn_file_actions_adddup2(
					     &actions, input, STDIN_FILENO);
		if (number == 0)
			number = posix_spawn_file_actions_addopen(
				&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
				0);
		if (number == 0)
			number = posix_spawn_file_actions_adddup2(
				&actions, ends[1], STDOUT_FILENO);
		if (number == 0)
			number = posix_spawn(pid_ret, path, &actions, NULL,
					     argv, environment);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(ends[1]);
	if (number != 0) {
		(void)close(ends[0]);
		return graft_error_os(number, "run %s", path);
	}
	*fd_ret = ends[0];
	return NULL;
}

/** Read all that comes, for as long as there is time. */
GRAFT_MUST_CHECK static struct graft_error *
listen_to(int fd, const char *path, uint64_t end_us, struct graft_text *text)
{
	GRAFT_FREE char *chunk = malloc(CHUNK);

	if (!chunk)
		return graft_error_no_memory();
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		uint64_t now_us = graft_clock_monotonic_us();
		uint64_t left_ms = now_us < end_us ? (end_us - now_us) / 1000
						   : 0;
		int ready = poll(&poll_fd, 1, (int)left_ms);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return graft_error_os(errno, "poll");
		if (ready == 0)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "%s does not answer", path);
		ssize_t got = read(fd, chunk, CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return graft_error_os(errno, "read from %s", path);
		if (got == 0)
			return NULL;
		graft_text_put_bytes(text, chunk, (size_t)got);
		if (text->len > ANSWER_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "%s prints more than %d MiB",
					       path, ANSWER_MAX >> 20);
	}
}

struct graft_error *
graft_ask(char *const *argv, uint64_t limit_us, char **text_ret,
	  size_t *len_ret)
{
	return graft_ask_about(argv, -1, limit_us, text_ret, len_ret);
}

struct graft_error *
graft_ask_about(char *const *argv, int input, uint64_t limit_us,
		char **text_ret, size_t *len_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	uint64_t end_us = graft_clock_monotonic_us() + limit_us;
	char path[PATH_LEN];
	pid_t pid;

	*text_ret = NULL;
	*len_ret = 0;
	if (!find_program(argv[0], path))
		return NULL;
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = start(path, argv, input, &pid, &fd);
	if (err)
		return err;
	err = listen_to(fd, path, end_us, &text);
	// One that closed its output and goes on is not waited for either.
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (err)
		return err;
	*len_ret = text.len;
	return graft_text_take(&text, text_ret);
}
