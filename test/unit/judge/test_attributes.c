// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define LOCK "#include <pthread.h>\nstatic pthread_mutex_t m; int calls;\n"
#define MAKE(type)                                                              \
	"void make(void) { pthread_mutexattr_t a; pthread_mutexattr_init(&a); " \
	"pthread_mutexattr_settype(&a, " type                                   \
	"); pthread_mutex_init(&m, &a); }\n"
#define USE(body)                                                              \
	"int use(int n) { pthread_mutex_lock(&m); " body                       \
	" calls += n; pthread_mutex_unlock(&m); return n; }\n"

static void
a_lock_of_another_type_is_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED, LOCK MAKE("0") USE(""), LOCK MAKE("1") USE(""),
		    "R-20");
	must_refuse(LIBRARY,
		    LOCK
		    "void make(void) { pthread_mutex_init(&m, 0); }\n" USE(""),
		    LOCK MAKE("1") USE(""), "R-20");
}

static void
what_uses_a_lock_that_is_made_as_before_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY, LOCK MAKE("1") USE(""),
		    LOCK MAKE("1") USE("if (n > 9) n = 9;"));
	must_accept(
		LIBRARY, LOCK MAKE("1") USE(""),
		LOCK
		"void make(void) { pthread_mutexattr_t a; if (pthread_mutexattr_init(&a)) return; "
		"pthread_mutexattr_settype(&a, 1); pthread_mutex_init(&m, &a); }\n" USE(
			""));
}

#define OPEN(flags)                                                            \
	"int open(const char *, int, ...); int fd, calls;\n"                   \
	"void make(const char *name) { fd = open(name, " flags "); }\n"

static void
what_stays_with_a_descriptor_is_as_it_was_opened(void **state)
{
	(void)state;
	// O_NONBLOCK, O_APPEND, O_RDWR for O_RDONLY.
	must_refuse(LIBRARY, OPEN("0"), OPEN("04000"), "R-20");
	must_refuse(STRIPPED, OPEN("04001"), OPEN("1"), "R-20");
	must_refuse(LIBRARY, OPEN("1"), OPEN("02001"), "R-20");
	must_refuse(LIBRARY, OPEN("0"), OPEN("2"), "R-20");
}

static void
what_only_an_opening_looks_at_may_change(void **state)
{
	(void)state;
	// O_CLOEXEC, O_NOFOLLOW, O_EXCL.
	must_accept(LIBRARY, OPEN("0"), OPEN("02000000"));
	must_accept(LIBRARY, OPEN("0"), OPEN("0400000"));
	must_accept(STRIPPED, OPEN("0101"), OPEN("0301"));
}

static void
another_opening_is_another_descriptor(void **state)
{
	(void)state;
	must_accept(LIBRARY, OPEN("0"),
		    OPEN("0); if (fd < 0) fd = open(\"/dev/null\", 04002"));
}

#define STREAM(mode)                                                           \
	"#include <stdio.h>\nFILE *kept; int calls;\n"                         \
	"void make(const char *name) { kept = fopen(name, \"" mode "\"); }\n"

static void
how_a_stream_is_opened_stays(void **state)
{
	(void)state;
	must_refuse(LIBRARY, STREAM("a"), STREAM("a+"), "R-20");
	must_refuse(STRIPPED, STREAM("r"), STREAM("r+"), "R-20");
	must_accept(LIBRARY, STREAM("r"), STREAM("rbe"));
	must_accept(LIBRARY, STREAM("w"), STREAM("wx,ccs=ra+"));
}

#define MAPPED(how)                                                            \
	"#define _GNU_SOURCE\n#include <sys/mman.h>\nvoid *kept; int calls;\n" \
	"void make(int fd, long n) { kept = mmap(0, n, " how ", fd, 0); }\n"

static void
what_may_be_done_with_a_mapping_stays(void **state)
{
	(void)state;
	must_refuse(LIBRARY, MAPPED("1, 2"), MAPPED("3, 2"), "R-20");
	must_refuse(STRIPPED, MAPPED("3, 1"), MAPPED("3, 2"), "R-20");
	// MAP_POPULATE.
	must_accept(LIBRARY, MAPPED("1, 2"), MAPPED("1, 0x8002"));
}

