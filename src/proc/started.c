// SPDX-License-Identifier: Apache-2.0

#include "proc/started.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "proc/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	WORDS_MAX = 1 << 16,
};

struct graft_error *
graft_started_read_words(pid_t pid, char **text_ret, size_t *len_ret)
{
	GRAFT_FREE char *text = malloc(WORDS_MAX);

	if (!text)
		return graft_error_no_memory();
	ssize_t len = graft_proc_slurp(text, WORDS_MAX, "/proc/%d/cmdline",
				       (int)pid);
	if (len < 0)
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "no process %d",
				       (int)pid);
	*text_ret = GRAFT_TAKE(text);
	// A process may have written over the last NUL.
	*len_ret = (size_t)len + (len > 0 && (*text_ret)[len - 1] != '\0');
	return NULL;
}

struct graft_error *
graft_started_read_program(pid_t tid, char ret[PATH_MAX])
{
	static const char mark[] = " (deleted)";
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)tid);
	ssize_t len = readlink(link, ret, PATH_MAX);
	if (len < 0 || len >= PATH_MAX)
		return graft_error_new(errno == EACCES || errno == EPERM
					       ? GRAFT_ERROR_NOT_PERMITTED
					       : GRAFT_ERROR_TARGET_GONE,
				       "program of process %d: %s", (int)tid,
				       strerror(errno));
	ret[len] = '\0';
	if ((size_t)len > strlen(mark) &&
	    strcmp(ret + (size_t)len - strlen(mark), mark) == 0)
		ret[(size_t)len - strlen(mark)] = '\0';
	return NULL;
}

uint64_t
graft_started_us(uint64_t start_ticks)
{
	struct timespec up = { 0 };
	uint64_t per_second = (uint64_t)sysconf(_SC_CLK_TCK);

	(void)clock_gettime(CLOCK_BOOTTIME, &up);
	uint64_t now_us = graft_clock_now_us();
	uint64_t up_us = (uint64_t)up.tv_sec * 1000000 +
			 (uint64_t)up.tv_nsec / 1000;
	return now_us - up_us + start_ticks / per_second * 1000000 +
	       start_ticks % per_second * 1000000 / per_second;
}
