// SPDX-License-Identifier: Apache-2.0

// What the two processes of graftd say to each other.

#include "agent/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

static const enum graft_message_kind kinds[] = {
	GRAFT_MESSAGE_PING,   GRAFT_MESSAGE_SYNC,    GRAFT_MESSAGE_PAUSE,
	GRAFT_MESSAGE_RESUME, GRAFT_MESSAGE_RELEASE, GRAFT_MESSAGE_REPLY,
	GRAFT_MESSAGE_STATE,  GRAFT_MESSAGE_LOG,
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(*kinds) };

/** A message with something in all that its kind has. */
static struct graft_message
make(enum graft_message_kind kind)
{
	struct graft_message m = { .kind = kind, .number = 0xfedcba98 };

	if (kind == GRAFT_MESSAGE_RELEASE || kind == GRAFT_MESSAGE_LOG)
		memcpy(m.id, ID, sizeof(ID));
	if (kind == GRAFT_MESSAGE_REPLY || kind == GRAFT_MESSAGE_LOG)
		strcpy(m.text, "a text");
	if (kind == GRAFT_MESSAGE_REPLY)
		m.done = true;
	if (kind == GRAFT_MESSAGE_LOG) {
		m.priority = 4;
		m.pid = 4711;
	}
	if (kind == GRAFT_MESSAGE_STATE) {
		m.state.looks = UINT64_MAX;
		m.state.reverted = 3;
		m.state.held_count = 1;
		memcpy(m.state.held[0].id, ID, sizeof(ID));
		m.state.held[0].of_user = true;
		m.state.held[0].uid = 1000;
		m.state.held[0].time_us = 7;
		m.state.held[0].pid = 8;
		m.state.held[0].signal = 11;
		strcpy(m.state.held[0].comm, "nginx");
	}
	return m;
}

static void
what_is_encoded_decodes_to_the_same(void **state)
{
	(void)state;
	uint8_t bytes[GRAFT_MESSAGE_MAX];
	uint8_t again[GRAFT_MESSAGE_MAX];

	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct graft_message m = make(kinds[i]);
		static struct graft_message got;
		size_t len = graft_message_encode(&m, bytes);
		assert_null(graft_message_decode(bytes, len, &got));
		assert_int_equal(got.kind, m.kind);
		assert_int_equal(got.number, m.number);
		assert_string_equal(got.id, m.id);
		assert_string_equal(got.text, m.text);
		assert_int_equal(got.state.looks, m.state.looks);
		assert_int_equal(got.state.held[0].of_user,
				 m.state.held[0].of_user);
		assert_int_equal(got.state.held[0].uid, m.state.held[0].uid);
		assert_string_equal(got.state.held[0].comm,
				    m.state.held[0].comm);
		assert_int_equal(graft_message_encode(&got, again), len);
		assert_memory_equal(bytes, again, len);
	}
}

static void
one_that_is_cut_or_longer_is_refused(void **state)
{
	(void)state;
	uint8_t bytes[GRAFT_MESSAGE_MAX + 1];
	static struct graft_message got;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct graft_message m = make(kinds[i]);
		size_t len = graft_message_encode(&m, bytes);
		bytes[len] = 0;
		for (size_t cut = 0; cut <= len + 1; cut++) {
			struct graft_error *err =
				graft_message_decode(bytes, cut, &got);
			assert_int_equal(!err, cut == len);
			graft_error_free(err);
		}
	}
}

static void
every_flipped_bit_is_refused_or_another_message(void **state)
{
	(void)state;
	uint8_t bytes[GRAFT_MESSAGE_MAX];
	uint8_t again[GRAFT_MESSAGE_MAX];

	for (size_t i = 0; i < KIND_COUNT; i++) {
		struct graft_message m = make(kinds[i]);
		size_t len = graft_message_encode(&m, bytes);
		for (size_t bit = 0; bit < 8 * len; bit++) {
			static struct graft_message got;
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			struct graft_error *err =
				graft_message_decode(bytes, len, &got);
			if (!err) {
				assert_int_equal(
					graft_message_encode(&got, again), len);
				assert_memory_equal(bytes, again, len);
			}
			// Magic, version, length.
			bool head = bit / 8 < 6 ||
				    (bit / 8 >= 12 && bit / 8 < 16);
			assert_false(!err && head);
			graft_error_free(err);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void
the_largest_state_fits(void **state)
{
	(void)state;
	uint8_t bytes[GRAFT_MESSAGE_MAX];
	struct graft_message m = make(GRAFT_MESSAGE_STATE);
	static struct graft_message got;

	for (size_t i = 0; i < GRAFT_AGENT_HELD_MAX; i++) {
		m.state.held[i] = m.state.held[0];
		strcpy(m.state.held[i].comm, "fifteen-letters");
	}
	m.state.held_count = GRAFT_AGENT_HELD_MAX;
	size_t len = graft_message_encode(&m, bytes);
	assert_null(graft_message_decode(bytes, len, &got));
	assert_int_equal(got.state.held_count, GRAFT_AGENT_HELD_MAX);
	struct graft_message log = make(GRAFT_MESSAGE_LOG);
	memset(log.text, 'x', sizeof(log.text) - 1);
	len = graft_message_encode(&log, bytes);
	assert_null(graft_message_decode(bytes, len, &got));
	assert_int_equal(strlen(got.text), GRAFT_MESSAGE_TEXT_MAX);
}

static void
packets_of_a_socket_are_messages_or_errors(void **state)
{
	(void)state;
	struct graft_message m = make(GRAFT_MESSAGE_LOG);
	static struct graft_message got;
	static uint8_t huge[GRAFT_MESSAGE_MAX + 100];
	bool flag = true;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_null(graft_message_receive(ends[1], &got, &flag));
	assert_false(flag);
	assert_null(graft_message_send(ends[0], &m, &flag));
	assert_true(flag);
	assert_null(graft_message_receive(ends[1], &got, &flag));
	assert_true(flag);
	assert_string_equal(got.text, m.text);
	// One that does not fit is none, whatever it begins with.
	(void)graft_message_encode(&m, huge);
	assert_true(send(ends[0], huge, sizeof(huge), 0) > 0);
	struct graft_error *err = graft_message_receive(ends[1], &got, &flag);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	// Who does not read is not waited for.
	flag = true;
	for (int i = 0; i < 100000 && flag; i++)
		assert_null(graft_message_send(ends[0], &m, &flag));
	assert_false(flag);
	(void)close(ends[1]);
	err = graft_message_send(ends[0], &m, &flag);
	assert_int_equal(graft_error_errno(err), EPIPE);
	graft_error_free(err);
	(void)close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
		cmocka_unit_test(one_that_is_cut_or_longer_is_refused),
		cmocka_unit_test(
			every_flipped_bit_is_refused_or_another_message),
		cmocka_unit_test(the_largest_state_fits),
		cmocka_unit_test(packets_of_a_socket_are_messages_or_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