#define MEMORY(made)                                                           \
	"#include <stdlib.h>\nvoid *kept; int calls;\n"                        \
	"void make(long n) { " made " }\n"
#define AT(multiple)                                                           \
	MEMORY("if (posix_memalign(&kept, " multiple ", n)) kept = 0;")

static void
what_memory_is_aligned_to_is_not_more_than_it_was(void **state)
{
	(void)state;
	must_refuse(LIBRARY, MEMORY("kept = malloc(n + 8);"), AT("64"), "R-20");
	must_refuse(STRIPPED, AT("32"), AT("64"), "R-20");
	must_accept(LIBRARY, AT("64"), MEMORY("kept = malloc(n + 8);"));
	must_accept(LIBRARY, MEMORY("kept = malloc(n + 8);"), AT("16"));
	must_accept(
		LIBRARY, AT("64"),
		MEMORY("if (n < 0 || posix_memalign(&kept, 64, n)) kept = 0;"));
}

#define SET(body)                                                               \
	"#include <fcntl.h>\n#include <sys/epoll.h>\n#include <sys/socket.h>\n" \
	"#include <netinet/tcp.h>\n#include <netinet/in.h>\n"                   \
	"int kept[9], calls; void make(int fd, int ep) { "                      \
	"struct epoll_event e; int on; calls += fd; " body " }\n"
#define WATCH(events)                                                          \
	SET("e.events = " events                                               \
	    "; e.data.fd = fd; kept[0] = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);")
#define AGAIN(events)                                                          \
	SET("e.events = " events                                               \
	    "; e.data.fd = fd; kept[0] = epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);")
#define OPTION(level, name, value)                                             \
	SET("on = " value "; kept[0] = setsockopt(fd, " level ", " name        \
	    ", &on, sizeof(on));")

static void
what_is_set_of_a_descriptor_later_stays_with_it_too(void **state)
{
	(void)state;
	must_refuse(LIBRARY, SET("kept[0] = fcntl(fd, F_SETFL, 0);"),
		    SET("kept[0] = fcntl(fd, F_SETFL, O_NONBLOCK);"), "R-20");
	must_refuse(LIBRARY, WATCH("EPOLLIN"), WATCH("EPOLLIN | EPOLLET"),
		    "R-20");
	must_refuse(STRIPPED, WATCH("EPOLLIN"), WATCH("EPOLLIN | EPOLLOUT"),
		    "R-20");
	must_refuse(LIBRARY, OPTION("IPPROTO_TCP", "TCP_NODELAY", "0"),
		    OPTION("IPPROTO_TCP", "TCP_NODELAY", "1"), "R-20");
}

static void
what_is_set_anew_or_of_something_else_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY, AGAIN("EPOLLIN"), AGAIN("EPOLLIN | EPOLLOUT"));
	must_accept(LIBRARY, SET("kept[0] = fcntl(fd, F_SETFD, 0);"),
		    SET("kept[0] = fcntl(fd, F_SETFD, FD_CLOEXEC);"));
	must_accept(
		LIBRARY, OPTION("IPPROTO_TCP", "TCP_NODELAY", "1"),
		SET("on = 1; kept[0] = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); "
		    "on = 0; setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 4);"));
	must_accept(
		LIBRARY, WATCH("EPOLLIN"),
		SET("if (fd < 0) return; e.events = EPOLLIN; e.data.fd = fd; "
		    "kept[0] = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_of_another_type_is_refused),
		cmocka_unit_test(
			what_uses_a_lock_that_is_made_as_before_is_accepted),
		cmocka_unit_test(
			what_stays_with_a_descriptor_is_as_it_was_opened),
		cmocka_unit_test(what_only_an_opening_looks_at_may_change),
		cmocka_unit_test(another_opening_is_another_descriptor),
		cmocka_unit_test(how_a_stream_is_opened_stays),
		cmocka_unit_test(what_may_be_done_with_a_mapping_stays),
		cmocka_unit_test(
			what_memory_is_aligned_to_is_not_more_than_it_was),
		cmocka_unit_test(
			what_is_set_of_a_descriptor_later_stays_with_it_too),
		cmocka_unit_test(
			what_is_set_anew_or_of_something_else_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
