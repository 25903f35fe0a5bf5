// SPDX-License-Identifier: Apache-2.0

#include "agent/message.h"

#include "base/cursor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	VERSION = 2,
	HEADER_LEN = 16,
	LENGTH_OFF = 12,
	PRIORITY_MAX = 7,
};

static const char magic[4] = { 'G', 'r', 'f', 'D' };

/** Where the next byte goes. */
struct writer {
	uint8_t *at;
	uint8_t *end;
};

static void
put_bytes(struct writer *w, const void *bytes, size_t len)
{
	// All that is encoded is bounded, and fits.
	assert(len <= (size_t)(w->end - w->at));
	memcpy(w->at, bytes, len);
	w->at += len;
}

static void
put_le(struct writer *w, uint64_t value, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	put_bytes(w, bytes, len);
}

static void
put_text(struct writer *w, const char *text, size_t max)
{
	size_t len = strnlen(text, max);

	put_le(w, len, 2);
	put_bytes(w, text, len);
}

static void
put_state(struct writer *w, const struct graft_agent_state *state)
{
#define GRAFT_AGENT_NUMBER(name, metric, type, text) put_le(w, state->name, 8);
#include "agent/state.def"
#undef GRAFT_AGENT_NUMBER
	put_le(w, state->held_count, 2);
	for (size_t i = 0; i < state->held_count; i++) {
		const struct graft_quarantine_entry *held = &state->held[i];
		put_text(w, held->id, sizeof(held->id) - 1);
		put_le(w, held->of_user, 1);
		put_le(w, held->uid, 4);
		put_le(w, held->time_us, 8);
		put_le(w, (uint64_t)held->pid, 4);
		put_le(w, (uint64_t)held->signal, 1);
		put_text(w, held->comm, sizeof(held->comm) - 1);
	}
}

size_t
graft_message_encode(const struct graft_message *message, uint8_t *bytes)
{
	struct writer w = { .at = bytes, .end = bytes + GRAFT_MESSAGE_MAX };

	put_bytes(&w, magic, sizeof(magic));
	put_le(&w, VERSION, 2);
	put_le(&w, message->kind, 2);
	put_le(&w, message->number, 4);
	put_le(&w, 0, 4);
	switch (message->kind) {
	case GRAFT_MESSAGE_RELEASE:
		put_text(&w, message->id, sizeof(message->id) - 1);
		break;
	case GRAFT_MESSAGE_REPLY:
		put_le(&w, message->done, 1);
		put_text(&w, message->text, GRAFT_MESSAGE_TEXT_MAX);
		break;
	case GRAFT_MESSAGE_STATE:
		put_state(&w, &message->state);
		break;
	case GRAFT_MESSAGE_LOG:
		put_le(&w, message->priority, 1);
		put_le(&w, message->pid, 4);
		put_text(&w, message->id, sizeof(message->id) - 1);
		put_text(&w, message->text, GRAFT_MESSAGE_TEXT_MAX);
		break;
	default:
		break;
	}
	size_t len = (size_t)(w.at - bytes);
	w.at = bytes + LENGTH_OFF;
	put_le(&w, len - HEADER_LEN, 4);
	return len;
}

/** Take a text of at most @p max bytes. @param[out] ret Has room for a NUL more. */
static void
take_text(struct graft_cursor *c, size_t max, char *ret)
{
	size_t len = graft_cursor_le(c, 2);
	const uint8_t *bytes = len <= max ? graft_cursor_take(c, len) : NULL;

	if (!bytes || memchr(bytes, 0, len)) {
		c->bad = true;
		return;
	}
	memcpy(ret, bytes, len);
	ret[len] = '\0';
}

/** Take the id of a hotpatch. */
static void
take_id(struct graft_cursor *c, bool optional,
	char ret[GRAFT_QUARANTINE_ID_LEN + 1])
{
	take_text(c, GRAFT_QUARANTINE_ID_LEN, ret);
	size_t len = strlen(ret);
	if (strspn(ret, "0123456789abcdef") != len ||
	    (len != GRAFT_QUARANTINE_ID_LEN && !(optional && !len)))
		c->bad = true;
}

