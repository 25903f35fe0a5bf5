// SPDX-License-Identifier: Apache-2.0

#include "update/reboot.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/text.h"
#include "persist/run.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	WORDS_MAX = 32,
	NUMBER_LEN = 12,
};

/** The state directory that a host has; others are of tests, or of another root. */
static const char own_state[] = "/var/lib/graft";

/** Say whether two paths are one file. */
static bool
is_same(const char *a, const char *b)
{
	struct stat one;
	struct stat other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 &&
	       one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/** Say what keeps us from restarting by the host's own command; NULL: nothing. */
static const char *
find_obstacle(void)
{
	if (geteuid() != 0)
		return "only root may";
	if (graft_env_get(GRAFT_ENV_FAULT))
		return "a fault is asked for";
	if (strcmp(graft_env_state_dir(), own_state) != 0)
		return "the state directory is not the host's own";
	if (!is_same("/", "/proc/1/root"))
		return "this is not the root of the host";
	if (!is_same("/proc/self/ns/pid", "/proc/1/ns/pid") ||
	    !is_same("/proc/self/ns/mnt", "/proc/1/ns/mnt"))
		return "this is not the namespace of the host";
	// Of the first namespace; a container's first process is not the host's.
	char link[64] = "";
	if (readlink("/proc/self/ns/pid", link, sizeof(link) - 1) < 0 ||
	    strcmp(link, "pid:[4026531836]") != 0)
		return "this is a container";
	return NULL;
}

/** Cut a command into words. @return How many; 0: too many. */
static size_t
cut(char *command, const char *words[WORDS_MAX + 1])
{
	size_t count = 0;
	char *save = NULL;

	for (char *word = strtok_r(command, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save)) {
		if (count == WORDS_MAX)
			return 0;
		words[count++] = word;
	}
	words[count] = NULL;
	return count;
}

/** Run a command of the host or of the configuration. */
GRAFT_MUST_CHECK static struct graft_error *
run(const char *own, const char *named, uint32_t minutes, const char *message,
    const char *log)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	GRAFT_FREE char *command = strdup(named ? named : own);
	const char *words[WORDS_MAX + 1];
	char number[NUMBER_LEN];
	char plus[NUMBER_LEN];
	int status = 0;

	if (!command)
		return graft_error_no_memory();
	const size_t count = cut(command, words);
	if (!count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the command that restarts has no "
				       "words, or too many");
	(void)snprintf(number, sizeof(number), "%u", minutes);
	(void)snprintf(plus, sizeof(plus), "+%u", minutes);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], "%m") == 0)
			words[i] = message;
		else if (strcmp(words[i], "%w") == 0)
			words[i] = number;
		else if (strcmp(words[i], "+%w") == 0)
			words[i] = plus;
	}
	struct graft_error *err = graft_run_logged(words, log, &status);
	if (err || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return err;
	graft_run_put_tail(log, &why);
	return graft_run_failed(words[0], status, graft_text_str(&why));
}

/** See that a command may be run. */
GRAFT_MUST_CHECK static struct graft_error *
check(const char *named, const char *key)
{
	const char *obstacle = named ? NULL : find_obstacle();

	return obstacle ? graft_error_new(GRAFT_ERROR_REFUSED,
					  "the host is not restarted from "
					  "here: %s; %s = in " GRAFT_WINDOW_PATH
					  " names another way",
					  obstacle, key)
			: NULL;
}

struct graft_error *
graft_reboot_check(const struct graft_window *window)
{
	return check(window->command, "command");
}

struct graft_error *
graft_reboot_ask(const struct graft_window *window, const char *message,
		 const char *log)
{
	struct graft_error *err = graft_reboot_check(window);

	return err ? err
		   : run("shutdown -r +%w %m", window->command,
			 window->warning_min, message, log);
}

struct graft_error *
graft_reboot_cancel(const struct graft_window *window, const char *log)
{
	// Who named the one names the other, or has none.
	struct graft_error *err = check(window->cancel ? window->cancel
						       : window->command,
					"cancel-command");

	if (err || (window->command && !window->cancel))
		return err;
	return run("shutdown -c", window->cancel, 0, "", log);
}
