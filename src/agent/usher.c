// SPDX-License-Identifier: Apache-2.0

// The usher of one thread: a process of its own, so that whatever it waits for, and
// however it ends, nobody else waits for it.

#include "agent/holding.h"
#include "proc/park.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn void
graft_usher_run(int fd, pid_t pid, pid_t tid)
{
	struct graft_park *park = NULL;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	timer_t timer;

	// Errors have nobody to be told to: that we end says it.
	if (!graft_holding_make_timer(&timer))
		_exit(1);
	graft_holding_set_timer(timer, true);
	if (graft_park_seize(pid, tid, &park))
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
