// SPDX-License-Identifier: Apache-2.0

#include "agent/front.h"

#include "agent/journal.h"
#include "agent/message.h"
#include "agent/peer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
	PEERS = 16,
	/** Of one user that is not root: the others are for others. */
	PEERS_OF_USER = 4,
	/** For root alone: many users together do not keep him out. */
	PEERS_OF_ROOT = 4,
	/** Nothing else is due for so long. */
	IDLE_MS = 60 * 1000,
	QUEUE = 16,
};

/** The front. */
struct front {
	const struct graft_front_options *options;
	struct graft_peer peers[PEERS];
	struct graft_agent_state state;
	bool ready;
	/** The last number that was given to a message, and that of the last ping. */
	uint32_t number;
	uint32_t ping;
	uint64_t ping_us;
};

struct graft_error *
graft_front_listen(const char *path, gid_t group, int *fd_ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	GRAFT_FREE char *folder = strdup(path);
	struct stat st;
	GRAFT_CLOSE int fd = -1;

	if (!folder)
		return graft_error_no_memory();
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	char *slash = strrchr(folder, '/');
	*slash = '\0';
	if (*folder) {
		struct graft_error *err = graft_dir_make(folder, 0755);
		if (err)
			return err;
	}
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s: there is something that is no socket", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return graft_error_os(errno, "remove %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return graft_error_os(errno, "socket");
	// Nobody may connect before its group is right.
	mode_t before = umask(0177);
	int bound = bind(fd, (struct sockaddr *)&address, sizeof(address));
	int number = errno;
	(void)umask(before);
	if (bound < 0)
		return graft_error_os(number, "bind %s", path);
	if (group != (gid_t)-1 &&
	    (lchown(path, 0, group) < 0 || chmod(path, 0660) < 0))
		return graft_error_os(errno, "set the group of %s", path);
	if (listen(fd, QUEUE) < 0)
		return graft_error_os(errno, "listen on %s", path);
	*fd_ret = fd;
	fd = -1;
	return NULL;
}

/** Find room for one more of a user, or NULL. */
static struct graft_peer *
find_room(struct front *front, uid_t uid)
{
	struct graft_peer *room = NULL;
	size_t same = 0;
	size_t others = 0;

	for (int i = 0; i < PEERS; i++) {
		struct graft_peer *peer = &front->peers[i];
		if (peer->stage == GRAFT_PEER_NONE) {
			room = peer;
			continue;
		}
		same += peer->uid == uid;
		others += peer->uid != 0;
	}
	if (uid != 0 &&
	    (same >= PEERS_OF_USER || others >= PEERS - PEERS_OF_ROOT))
		return NULL;
	return room;
}

/** Take those who connect. */
static void
take_connections(struct front *front)
{
	for (;;) {
		int fd = accept4(front->options->listen_fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno == EINTR)
			continue;
		if (fd < 0)
			return;
		struct graft_peer peer;
		if (!graft_peer_begin(&peer, fd, front->options->group))
			continue;
		struct graft_peer *room = find_room(front, peer.uid);
		if (room)
			*room = peer;
		else
			graft_peer_answer(
				&peer, graft_error_new(GRAFT_ERROR_LIMIT,
						       "too many ask at once"));
		// What could not be written at once of that is not kept.
		if (!room)
			graft_peer_deinit(&peer);
	}
}

/** Send the worker a message, and remember its number. */
GRAFT_MUST_CHECK static struct graft_error *
ask_worker(struct front *front, struct graft_message *message, bool *sent_ret)
{
	message->number = ++front->number;
	return graft_message_send(front->options->worker_fd, message, sent_ret);
}

/** Have the worker do what a peer asks for. */
GRAFT_MUST_CHECK static struct graft_error *
pass_on(struct front *front, struct graft_peer *peer)
{
	static const enum graft_message_kind kinds[GRAFT_REQUEST_COUNT] = {
		[GRAFT_REQUEST_SYNC] = GRAFT_MESSAGE_SYNC,
		[GRAFT_REQUEST_PAUSE] = GRAFT_MESSAGE_PAUSE,
		[GRAFT_REQUEST_RESUME] = GRAFT_MESSAGE_RESUME,
		[GRAFT_REQUEST_RELEASE] = GRAFT_MESSAGE_RELEASE,
	};
	GRAFT_FREE struct graft_message *message = calloc(1, sizeof(*message));
	bool sent;

	if (!message)
		return graft_error_no_memory();
	message->kind = kinds[peer->request.verb];
	memcpy(message->id, peer->request.id, sizeof(message->id));
	struct graft_error *err = ask_worker(front, message, &sent);
	if (err)
		return err;
	peer->number = message->number;
	peer->stage = GRAFT_PEER_WAITS;
	if (!sent)
		graft_peer_answer(peer, graft_error_new(GRAFT_ERROR_LIMIT,
							"the worker is busy"));
	return NULL;
}

/** Answer with the state. */
static void
answer_state(const struct front *front, struct graft_peer *peer)
{
	struct graft_error *err = NULL;

	if (!front->ready) {
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "graftd is just starting");
	} else if (peer->request.verb == GRAFT_REQUEST_METRICS) {
		graft_agent_state_put_metrics(&front->state, &peer->answer);
	} else {
		cJSON *root = graft_agent_state_to_json(&front->state);
		err = graft_report_take_json(root, root != NULL, &peer->answer);
	}
	graft_peer_answer(peer, err);
}

