// SPDX-License-Identifier: Apache-2.0

#include "base/clock.h"

#include <errno.h>
#include <time.h>

enum { US_PER_S = 1000 * 1000, NS_PER_US = 1000 };

static uint64_t
read_us(clockid_t clock)
{
	struct timespec now = { 0 };

	// These clocks exist on every kernel that we run on, and the pointer is
	// ours: clock_gettime(2) has no other way to fail.
	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * US_PER_S +
	       (uint64_t)now.tv_nsec / NS_PER_US;
}

uint64_t
graft_clock_now_us(void)
{
	return read_us(CLOCK_REALTIME);
}

uint64_t
graft_clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void
graft_clock_sleep_us(uint64_t length_us)
{
	struct timespec left = {
		.tv_sec = (time_t)(length_us / US_PER_S),
		.tv_nsec = (long)(length_us % US_PER_S) * NS_PER_US,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}
