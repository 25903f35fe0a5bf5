// SPDX-License-Identifier: Apache-2.0

// The usher of one thread: a process of its own, so that whatever it waits for, and
// however it ends, nobody else waits for it.

#include "agent/holding.h"
#include "proc/park.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** Have the kernel kill us when our time is over. */
static bool
limit_life(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGKILL };
	const struct itimerspec once = {
		.it_value = { .tv_sec = GRAFT_HOLDING_LIFE_US / 1000000 }
	};
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
	       timer_settime(timer, 0, &once, NULL) == 0;
}

_Noreturn void
graft_usher_run(int fd, pid_t pid, pid_t tid)
{
	struct graft_park *park = NULL;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	// Errors have nobody to be told to: that we end says it.
	if (!limit_life() || graft_park_seize(pid, tid, &park))
		_exit(1);
	if (send(fd, "S", 1, MSG_NOSIGNAL) != 1 ||
	    graft_park_sleep(park, GRAFT_HOLDING_LEAD_US,
			     GRAFT_HOLDING_SLEEP_US)) {
		graft_park_free(park);
		_exit(1);
	}
	if (send(fd, "P", 1, MSG_NOSIGNAL) == 1)
		(void)poll(&ready, 1, GRAFT_HOLDING_SLEEP_US / 1000);
	graft_park_wake(park);
	graft_park_free(park);
	_exit(0);
}
