// SPDX-License-Identifier: Apache-2.0

// A load of requests of which each answer is checked, byte for byte, and timed:
//
//     client PORT CONNECTIONS RATE again|close < STEPS
//
// First come the steps, one a line, and an empty line. A step is `once` or `loop`,
// what is sent in hex (`-`: nothing) and what must come back in hex, where `..` is
// any byte. A connection does its `once` steps at the start and its `loop` steps
// over and over; with `close`, once each, and it begins anew. RATE is how many
// requests are sent in a second, all connections together; 0: each as soon as the
// one before is answered. With a rate the time of a request begins when it was due,
// so that what stands still is seen by all that should have been sent meanwhile.
//
// Each further line asks what was seen since the line before: one line of JSON.
// The end of the input ends the program.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	STEPS_MAX = 64,
	CONNECTIONS_MAX = 1024,
	BYTES_MAX = 8192,
	LINE_MAX_BYTES = 4 * BYTES_MAX + 64,
	/** Times of requests between two reports. */
	TIMES_MAX = 8 << 20,
	EVENTS = 64,
	ANY = 256,
	BASE_HEX = 16,
	WHY_BYTES = 400,
};

static const uint64_t second_ns = 1000000000;
/** An answer that takes longer has failed. */
static const uint64_t patience_ns = 20 * second_ns;

/** What is sent, and what must come back. */
struct step {
	uint8_t question[BYTES_MAX];
	size_t question_len;
	/** Bytes, or ANY. */
	uint16_t answer[BYTES_MAX];
	size_t answer_len;
};

/** A connection; `step` is the one that it waits for the answer of. */
struct connection {
	int fd;
	size_t step;
	/** It has an answer to wait for. */
	bool asked;
	size_t got;
	uint64_t due_ns;
	uint8_t bytes[BYTES_MAX];
};

static struct step steps[STEPS_MAX];
static size_t step_count;
/** The first step of the loop. */
static size_t loop_start;
static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static struct sockaddr_in server;
static bool closes;
static double rate;
static int polled;

static uint32_t *times_us10;
static uint64_t served;
static uint64_t failed;
static char why[WHY_BYTES];
static uint64_t since_ns;

