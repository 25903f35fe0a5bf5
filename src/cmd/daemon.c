// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "agent/config.h"
#include "agent/request.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cmd/usage.h"
#include "release/level.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"usage: graft daemon status|metrics|sync|pause|resume [--socket PATH] [--json]\n"
	"       graft daemon release ID [--socket PATH] [--json]\n"
	"\n"
	"Talk to graftd, the daemon of this host.\n"
	"\n"
	"  status      what it sees, and which hotpatches are in quarantine\n"
	"  metrics     the same numbers, in the text format of Prometheus\n"
	"  sync        look at all processes now, and try again what was refused\n"
	"  pause       hotpatch nobody until resume\n"
	"  resume      go on\n"
	"  release ID  let a hotpatch be applied again\n"
	"\n"
	"      --socket PATH  instead of the one that " GRAFT_CONFIG_PATH
	" names\n"
	"      --json         print JSON\n";

enum {
	/** graftd answers at once, or not at all. */
	ANSWER_US = 10 * 1000 * 1000,
	CHUNK = 4096,
};

/** What a command line says. */
struct arguments {
	const char *socket;
	bool json;
	struct graft_request request;
};

static void
free_json(cJSON **object)
{
	cJSON_Delete(*object);
}

/** Connect. */
GRAFT_MUST_CHECK static struct graft_error *
connect_to(const char *path, int *fd_ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	GRAFT_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return graft_error_os(errno, "socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: too long for a socket", path);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		*fd_ret = fd;
		fd = -1;
		return NULL;
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: graftd does not run here", path);
	if (errno == EACCES || errno == EPERM)
		return graft_error_new(
			GRAFT_ERROR_NOT_PERMITTED,
			"%s: only root and members of the socket's group may talk to graftd",
			path);
	return graft_error_os(errno, "connect to %s", path);
}

/** Say what is asked for, and take the answer. */
GRAFT_MUST_CHECK static struct graft_error *
ask(int fd, const struct graft_request *request, struct graft_text *answer)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text line = { 0 };
	uint64_t end_us = graft_clock_monotonic_us() + ANSWER_US;
	char chunk[CHUNK];
	struct graft_error *err = graft_request_print(request, &line);

	if (err)
		return err;
	if (send(fd, line.str, line.len, MSG_NOSIGNAL) != (ssize_t)line.len)
		return graft_error_os(errno, "ask graftd");
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		uint64_t now_us = graft_clock_monotonic_us();
		int ready = poll(
			&poll_fd, 1,
			now_us < end_us ? (int)((end_us - now_us) / 1000) : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "graftd does not answer");
		ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
		if (got < 0)
			return graft_error_os(errno, "hear graftd");
		if (got == 0)
			break;
		graft_text_put_bytes(answer, chunk, (size_t)got);
		if (answer->len > GRAFT_REQUEST_ANSWER_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "graftd says too much");
	}
	if (answer->failed)
		return graft_error_no_memory();
	return answer->len ? NULL
			   : graft_error_new(GRAFT_ERROR_BAD_INPUT,
					     "graftd says nothing");
}

/** Make the error that graftd answered with. */
GRAFT_MUST_CHECK static struct graft_error *
take_error(const cJSON *error)
{
	const char *code = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(error, "code"));
	const char *message = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(error, "message"));

	for (int i = 0; code && message && i < GRAFT_ERROR_COUNT; i++) {
		if (strcmp(graft_error_wire((enum graft_error_code)i), code) ==
		    0)
			return graft_error_new((enum graft_error_code)i, "%s",
					       message);
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "graftd answers with an error that is none");
}

static double
number_of(const cJSON *root, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/** Print a quarantined hotpatch. */
static void
print_held(const cJSON *held, struct graft_text *text)
{
	const char *id = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(held, "id"));
	const char *comm = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(held, "comm"));
	time_t since = (time_t)number_of(held, "since");
	struct tm parts;
	char when[32] = "";

	if (!id || !comm)
		return;
	if (localtime_r(&since, &parts))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts);
	graft_text_put(text, "  ");
	graft_text_put_safe(text, id);
	graft_text_printf(text, "  %s  process %.0f (", when,
			  number_of(held, "pid"));
	graft_text_put_safe(text, comm);
	graft_text_printf(text, ") died of signal %.0f",
			  number_of(held, "signal"));
	if (number_of(held, "user") > 0)
		graft_text_printf(text, ": for user %.0f alone",
				  number_of(held, "user"));
	graft_text_put(text, "\n");
}

/** Append a level that is told as a number. */
static void
put_level(struct graft_text *text, double level)
{
	graft_text_put(text, graft_level_write((graft_level)level).str);
}

/** Append how long ago a time was, or how long it is until then. */
static void
put_age(struct graft_text *text, double at, double now, const char *ago)
{
	if (at > now)
		graft_text_printf(text, "in %.0f s", at - now);
	else
		graft_text_printf(text, "%.0f s%s", now - at, ago);
}

