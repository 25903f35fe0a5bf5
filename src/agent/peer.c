// SPDX-License-Identifier: Apache-2.0

#include "agent/peer.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	/** For the request and for the answer, each. */
	LIMIT_US = 5 * 1000 * 1000,
	GROUPS_MAX = 65536,
};

/** Is who connected a member of a group? */
static bool
is_member(int fd, const struct ucred *who, gid_t group)
{
	socklen_t len = 0;

	if (group == (gid_t)-1)
		return false;
	if (who->gid == group)
		return true;
	// First how many there are; unix(7), SO_PEERGROUPS.
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE || len > GROUPS_MAX * sizeof(gid_t))
		return false;
	gid_t *groups = malloc(len);
	bool found = false;
	if (groups &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		for (size_t i = 0; i < len / sizeof(*groups); i++)
			found |= groups[i] == group;
	}
	free(groups);
	return found;
}

bool
graft_peer_begin(struct graft_peer *peer, int fd, gid_t group)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) {
		(void)close(fd);
		return false;
	}
	*peer = (struct graft_peer){
		.stage = GRAFT_PEER_ASKS,
		.fd = fd,
		.uid = who.uid,
		.reads = who.uid == 0 || is_member(fd, &who, group),
		.end_us = graft_clock_monotonic_us() + LIMIT_US,
	};
	return true;
}

void
graft_peer_deinit(struct graft_peer *peer)
{
	if (peer->stage != GRAFT_PEER_NONE)
		(void)close(peer->fd);
	graft_text_deinit(&peer->answer);
	*peer = (struct graft_peer){ 0 };
}

void
graft_peer_answer(struct graft_peer *peer, struct graft_error *err)
{
	if (err) {
		graft_text_deinit(&peer->answer);
		struct graft_error *failed =
			graft_request_print_error(err, &peer->answer);
		peer->answer.failed |= failed != NULL;
		graft_error_free(failed);
		graft_error_free(err);
	}
	if (peer->answer.failed ||
	    peer->answer.len > GRAFT_REQUEST_ANSWER_MAX) {
		graft_peer_deinit(peer);
		return;
	}
	peer->stage = GRAFT_PEER_HEARS;
	peer->end_us = graft_clock_monotonic_us() + LIMIT_US;
	graft_peer_write(peer);
}

void
graft_peer_read(struct graft_peer *peer)
{
	ssize_t got = recv(peer->fd, peer->line + peer->len,
			   sizeof(peer->line) - peer->len, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		graft_peer_deinit(peer);
		return;
	}
	peer->len += (size_t)got;
	const char *end = memchr(peer->line, '\n', peer->len);
	if (!end && peer->len < sizeof(peer->line))
		return;
	struct graft_error *err =
		end ? graft_request_parse(peer->line, peer->len, &peer->request)
		    : graft_error_new(GRAFT_ERROR_LIMIT,
				      "the request is longer than %d bytes",
				      GRAFT_REQUEST_MAX);
	if (!err)
		err = graft_peer_check(peer);
	if (err)
		graft_peer_answer(peer, err);
	else
		peer->stage = GRAFT_PEER_ASKED;
}

void
graft_peer_write(struct graft_peer *peer)
{
	while (peer->written < peer->answer.len) {
		ssize_t sent = send(peer->fd, peer->answer.str + peer->written,
				    peer->answer.len - peer->written,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0)
			break;
		peer->written += (size_t)sent;
	}
	graft_peer_deinit(peer);
}

struct graft_error *
graft_peer_check(const struct graft_peer *peer)
{
	const char *verb = graft_request_name(peer->request.verb);

	if (peer->uid == 0)
		return NULL;
	if (graft_request_changes(peer->request.verb))
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "only root may ask for '%s'", verb);
	if (!peer->reads)
		return graft_error_new(
			GRAFT_ERROR_NOT_PERMITTED,
			"only root and members of the socket's group may ask for '%s'",
			verb);
	return NULL;
}
