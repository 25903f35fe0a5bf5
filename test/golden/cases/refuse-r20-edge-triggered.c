// SPDX-License-Identifier: Apache-2.0

// A descriptor is watched for what comes, where it was watched for what is there: what
// is watched already tells of what was left, again and again.
//
// SAME: it is watched as before.

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int watch = -1;
static int event = -1;

__attribute__((noinline)) static void
add(void)
{
	struct epoll_event e;

#if defined(NEW) && !defined(SAME)
	e.events = EPOLLIN | EPOLLET;
#else
	e.events = EPOLLIN;
#endif
#ifdef NEW
	if (event < 0 || watch < 0)
		return;
#endif
	e.data.fd = event;
	(void)epoll_ctl(watch, EPOLL_CTL_ADD, event, &e);
}

__attribute__((noinline)) static void
begin(void)
{
	watch = epoll_create1(0);
	event = eventfd(1, 0);
	add();
}

long
probe(long input)
{
	struct epoll_event e;

	if (watch < 0)
		begin();
#ifdef NEW
	if (input == 5)
		return -2;
#endif
	return epoll_wait(watch, &e, 1, 0) + input;
}