static uint64_t
now_ns(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static void
die(const char *what)
{
	(void)fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

/** Read one word of hex. @return How many bytes. */
static size_t
read_hex(const char *word, uint16_t *ret)
{
	size_t len = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;
	if (len > BYTES_MAX)
		die("a step is too long");
	for (size_t i = 0; i < len; i++) {
		const char pair[3] = { word[2 * i], word[2 * i + 1] };
		ret[i] = strcmp(pair, "..") == 0
				 ? ANY
				 : (uint16_t)strtoul(pair, NULL, BASE_HEX);
	}
	return len;
}

static void
read_steps(void)
{
	static char line[LINE_MAX_BYTES];
	static char when[LINE_MAX_BYTES];
	static char question[LINE_MAX_BYTES];
	static char answer[LINE_MAX_BYTES];
	static uint16_t bytes[BYTES_MAX];
	while (fgets(line, sizeof(line), stdin) && line[0] != '\n') {
		// The fields are not longer than the line.
		if (step_count == STEPS_MAX ||
		    sscanf(line, "%s %s %s", when, question, answer) != 3)
			die("bad step");
		struct step *step = &steps[step_count++];
		step->question_len = read_hex(question, bytes);
		for (size_t i = 0; i < step->question_len; i++)
			step->question[i] = (uint8_t)bytes[i];
		step->answer_len = read_hex(answer, step->answer);
		if (strcmp(when, "once") == 0)
			loop_start = step_count;
	}
	if (loop_start == step_count)
		die("no step is repeated");
}

static void
fail(struct connection *connection, const char *what)
{
	failed++;
	if (!why[0])
		(void)snprintf(why, sizeof(why),
			       "step %zu: %s after %zu of %zu bytes: %.*s",
			       connection->step, what, connection->got,
			       steps[connection->step].answer_len,
			       (int)connection->got,
			       (const char *)connection->bytes);
}

/** Connect anew; what fails at that has failed as a request. */
static void
begin(struct connection *connection)
{
	if (connection->fd >= 0)
		(void)close(connection->fd);
	connection->step = 0;
	connection->got = 0;
	connection->asked = false;
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		die("socket");
	int on = 1;
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on,
			 sizeof(on));
	// Loopback: it is made at once, or refused.
	if (connect(connection->fd, (struct sockaddr *)&server,
		    sizeof(server)) != 0) {
		fail(connection, strerror(errno));
		(void)usleep(10000);
		return;
	}
	(void)fcntl(connection->fd, F_SETFL, O_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN,
				     .data.ptr = connection };
	if (epoll_ctl(polled, EPOLL_CTL_ADD, connection->fd, &event) != 0)
		die("epoll_ctl");
}

/** Send the next question; it was due at a time. */
static void
ask(struct connection *connection, uint64_t due_ns)
{
	const struct step *step = &steps[connection->step];
	connection->due_ns = due_ns;
	connection->asked = true;
	// Much smaller than any buffer of a socket.
	if (step->question_len &&
	    send(connection->fd, step->question, step->question_len,
		 MSG_NOSIGNAL) != (ssize_t)step->question_len) {
		fail(connection, strerror(errno));
		begin(connection);
	}
}

/** The answer is whole: note its time, go on to the next step. */
static void
answered(struct connection *connection)
{
	uint64_t took = (now_ns() - connection->due_ns) / 100;
	if (served < TIMES_MAX)
		times_us10[served] = took > UINT32_MAX ? UINT32_MAX
						       : (uint32_t)took;
	served++;
	connection->asked = false;
	connection->got = 0;
	if (++connection->step < step_count)
		return;
	connection->step = loop_start;
	if (closes)
		begin(connection);
}

/** Something came, or the other side closed. */
static void
hear(struct connection *connection)
{
	const struct step *step = &steps[connection->step];
	ssize_t len = recv(connection->fd, connection->bytes + connection->got,
			   BYTES_MAX - connection->got, 0);
	if (len < 0 && errno == EAGAIN)
		return;
	size_t end = connection->got + (len > 0 ? (size_t)len : 0);
	bool right = len > 0 && connection->asked && end <= step->answer_len;
	for (size_t i = connection->got; right && i < end; i++)
		right = step->answer[i] == ANY ||
			step->answer[i] == connection->bytes[i];
	connection->got = end;
	if (!right) {
		fail(connection, len < 0    ? strerror(errno)
				 : len == 0 ? "closed"
					    : "wrong answer");
		begin(connection);
	} else if (connection->got == step->answer_len) {
		answered(connection);
	}
}

/** Ask on all connections that may: as many as are due. */
static void
ask_all(uint64_t *next_ns)
{
	static size_t turn;
	uint64_t now = now_ns();
	for (size_t i = 0; i < connection_count; i++) {
		struct connection *connection =
			&connections[(turn + i) % connection_count];
		bool free = !connection->asked;
		// What is said first belongs to no rate.
		if (free && (rate <= 0 || connection->step < loop_start)) {
			ask(connection, now);
		} else if (free && *next_ns <= now) {
			ask(connection, *next_ns);
			*next_ns += (uint64_t)((double)second_ns / rate);
		} else if (!free && connection->due_ns + patience_ns < now) {
			fail(connection, "no answer");
			begin(connection);
		}
	}
	turn++;
}

static int
compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static double
at_us(size_t count, double part)
{
	if (count == 0)
		return 0;
	return times_us10[(size_t)(part * (double)(count - 1))] / 10.0;
}

static void
report(void)
{
	uint64_t now = now_ns();
	size_t count = served < TIMES_MAX ? served : TIMES_MAX;
	qsort(times_us10, count, sizeof(*times_us10), compare);
	for (char *c = why; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
	printf("{\"served\":%llu,\"failed\":%llu,\"why\":\"%s\","
	       "\"seconds\":%.6f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
	       "\"p999_us\":%.1f,\"max_us\":%.1f}\n",
	       (unsigned long long)served, (unsigned long long)failed, why,
	       (double)(now - since_ns) / (double)second_ns, at_us(count, 0.5),
	       at_us(count, 0.99), at_us(count, 0.999), at_us(count, 1));
	(void)fflush(stdout);
	served = failed = 0;
	why[0] = '\0';
	since_ns = now_ns();
}

/** Somebody asks what was seen. @return false: the end of the input. */
static bool
listen_to_input(void)
{
	char bytes[64];
	ssize_t len = read(STDIN_FILENO, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < len; i++)
		if (bytes[i] == '\n')
			report();
	return len > 0;
}

static void
run(void)
{
	uint64_t next_ns = now_ns();
	since_ns = next_ns;
	for (;;) {
		ask_all(&next_ns);
		struct epoll_event events[EVENTS];
		uint64_t now = now_ns();
		uint64_t wait = second_ns / 10;
		if (rate > 0 && next_ns < now + wait)
			wait = next_ns > now ? next_ns - now : 0;
		struct timespec limit = { .tv_nsec = (long)wait };
		int count = epoll_pwait2(polled, events, EVENTS, &limit, NULL);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				hear(events[i].data.ptr);
			else if (!listen_to_input())
				return;
		}
	}
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		(void)fprintf(stderr, "usage: client PORT CONNECTIONS RATE "
				      "again|close < STEPS\n");
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	// What comes behind the steps is for read(2).
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	server = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(argv[1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	connection_count = (size_t)atoi(argv[2]);
	rate = atof(argv[3]);
	closes = strcmp(argv[4], "close") == 0;
	times_us10 = calloc(TIMES_MAX, sizeof(*times_us10));
	polled = epoll_create1(EPOLL_CLOEXEC);
	if (connection_count > CONNECTIONS_MAX || !times_us10 || polled < 0)
		die("start");
	read_steps();
	struct epoll_event input = { .events = EPOLLIN };
	if (epoll_ctl(polled, EPOLL_CTL_ADD, STDIN_FILENO, &input) != 0)
		die("epoll_ctl");
	for (size_t i = 0; i < connection_count; i++) {
		connections[i].fd = -1;
		begin(&connections[i]);
	}
	run();
	return 0;
}
