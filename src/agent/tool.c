// SPDX-License-Identifier: Apache-2.0

#include "agent/tool.h"

#include "agent/answer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/env.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHUNK = 8 << 10,
};

/** Set up what the child has other than we: standard files, signals. */
static int
set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
       int out)
{
	sigset_t none;
	sigset_t all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	int number = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
						      "/dev/null", O_RDONLY, 0);
	if (number == 0)
		number = posix_spawn_file_actions_addopen(
			actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (number == 0)
		number = posix_spawn_file_actions_adddup2(actions, out,
							  STDOUT_FILENO);
	if (number == 0)
		number = posix_spawnattr_setsigmask(attributes, &none);
	if (number == 0)
		number = posix_spawnattr_setsigdefault(attributes, &all);
	if (number == 0)
		number = posix_spawnattr_setflags(
			attributes,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return number;
}

/** Start the program. @return 0, or a number of errno(3). */
static int
spawn(struct graft_tool *tool, char *const *argv, char *const *environment,
      int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int number = posix_spawn_file_actions_init(&actions);

	if (number != 0)
		return number;
	number = posix_spawnattr_init(&attributes);
	if (number == 0) {
		number = set_up(&actions, &attributes, out);
		if (number == 0)
			number = posix_spawn(&tool->pid, argv[0], &actions,
					     &attributes, argv, environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return number;
}

struct graft_error *
graft_tool_start(struct graft_tool *tool, char *const *argv,
		 const char *state_dir, uint64_t limit_us)
{
	GRAFT_FREE char *state = NULL;
	int ends[2];

	if (asprintf(&state, "%s=%s", graft_env_name(GRAFT_ENV_STATE_DIR),
		     state_dir) < 0)
		return graft_error_no_memory();
	// What somebody left in our environment is not the tool's.
	char *environment[] = {
		(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		(char *)"LC_ALL=C.UTF-8",
		state,
		NULL,
	};
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return graft_error_os(errno, "pipe");
	// It writes as to any pipe: only our end does not wait.
	(void)fcntl(ends[1], F_SETFL, 0);
	int number = spawn(tool, argv, environment, ends[1]);
	(void)close(ends[1]);
	if (number != 0) {
		(void)close(ends[0]);
		return graft_error_os(number, "run %s", argv[0]);
	}
	tool->running = true;
	tool->ended = false;
	tool->fd = ends[0];
	tool->end_us = graft_clock_monotonic_us() + limit_us;
	return NULL;
}

/** Read all that there is. */
static void
take_output(struct graft_tool *tool)
{
	char chunk[CHUNK];

	while (tool->fd >= 0) {
		ssize_t got = read(tool->fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got > 0 &&
		    tool->out.len + (size_t)got <= GRAFT_ANSWER_BYTES_MAX) {
			graft_text_put_bytes(&tool->out, chunk, (size_t)got);
			continue;
		}
		// At its end, or more than anybody reads.
		(void)close(tool->fd);
		tool->fd = -1;
	}
}

bool
graft_tool_step(struct graft_tool *tool)
{
	if (!tool->running)
		return false;
	if (!tool->ended && graft_clock_monotonic_us() >= tool->end_us)
		(void)kill(tool->pid, SIGKILL);
	take_output(tool);
	if (!tool->ended)
		tool->ended = waitpid(tool->pid, &tool->status, WNOHANG) ==
			      tool->pid;
	// Its guardian may keep the pipe open for some moments more.
	if (!tool->ended ||
	    (tool->fd >= 0 && graft_clock_monotonic_us() < tool->end_us))
		return false;
	if (tool->fd >= 0)
		(void)close(tool->fd);
	tool->fd = -1;
	tool->running = false;
	return true;
}

void
graft_tool_deinit(struct graft_tool *tool)
{
	if (tool->running && tool->fd >= 0)
		(void)close(tool->fd);
	graft_text_deinit(&tool->out);
	*tool = (struct graft_tool){ 0 };
}