/** See to a peer. */
GRAFT_MUST_CHECK static struct graft_error *
serve(struct front *front, struct graft_peer *peer, short events)
{
	if (peer->stage == GRAFT_PEER_ASKS && events)
		graft_peer_read(peer);
	else if (peer->stage == GRAFT_PEER_HEARS && events)
		graft_peer_write(peer);
	else if (peer->stage == GRAFT_PEER_WAITS &&
		 events & (POLLHUP | POLLERR))
		graft_peer_deinit(peer);
	if (peer->stage == GRAFT_PEER_ASKED) {
		if (graft_request_changes(peer->request.verb))
			return pass_on(front, peer);
		answer_state(front, peer);
	}
	if (peer->stage != GRAFT_PEER_NONE &&
	    graft_clock_monotonic_us() >= peer->end_us)
		graft_peer_deinit(peer);
	return NULL;
}

/** Take what the worker answered to a request. */
static void
take_reply(struct front *front, const struct graft_message *reply)
{
	if (front->ping && reply->number == front->ping) {
		front->ping = 0;
		(void)sd_notify(0, "WATCHDOG=1");
		return;
	}
	for (int i = 0; i < PEERS; i++) {
		struct graft_peer *peer = &front->peers[i];
		if (peer->stage != GRAFT_PEER_WAITS ||
		    peer->number != reply->number)
			continue;
		if (reply->done)
			graft_text_put(&peer->answer, "{\"done\":true}\n");
		graft_peer_answer(
			peer, reply->done ? NULL
					  : graft_error_new(GRAFT_ERROR_REFUSED,
							    "%s", reply->text));
		return;
	}
}

/** Take what the worker says. */
GRAFT_MUST_CHECK static struct graft_error *
take_worker(struct front *front)
{
	GRAFT_FREE struct graft_message *message = calloc(1, sizeof(*message));
	struct graft_error *err = message ? NULL : graft_error_no_memory();
	bool got = true;

	while (!err && got) {
		err = graft_message_receive(front->options->worker_fd, message,
					    &got);
		if (err || !got)
			break;
		switch (message->kind) {
		case GRAFT_MESSAGE_LOG:
			graft_journal_put(front->options->journal, message);
			break;
		case GRAFT_MESSAGE_REPLY:
			take_reply(front, message);
			break;
		case GRAFT_MESSAGE_STATE:
			front->state = message->state;
			if (!front->ready)
				(void)sd_notify(0, "READY=1");
			front->ready = true;
			break;
		default:
			err = graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"the worker sent what only the front sends");
			break;
		}
	}
	return err;
}

/** Ask the worker for a sign of life: while it gives none, nobody else gets one. */
GRAFT_MUST_CHECK static struct graft_error *
ping(struct front *front)
{
	uint64_t now_us = graft_clock_monotonic_us();
	struct graft_message message = { .kind = GRAFT_MESSAGE_PING };
	bool sent;

	if (!front->options->watchdog_us || now_us < front->ping_us)
		return NULL;
	front->ping_us = now_us + front->options->watchdog_us / 3;
	struct graft_error *err = ask_worker(front, &message, &sent);
	if (!err && sent)
		front->ping = message.number;
	return err;
}

/** Compute how long nothing is due. */
static int
time_left(const struct front *front)
{
	uint64_t now_us = graft_clock_monotonic_us();
	uint64_t due_us = now_us + (uint64_t)IDLE_MS * 1000;

	if (front->options->watchdog_us && front->ping_us < due_us)
		due_us = front->ping_us;
	for (int i = 0; i < PEERS; i++) {
		if (front->peers[i].stage != GRAFT_PEER_NONE &&
		    front->peers[i].end_us < due_us)
			due_us = front->peers[i].end_us;
	}
	return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

struct graft_error *
graft_front_run(const struct graft_front_options *options)
{
	GRAFT_FREE struct front *front = calloc(1, sizeof(*front));
	struct pollfd fds[2 + PEERS];
	struct graft_error *err = front ? NULL : graft_error_no_memory();

	// It ends with the worker, which is told to end.
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (front)
		front->options = options;
	while (!err) {
		fds[0] = (struct pollfd){ options->worker_fd, POLLIN, 0 };
		fds[1] = (struct pollfd){ options->listen_fd, POLLIN, 0 };
		for (int i = 0; i < PEERS; i++) {
			const struct graft_peer *peer = &front->peers[i];
			bool none = peer->stage == GRAFT_PEER_NONE;
			fds[2 + i] = (struct pollfd){
				.fd = none ? -1 : peer->fd,
				.events = peer->stage == GRAFT_PEER_ASKS
						  ? POLLIN
					  : peer->stage == GRAFT_PEER_HEARS
						  ? POLLOUT
						  : 0,
			};
		}
		(void)poll(fds, sizeof(fds) / sizeof(*fds), time_left(front));
		err = take_worker(front);
		for (int i = 0; !err && i < PEERS; i++)
			err = serve(front, &front->peers[i],
				    fds[2 + i].fd >= 0 ? fds[2 + i].revents
						       : 0);
		take_connections(front);
		if (!err)
			err = ping(front);
	}
	for (int i = 0; front && i < PEERS; i++)
		graft_peer_deinit(&front->peers[i]);
	return err;
}
