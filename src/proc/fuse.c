// SPDX-License-Identifier: Apache-2.0

#include "proc/fuse.h"

#include <signal.h>

int
graft_fuse_signal(void)
{
	// Of proc/urgent.h is the one above. Nobody handles or ignores it, so it ends us.
	return SIGRTMAX - 3;
}

void
graft_fuse_begin(struct graft_fuse *fuse)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = graft_fuse_signal(),
	};
	const struct itimerspec spec = { .it_value.tv_sec = GRAFT_FUSE_S };

	fuse->burns = timer_create(CLOCK_MONOTONIC, &event, &fuse->timer) == 0;
	if (fuse->burns)
		(void)timer_settime(fuse->timer, 0, &spec, NULL);
}

void
graft_fuse_end(struct graft_fuse *fuse)
{
	if (fuse->burns)
		(void)timer_delete(fuse->timer);
	fuse->burns = false;
}