/** Print what is known of updates, if anything is. */
static void
print_updates(const cJSON *root, struct graft_text *text)
{
	const double now = (double)time(NULL);
	const double look = number_of(root, "update_look_s");
	const double good = number_of(root, "update_good_s");
	const double next = number_of(root, "update_next_s");
	const double failures = number_of(root, "update_failures");

	if (!look && !next)
		return;
	graft_text_put(text, "releases: has ");
	put_level(text, number_of(root, "update_level"));
	graft_text_put(text, ", should have ");
	put_level(text, number_of(root, "update_target"));
	graft_text_put(text, look ? "; last look " : "; it never looked");
	if (look)
		put_age(text, look, now, " ago");
	if (failures > 0) {
		graft_text_printf(text, ", %.0f failed in a row, ", failures);
		graft_text_put(text,
			       good ? "the last good one " : "none was good");
		if (good)
			put_age(text, good, now, " ago");
	}
	if (next)
		graft_text_put(text, "; next look ");
	if (next > now)
		put_age(text, next, now, "");
	else if (next)
		graft_text_put(text, "now");
	graft_text_put(text, number_of(root, "update_restart") > 0
				     ? "; a restart waits (graft restart "
				       "status)\n"
				     : "\n");
}

/** Print the state for people. */
static void
print_status(const cJSON *root, struct graft_text *text)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root,
							     "quarantine");
	double age_s = (double)time(NULL) - number_of(root, "look_s");

	graft_text_printf(
		text,
		"%s%.0f processes in scope: %.0f hotpatched, %.0f need a restart, %.0f refused\n"
		"%.0f hotpatches kept, %.0f reverted by hand, %.0f in quarantine, %.0f for single users; %.0f processes watched\n"
		"last look at all %.0f s ago, took %.1f ms; %s\n",
		number_of(root, "paused") > 0 ? "PAUSED\n" : "",
		number_of(root, "processes"), number_of(root, "hotpatched"),
		number_of(root, "restart"), number_of(root, "refused"),
		number_of(root, "kept"), number_of(root, "withheld"),
		number_of(root, "quarantined"), number_of(root, "held_users"),
		number_of(root, "watched"), age_s > 0 ? age_s : 0,
		number_of(root, "look_us") / 1000,
		number_of(root, "connector") > 0
			? "the kernel tells of new processes"
			: "the kernel does not tell of new processes");
	print_updates(root, text);
	if (cJSON_GetArraySize(list))
		graft_text_put(text, "in quarantine:\n");
	for (const cJSON *at = list ? list->child : NULL; at; at = at->next)
		print_held(at, text);
}

/** Print an answer. */
GRAFT_MUST_CHECK static struct graft_error *
print(const struct arguments *a, const struct graft_text *answer)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	// Metrics are text; an error of theirs is not.
	bool plain = answer->str[0] != '{' &&
		     a->request.verb == GRAFT_REQUEST_METRICS;
	GRAFT_CLEANUP(free_json)
	cJSON *root = plain ? NULL
			    : cJSON_ParseWithLength(answer->str, answer->len);
	if (!plain && !cJSON_IsObject(root))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "the answer of graftd is no JSON");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	if (error)
		return take_error(error);
	if (plain || a->json)
		graft_text_put_bytes(&text, answer->str, answer->len);
	else if (a->request.verb == GRAFT_REQUEST_STATUS)
		print_status(root, &text);
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	return NULL;
}

/** Read the command line. @return false: what is wrong was said. */
static bool
read_arguments(int argc, char **argv, struct arguments *a, int *status_ret)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int at;

	optind = 0;
	while ((at = getopt_long(argc, argv, ":h", options, NULL)) >= 0) {
		if (at == 's') {
			a->socket = optarg;
		} else if (at == 'j') {
			a->json = true;
		} else {
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	*status_ret = 2;
	if (optind >= argc ||
	    !graft_request_find(argv[optind], &a->request.verb)) {
		(void)graft_usage_wrong(
			argv,
			"which of status, metrics, sync, pause, resume, release?");
		return false;
	}
	const char *id = argv[optind + 1];
	bool needs = a->request.verb == GRAFT_REQUEST_RELEASE;
	if (needs && (!id || strlen(id) != GRAFT_QUARANTINE_ID_LEN)) {
		(void)graft_usage_wrong(argv,
					"release needs the id of a hotpatch");
		return false;
	}
	if (argc > optind + 1 + needs) {
		(void)graft_usage_wrong(argv, "'%s' is one argument too many",
					argv[optind + 1 + needs]);
		return false;
	}
	if (needs)
		memcpy(a->request.id, id, GRAFT_QUARANTINE_ID_LEN);
	return true;
}

struct graft_error *
graft_verb_daemon(int argc, char **argv, int *status_ret)
{
	struct arguments a = { 0 };
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text answer = { 0 };
	GRAFT_CLOSE int fd = -1;
	struct graft_error *err = NULL;

	if (!read_arguments(argc, argv, &a, status_ret))
		return NULL;
	if (!a.socket)
		err = graft_config_read(GRAFT_CONFIG_PATH, true, &config);
	if (!err)
		err = connect_to(a.socket ? a.socket : config->socket, &fd);
	if (!err)
		err = ask(fd, &a.request, &answer);
	if (!err)
		err = print(&a, &answer);
	*status_ret = 0;
	return err;
}
