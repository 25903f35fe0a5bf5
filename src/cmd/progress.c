// SPDX-License-Identifier: Apache-2.0

#include "cmd/progress.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	SHOW_AFTER_US = 1000 * 1000,
};

struct graft_progress
graft_progress_begin(size_t total)
{
	const char *term = graft_env_get(GRAFT_ENV_TERM);

	return (struct graft_progress){
		.start_us = graft_clock_monotonic_us(),
		.total = total,
		.terminal = isatty(STDERR_FILENO) &&
			    !(term && strcmp(term, "dumb") == 0),
	};
}

void
graft_progress_step(struct graft_progress *progress, size_t done,
		    const char *what)
{
	uint64_t now = graft_clock_monotonic_us();

	if (!progress->terminal || now - progress->start_us < SHOW_AFTER_US)
		return;
	progress->shown = true;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	graft_text_put_safe(&text, what);
	(void)fprintf(stderr, "\r\033[K%zu of %zu: %.60s", done,
		      progress->total, graft_text_str(&text));
	(void)fflush(stderr);
}

void
graft_progress_end(struct graft_progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
	progress->shown = false;
}
