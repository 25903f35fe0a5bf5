// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A small HTTP server with a fault, and with -DFIXED without it.
 *
 *     GET /            a page
 *     GET /echo/N/TEXT the first N bytes of TEXT
 *
 * The fault: N is not checked, so that the answer holds what stands behind the
 * text in memory: the session key of the connection. Each thread serves its
 * connections from an epoll of its own, so the faulty function is always about
 * to be called, and no thread ever stays in it.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 512, LONGEST = 540, ANSWER = 2048, EVENTS = 64 };

/** A connection and what was read from it. */
struct connection {
	int fd;
	size_t len;
	char in[ROOM];
	char key[64];
};

static unsigned long served;

/** Get the bytes that an echo request asks for; -1 if it asks for too many. */
__attribute__((noinline)) static long
echo_length(const char *number, const char *text)
{
	long len = strtol(number, NULL, 10);

	if (len < 0 || len > LONGEST)
		return -1;
#ifdef FIXED
	const char *end = strchr(text, ' ');
	if (!end || len > end - text)
		return -1;
#else
	(void)text;
#endif
	return len;
}

/** Send all bytes; false if the peer went away. */
static int
send_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return 0;
		bytes += sent;
		len -= (size_t)sent;
	}
	return 1;
}

static int
reply(int fd, const char *status, const char *body, size_t len)
{
	char out[ANSWER];
	int head = snprintf(out, sizeof(out),
			    "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
			    "Content-Length: %zu\r\n\r\n",
			    status, len);

	memcpy(out + head, body, len);
	__atomic_add_fetch(&served, 1, __ATOMIC_RELAXED);
	return send_all(fd, out, (size_t)head + len);
}

/** Answer one request, which ends with an empty line; false: close. */
__attribute__((noinline)) static int
answer(struct connection *c)
{
	static const char page[] = "a page of the small server\n";

	if (strncmp(c->in, "GET /echo/", 10) == 0) {
		const char *text = strchr(c->in + 10, '/');
		long len = text ? echo_length(c->in + 10, text + 1) : -1;
		if (len < 0)
			return reply(c->fd, "400 Bad Request", "no\n", 3);
		return reply(c->fd, "200 OK", text + 1, (size_t)len);
	}
	if (strncmp(c->in, "GET / ", 6) == 0)
		return reply(c->fd, "200 OK", page, sizeof(page) - 1);
	return reply(c->fd, "404 Not Found", "no\n", 3);
}

/** Read what came, answer what is complete; false: close. */
static int
serve(struct connection *c)
{
	ssize_t got = recv(c->fd, c->in + c->len, ROOM - 1 - c->len,
			   MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return 0;
	c->len += (size_t)got;
	c->in[c->len] = '\0';
	for (char *end; (end = strstr(c->in, "\r\n\r\n"));) {
		size_t used = (size_t)(end + 4 - c->in);
		end[2] = '\0';
		int last = strstr(c->in, "Connection: close") != NULL;
		if (!answer(c) || last)
			return 0;
		memmove(c->in, c->in + used, c->len - used + 1);
		c->len -= used;
	}
	return c->len < ROOM - 1;
}

static void
take_connection(int epoll, int listener)
{
	int one = 1;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	struct connection *c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->fd = fd;
	strcpy(c->key, "session-key-of-this-connection");
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int
listen_on(unsigned short port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 512)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

static void *
work(void *arg)
{
	int listener = listen_on(*(unsigned short *)arg);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[EVENTS];
	struct epoll_event event = { .events = EPOLLIN };

	(void)epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int count = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			if (!c) {
				take_connection(epoll, listener);
			} else if (!serve(c)) {
				close(c->fd);
				free(c);
			}
		}
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	unsigned short port = (unsigned short)(argc > 1 ? atoi(argv[1]) : 8080);
	int threads = argc > 2 ? atoi(argv[2]) : 2;
	pthread_t thread;

	for (int i = 1; i < threads; i++)
		(void)pthread_create(&thread, NULL, work, &port);
	work(&port);
	return 0;
}
