// SPDX-License-Identifier: Apache-2.0

// What worker and holder say to each other.

#include "agent/holding.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
make_pair(int ends[2])
{
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void
a_message_arrives_with_its_file(void **state)
{
	(void)state;
	const struct graft_holding mark = { .kind = GRAFT_HOLDING_MARK };
	const struct graft_holding done = { .kind = GRAFT_HOLDING_DONE,
					    .pid = 42 };
	struct graft_holding got = { 0 };
	struct stat want;
	struct stat have;
	bool ended;
	int ends[2];
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int came;

	make_pair(ends);
	assert_true(graft_holding_send(ends[0], &mark, file));
	assert_true(graft_holding_send(ends[0], &done, -1));
	assert_true(graft_holding_take(ends[1], &got, &came, &ended));
	assert_int_equal(got.kind, GRAFT_HOLDING_MARK);
	assert_int_equal(fstat(file, &want), 0);
	assert_int_equal(fstat(came, &have), 0);
	assert_int_equal(want.st_ino, have.st_ino);
	assert_true(fcntl(came, F_GETFD) & FD_CLOEXEC);
	(void)close(came);
	assert_true(graft_holding_take(ends[1], &got, &came, &ended));
	assert_int_equal(got.pid, 42);
	assert_int_equal(came, -1);
	assert_false(graft_holding_take(ends[1], &got, &came, &ended));
	assert_false(ended);
	(void)close(ends[0]);
	assert_false(graft_holding_take(ends[1], &got, &came, &ended));
	assert_true(ended);
	(void)close(ends[1]);
	(void)close(file);
}

static void
what_has_another_length_is_no_message(void **state)
{
	(void)state;
	char bytes[sizeof(struct graft_holding) - 1] = { 0 };
	struct graft_holding got;
	bool ended;
	int ends[2];
	int came;

	make_pair(ends);
	assert_int_equal(send(ends[0], bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_false(graft_holding_take(ends[1], &got, &came, &ended));
	assert_true(ended);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
who_does_not_keep_up_is_not_waited_for(void **state)
{
	(void)state;
	const struct graft_holding done = { .kind = GRAFT_HOLDING_DONE };
	bool sent = true;
	int ends[2];

	make_pair(ends);
	for (int i = 0; sent && i < 1000000; i++)
		sent = graft_holding_send(ends[0], &done, -1);
	assert_false(sent);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_with_its_file),
		cmocka_unit_test(what_has_another_length_is_no_message),
		cmocka_unit_test(who_does_not_keep_up_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
