// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the two processes of graftd say to each other: the front, which talks to the
 * world and may nothing, and the worker, which may much and talks to nobody else.
 *
 * A message is one packet of a socket pair:
 *
 *     0   4  magic "GrfD"
 *     4   2  version, 2
 *     6   2  kind
 *     8   4  number of the request; of an answer the same
 *    12   4  bytes that follow
 *    16      what the kind says
 *
 * Numbers are little-endian. A text is its length in two bytes, and as many bytes,
 * none of them NUL. Decoding is strict: what decodes, encodes to the same bytes. The
 * worker trusts the front with nothing but this: a front that was taken over can ask for what
 * root may ask for over the socket, no more.
 */

#ifndef GRAFT_AGENT_MESSAGE_H
#define GRAFT_AGENT_MESSAGE_H

#include "agent/state.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of a whole message. */
	GRAFT_MESSAGE_MAX = 8 * 1024,
	/** Bytes of a text, without NUL; longer ones are cut when encoded. */
	GRAFT_MESSAGE_TEXT_MAX = 2048,
};

/** What a message says. Sent as these numbers. */
enum graft_message_kind {
	/** From the front: is the worker awake? Answered by #GRAFT_MESSAGE_REPLY. */
	GRAFT_MESSAGE_PING = 1,
	/** Look at all processes now. */
	GRAFT_MESSAGE_SYNC = 2,
	/** Hotpatch nobody until further notice; go on again. */
	GRAFT_MESSAGE_PAUSE = 3,
	GRAFT_MESSAGE_RESUME = 4,
	/** Let a hotpatch be applied again: its id. */
	GRAFT_MESSAGE_RELEASE = 5,
	/** From the worker: whether it was done, and a sentence. */
	GRAFT_MESSAGE_REPLY = 16,
	/** The state, when it has changed. */
	GRAFT_MESSAGE_STATE = 17,
	/** A line for the journal. */
	GRAFT_MESSAGE_LOG = 18,
};

/** A message. What its kind does not have is zero. */
struct graft_message {
	enum graft_message_kind kind;
	uint32_t number;
	/** Of RELEASE and LOG: id of a hotpatch, or "". */
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** Of REPLY. */
	bool done;
	/** Of LOG: as syslog(3) has it, from 0 to 7. */
	uint8_t priority;
	/** Of LOG: which process, or 0. */
	uint32_t pid;
	/** Of REPLY and LOG. */
	char text[GRAFT_MESSAGE_TEXT_MAX + 1];
	/** Of STATE. */
	struct graft_agent_state state;
};

/**
 * Encode a message.
 *
 * @param[in] message Of a kind that there is.
 * @param[out] bytes Room for #GRAFT_MESSAGE_MAX.
 * @return How many were written.
 */
size_t
graft_message_encode(const struct graft_message *message, uint8_t *bytes);

/**
 * Decode a message.
 *
 * @param[in] bytes Untrusted, @p len of them.
 * @param[out] ret Filled; it owns nothing.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_message_decode(const uint8_t *bytes, size_t len,
		     struct graft_message *ret);

/**
 * Send a message without waiting.
 *
 * @param[in] fd Of a pair of SOCK_SEQPACKET.
 * @param[out] sent_ret It was; false: the other side does not keep up.
 * @return NULL; #GRAFT_ERROR_OS, EPIPE if the other side has ended.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_message_send(int fd, const struct graft_message *message, bool *sent_ret);

/**
 * Receive a message, if there is one.
 *
 * @param[out] ret Filled, if there was one.
 * @param[out] got_ret There was one.
 * @return NULL; #GRAFT_ERROR_OS, EPIPE if the other side has ended; as
 * graft_message_decode().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_message_receive(int fd, struct graft_message *ret, bool *got_ret);

#endif /* GRAFT_AGENT_MESSAGE_H */
