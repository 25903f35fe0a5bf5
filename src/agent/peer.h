// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * One who asks over the socket of graftd: who it is, what it may, its request, its answer.
 * Each is bounded in bytes and in time.
 */

#ifndef GRAFT_AGENT_PEER_H
#define GRAFT_AGENT_PEER_H

#include "agent/request.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Where it is. */
enum graft_peer_stage {
	/** No such peer. */
	GRAFT_PEER_NONE,
	/** Its request is being read. */
	GRAFT_PEER_ASKS,
	/** The request is whole; nobody has seen to it. */
	GRAFT_PEER_ASKED,
	/** The worker is asked. */
	GRAFT_PEER_WAITS,
	/** The answer is being written. */
	GRAFT_PEER_HEARS,
};

/** One peer. Zeroed: none. */
struct graft_peer {
	enum graft_peer_stage stage;
	int fd;
	uid_t uid;
	/** It is in the group that may read. */
	bool reads;
	/** On graft_clock_monotonic_us(); then it is dropped. */
	uint64_t end_us;
	char line[GRAFT_REQUEST_MAX];
	size_t len;
	struct graft_request request;
	/** Of the message that the worker got for it. */
	uint32_t number;
	struct graft_text answer;
	size_t written;
};

/**
 * Begin with one who connected.
 *
 * @param[in] fd Taken.
 * @param[in] group Whose members may read; (gid_t)-1: nobody's.
 * @return false: who it is cannot be said; it is closed.
 */
bool
graft_peer_begin(struct graft_peer *peer, int fd, gid_t group);

/** End with it. Also a guard. */
void
graft_peer_deinit(struct graft_peer *peer);

/** Read what it says. Afterwards its stage may be another. */
void
graft_peer_read(struct graft_peer *peer);

/** Write what it is to hear; when all is written it is ended. */
void
graft_peer_write(struct graft_peer *peer);

/** Answer it: its text is written next. @param[in] err Taken: why not, or NULL. */
void
graft_peer_answer(struct graft_peer *peer, struct graft_error *err);

/** Say whether it may have what it asks for. @return NULL; #GRAFT_ERROR_NOT_PERMITTED. */
GRAFT_MUST_CHECK struct graft_error *
graft_peer_check(const struct graft_peer *peer);

#endif /* GRAFT_AGENT_PEER_H */
