// SPDX-License-Identifier: Apache-2.0

#include "agent/connector.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
	/** The kernel answers at once, or never. */
	ANSWER_US = 200 * 1000,
	ROOM = 4096,
	/** Wanted, so that a storm fits: 4 MiB. */
	QUEUE_BYTES = 4 << 20,
	/** Where things are in a packet. */
	WHAT_OFF = NLMSG_HDRLEN + sizeof(struct cn_msg) +
		   offsetof(struct proc_event, what),
	CODE_OFF = NLMSG_HDRLEN + sizeof(struct cn_msg) +
		   offsetof(struct proc_event, event_data.exit.exit_code),
};

/** Of the kernel's headers, which name them differently over the years. */
enum {
	WHAT_ANSWER = 0,
	WHAT_EXEC = 2,
	WHAT_EXIT = (int)0x80000000,
	SIGNAL_MASK = 0x7f,
};

/** Let what we ask for pass, and nothing else: bpf(2), the classic one. */
GRAFT_MUST_CHECK static struct graft_error *
set_filter(int fd)
{
	// A filter loads words as the network has them.
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WHAT_OFF),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_EXEC), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_ANSWER), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)WHAT_EXIT),
			 0, 3),
		// The lowest byte: a signal, or the end by exit(3).
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, CODE_OFF),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SIGNAL_MASK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code),
				      .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) < 0)
		return graft_error_os(errno, "filter events of processes");
	return NULL;
}

/** Ask to be told. @param[in] number By which the answer is known. */
GRAFT_MUST_CHECK static struct graft_error *
subscribe(int fd, uint32_t number)
{
	const uint32_t op = PROC_CN_MCAST_LISTEN;
	char request[NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(op)];
	const struct nlmsghdr header = { .nlmsg_len = sizeof(request),
					 .nlmsg_type = NLMSG_DONE };
	const struct cn_msg message = {
		.id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
		.ack = number,
		.len = sizeof(op),
	};

	memcpy(request, &header, sizeof(header));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(request + NLMSG_HDRLEN + sizeof(message), &op, sizeof(op));
	if (send(fd, request, sizeof(request), 0) < 0)
		return graft_error_os(errno, "ask for events of processes");
	return NULL;
}

/**
 * Wait for the answer. Outside of the first PID namespace none comes, though events may,
 * with numbers of that namespace, because somebody else asked for them; and answers to
 * others come to all.
 */
GRAFT_MUST_CHECK static struct graft_error *
wait_for_answer(int fd, uint32_t number)
{
	uint64_t end_us = graft_clock_monotonic_us() + ANSWER_US;
	char bytes[ROOM];
	struct graft_connector_event event;
	uint32_t answer = 0;

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		uint64_t now_us = graft_clock_monotonic_us();
		int ready = poll(
			&poll_fd, 1,
			now_us < end_us ? (int)((end_us - now_us) / 1000) : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		ssize_t len = ready > 0 ? recv(fd, bytes, sizeof(bytes), 0) : 0;
		if (len <= 0)
			return graft_error_new(
				GRAFT_ERROR_UNSUPPORTED,
				"the kernel tells nothing of processes here");
		(void)graft_connector_decode(bytes, (size_t)len, &event,
					     &answer);
		if (answer == number)
			return NULL;
	}
}

struct graft_error *
graft_connector_open(int *fd_ret)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_groups = CN_IDX_PROC };
	int bytes = QUEUE_BYTES;
	GRAFT_CLOSE int fd = socket(AF_NETLINK,
				    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    NETLINK_CONNECTOR);

	if (fd < 0)
		return graft_error_os(errno, "open the process connector");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	struct graft_error *err = set_filter(fd);
	if (err)
		return err;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return graft_error_new(
			errno == EPERM ? GRAFT_ERROR_NOT_PERMITTED
				       : GRAFT_ERROR_UNSUPPORTED,
			"the process connector: %s", strerror(errno));
	// Never 0, which is no answer.
	uint32_t number = (uint32_t)graft_clock_now_us() | 1;
	err = subscribe(fd, number);
	if (!err)
		err = wait_for_answer(fd, number);
	if (err)
		return err;
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

bool
graft_connector_decode(const void *bytes, size_t len,
		       struct graft_connector_event *ret, uint32_t *answer_ret)
{
	const size_t head = NLMSG_HDRLEN + sizeof(struct cn_msg);
	struct nlmsghdr header;
	struct cn_msg message;
	struct proc_event event = { 0 };

	*answer_ret = 0;
	if (len < head + offsetof(struct proc_event, event_data))
		return false;
	memcpy(&header, bytes, sizeof(header));
	memcpy(&message, (const char *)bytes + NLMSG_HDRLEN, sizeof(message));
	if (header.nlmsg_len > len || message.id.idx != CN_IDX_PROC ||
	    message.id.val != CN_VAL_PROC)
		return false;
	// Kernels differ in how much stands behind what we read.
	size_t body = len - head < sizeof(event) ? len - head : sizeof(event);
	memcpy(&event, (const char *)bytes + head, body);
	// The kernel sends our number back, increased by one.
	if ((int)event.what == WHAT_ANSWER && message.ack > 1)
		*answer_ret = message.ack - 1;
	if ((int)event.what == WHAT_EXEC &&
	    body >= offsetof(struct proc_event, event_data) +
			    sizeof(event.event_data.exec)) {
		*ret = (struct graft_connector_event){
			.pid = event.event_data.exec.process_tgid
		};
		return ret->pid > 0;
	}
	if ((int)event.what != WHAT_EXIT)
		return false;
	*ret = (struct graft_connector_event){
		.pid = event.event_data.exit.process_tgid,
		.signal = (int)(event.event_data.exit.exit_code & SIGNAL_MASK),
		.parent = event.event_data.exit.parent_tgid,
	};
	return ret->pid > 0 && ret->signal > 0;
}

struct graft_error *
graft_connector_take(int fd, graft_connector_fn *fn, void *arg, bool *lost_ret)
{
	char bytes[ROOM];
	struct graft_connector_event event;
	uint32_t answer;

	*lost_ret = false;
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &from_len);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return NULL;
		if (len < 0 && errno == ENOBUFS) {
			*lost_ret = true;
			continue;
		}
		if (len < 0)
			return graft_error_os(errno,
					      "read events of processes");
		// Others may send to this address; the kernel is number 0.
		if (from.nl_pid == 0 &&
		    graft_connector_decode(bytes, (size_t)len, &event, &answer))
			fn(arg, &event);
	}
}