static void
take_state(struct graft_cursor *c, struct graft_agent_state *state)
{
#define GRAFT_AGENT_NUMBER(name, metric, type, text)                           \
	state->name = graft_cursor_le(c, 8);
#include "agent/state.def"
#undef GRAFT_AGENT_NUMBER
	state->held_count = graft_cursor_le(c, 2);
	if (state->held_count > GRAFT_AGENT_HELD_MAX) {
		c->bad = true;
		return;
	}
	for (size_t i = 0; i < state->held_count; i++) {
		struct graft_quarantine_entry *held = &state->held[i];
		take_id(c, false, held->id);
		uint64_t of_user = graft_cursor_le(c, 1);
		c->bad |= of_user > 1;
		held->of_user = of_user == 1;
		held->uid = (uid_t)graft_cursor_le(c, 4);
		c->bad |= held->of_user != (held->uid != 0);
		held->time_us = graft_cursor_le(c, 8);
		uint64_t pid = graft_cursor_le(c, 4);
		c->bad |= pid > INT32_MAX;
		held->pid = (pid_t)pid;
		held->signal = (int)graft_cursor_le(c, 1);
		take_text(c, sizeof(held->comm) - 1, held->comm);
	}
}

static void
take_log(struct graft_cursor *c, struct graft_message *message)
{
	message->priority = (uint8_t)graft_cursor_le(c, 1);
	message->pid = (uint32_t)graft_cursor_le(c, 4);
	take_id(c, true, message->id);
	take_text(c, GRAFT_MESSAGE_TEXT_MAX, message->text);
	c->bad |= message->priority > PRIORITY_MAX;
}

static void
take_reply(struct graft_cursor *c, struct graft_message *message)
{
	uint64_t done = graft_cursor_le(c, 1);

	c->bad |= done > 1;
	message->done = done == 1;
	take_text(c, GRAFT_MESSAGE_TEXT_MAX, message->text);
}

struct graft_error *
graft_message_decode(const uint8_t *bytes, size_t len,
		     struct graft_message *ret)
{
	struct graft_cursor c = graft_cursor_make(bytes, len);
	const uint8_t *begin = graft_cursor_take(&c, sizeof(magic));

	if (len > GRAFT_MESSAGE_MAX || !begin ||
	    memcmp(begin, magic, sizeof(magic)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "this is no message of graftd");
	if (graft_cursor_le(&c, 2) != VERSION)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a message of another graftd");
	*ret = (struct graft_message){ 0 };
	ret->kind = (enum graft_message_kind)graft_cursor_le(&c, 2);
	ret->number = (uint32_t)graft_cursor_le(&c, 4);
	uint64_t left = graft_cursor_le(&c, 4);
	c.bad |= left != graft_cursor_left(&c);
	switch (ret->kind) {
	case GRAFT_MESSAGE_PING:
	case GRAFT_MESSAGE_SYNC:
	case GRAFT_MESSAGE_PAUSE:
	case GRAFT_MESSAGE_RESUME:
		break;
	case GRAFT_MESSAGE_RELEASE:
		take_id(&c, false, ret->id);
		break;
	case GRAFT_MESSAGE_REPLY:
		take_reply(&c, ret);
		break;
	case GRAFT_MESSAGE_STATE:
		take_state(&c, &ret->state);
		break;
	case GRAFT_MESSAGE_LOG:
		take_log(&c, ret);
		break;
	default:
		c.bad = true;
		break;
	}
	if (c.bad || graft_cursor_left(&c))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a malformed message of kind %d",
				       (int)ret->kind);
	return NULL;
}

struct graft_error *
graft_message_send(int fd, const struct graft_message *message, bool *sent_ret)
{
	uint8_t bytes[GRAFT_MESSAGE_MAX];
	size_t len = graft_message_encode(message, bytes);
	ssize_t sent;

	do
		sent = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	*sent_ret = sent >= 0;
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS)
		return graft_error_os(errno == ECONNRESET ? EPIPE : errno,
				      "send a message");
	return NULL;
}

struct graft_error *
graft_message_receive(int fd, struct graft_message *ret, bool *got_ret)
{
	uint8_t bytes[GRAFT_MESSAGE_MAX + 1];
	ssize_t got;

	*got_ret = false;
	do
		got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return NULL;
	// It ended with something unread in its hands.
	if (got < 0 && errno != ECONNRESET)
		return graft_error_os(errno, "receive a message");
	if (got <= 0)
		return graft_error_os(EPIPE, "receive a message");
	*got_ret = true;
	return graft_message_decode(bytes, (size_t)got, ret);
}
