// SPDX-License-Identifier: Apache-2.0

#include "agent/holding.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

/** Room for one descriptor beside a message. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool
graft_holding_send(int fd, const struct graft_holding *message, int file)
{
	union control control = { 0 };
	struct iovec iov = { (void *)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (file >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
		struct cmsghdr *at = CMSG_FIRSTHDR(&header);
		at->cmsg_level = SOL_SOCKET;
		at->cmsg_type = SCM_RIGHTS;
		at->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(at), &file, sizeof(file));
	}
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(*message);
}

bool
graft_holding_take(int fd, struct graft_holding *ret, int *file_ret,
		   bool *ended_ret)
{
	union control control = { 0 };
	struct iovec iov = { ret, sizeof(*ret) };
	struct msghdr header = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	*file_ret = -1;
	*ended_ret = false;
	do {
		got = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return false;
	const struct cmsghdr *at = got > 0 ? CMSG_FIRSTHDR(&header) : NULL;
	if (at && at->cmsg_type == SCM_RIGHTS &&
	    at->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(file_ret, CMSG_DATA(at), sizeof(*file_ret));
	*ended_ret = got != (ssize_t)sizeof(*ret);
	return !*ended_ret;
}

bool
graft_holding_make_timer(timer_t *ret)
{
	// Also one that is stopped dies of it.
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGKILL };

	return timer_create(CLOCK_MONOTONIC, &event, ret) == 0;
}

void
graft_holding_set_timer(timer_t timer, bool armed)
{
	const struct itimerspec time = {
		.it_value = { .tv_sec = armed ? GRAFT_HOLDING_LIFE_US / 1000000
					      : 0 }
	};

	(void)timer_settime(timer, 0, &time, NULL);
}
