// SPDX-License-Identifier: Apache-2.0

#include "cmd/restart.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/settings.h"
#include "cmd/device.h"
#include "cmd/print.h"
#include "cmd/usage.h"
#include "cmd/verb.h"
#include "release/zone.h"
#include "update/cumulative.h"
#include "update/reboot.h"
#include "update/window.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	US_A_S = 1000 * 1000,
	WAIT_S = 60,
	STATUS_NOTHING = 3,
};

static const char usage[] =
	"usage: graft restart status|go|now|cancel|plan [--config FILE] [--json]\n"
	"\n"
	"See to the restart that a baseline or a cumulative update waits for.\n"
	"\n"
	"  status  say what waits, and when the host will be restarted\n"
	"  go      do what is next: end an update that was cut off, restart if it is time,\n"
	"          and after the restart see whether all is there; graftd does this\n"
	"  now     restart now, after the warning, whatever the window says\n"
	"  cancel  do not restart by itself; one that was asked for is taken back\n"
	"  plan    restart by itself again\n"
	"\n"
	"      --config FILE   instead of " GRAFT_WINDOW_PATH "\n"
	"      --json          print JSON\n"
	"      --state-dir DIR instead of /var/lib/graft\n"
	"\n"
	"Exit status: 0 done, or (status) one waits; 3 nothing was to be done.\n";

void
graft_restart_deinit(struct graft_restart *restart)
{
	graft_update_state_close(restart->state);
	graft_window_free(restart->window);
}

/** Get the time of day that a release is dated: the start of that day. */
static int64_t
time_of(const char *date)
{
	struct tm tm = { .tm_isdst = 0 };

	if (sscanf(date, "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) !=
	    3)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm);
}

/** Compute when it is due. */
static void
find_due(struct graft_restart *restart)
{
	const struct graft_release *const *releases =
		graft_update_state_releases(restart->state);
	int64_t released = 0;

	for (size_t i = 0; i < restart->record->releases.count; i++) {
		const int64_t one = time_of(releases[i]->date);
		released = one > released ? one : released;
	}
	restart->due = graft_window_find(restart->window, released,
					 restart->record->updated,
					 restart->now);
}

/** Read the window; without a file of the usual name there is none. */
GRAFT_MUST_CHECK static struct graft_error *
read_window(const char *path, struct graft_window **ret)
{
	const char *from = path ? path : GRAFT_WINDOW_PATH;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err =
		graft_file_read(from, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && !path && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_window_parse("", 0, from, ret);
	}
	return err ? err
		   : graft_window_parse((const char *)bytes, len, from, ret);
}

struct graft_error *
graft_restart_open(const char *config, struct graft_restart *restart)
{
	struct graft_facts facts;
	struct graft_error *err = read_window(config, &restart->window);

	if (!err)
		err = graft_update_state_open(&restart->state);
	if (!err)
		err = graft_device_look(&facts);
	if (err)
		return err;
	restart->held = facts.held;
	graft_zone_enter(restart->window->zone);
	restart->now = (int64_t)(graft_clock_now_us() / US_A_S);
	restart->record = graft_update_state_record(restart->state);
	if (!restart->record)
		return NULL;
	find_due(restart);
	return graft_cumulative_was_restarted(restart->state,
					      &restart->restarted);
}

/** Ask for the restart: it is written down before. */
GRAFT_MUST_CHECK static struct graft_error *
ask(struct graft_restart *restart)
{
	struct graft_update_record *record = restart->record;
	char message[256];

	(void)snprintf(
		message, sizeof(message),
		"This host is restarted for the update %s (graft restart "
		"cancel takes it back).",
		record->releases.list[record->releases.count - 1]);
	struct graft_error *err = graft_reboot_check(restart->window);
	if (err)
		return err;
	record->step = GRAFT_UPDATE_RESTARTING;
	record->asked = restart->now;
	err = graft_update_state_put(restart->state);
	if (!err)
		err = graft_fault("restart-asked");
	if (!err)
		err = graft_reboot_ask(restart->window, message,
				       graft_update_state_log(restart->state));
	restart->done = "restarting";
	if (!err)
		return NULL;
	record->step = GRAFT_UPDATE_WAITING;
	struct graft_error *other = graft_update_state_put(restart->state);
	graft_error_free(other);
	return err;
}

/** Do what is next. */
GRAFT_MUST_CHECK static struct graft_error *
go(struct graft_restart *restart)
{
	struct graft_error *err;

	if (restart->record->step == GRAFT_UPDATE_INSTALLING) {
		restart->done = "installed";
		return graft_cumulative_install(restart->state, true, WAIT_S);
	}
	if (restart->restarted) {
		restart->done = "confirmed";
		err = graft_restart_confirm(restart->state);
		restart->record = graft_update_state_record(restart->state);
		return err;
	}
	if (restart->held || !restart->record->automatic ||
	    !restart->due.known || restart->due.warn_at > restart->now ||
	    graft_restart_is_coming(restart))
		return NULL;
	return ask(restart);
}

GRAFT_MUST_CHECK static struct graft_error *
now(struct graft_restart *restart)
{
	if (restart->record->step == GRAFT_UPDATE_INSTALLING ||
	    restart->restarted)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "nothing waits for a restart: graft "
				       "restart go does what is next");
	return ask(restart);
}

GRAFT_MUST_CHECK static struct graft_error *
cancel(struct graft_restart *restart)
{
	struct graft_error *err = NULL;

	if (graft_restart_is_coming(restart) && !restart->restarted)
		err = graft_reboot_cancel(
			restart->window,
			graft_update_state_log(restart->state));
	if (err)
		return err;
	if (restart->record->step == GRAFT_UPDATE_RESTARTING)
		restart->record->step = GRAFT_UPDATE_WAITING;
	restart->record->automatic = false;
	restart->done = "cancelled";
	return graft_update_state_put(restart->state);
}

GRAFT_MUST_CHECK static struct graft_error *
plan(struct graft_restart *restart)
{
	restart->record->automatic = true;
	restart->done = "planned";
	return graft_update_state_put(restart->state);
}

static const struct {
	const char *name;
	/** NULL: only say. */
	struct graft_error *(*run)(struct graft_restart *restart);
} actions[] = {
	{ "status", NULL },   { "go", go },     { "now", now },
	{ "cancel", cancel }, { "plan", plan },
};

enum { ACTIONS = sizeof(actions) / sizeof(*actions) };

/** Do an action and print what came of it. */
GRAFT_MUST_CHECK static struct graft_error *
act(size_t action, const char *config, bool json, int *status_ret)
{
	GRAFT_CLEANUP(graft_restart_deinit)
	struct graft_restart restart = { 0 };
	struct graft_error *err = graft_restart_open(config, &restart);

	if (!err && restart.record && actions[action].run)
		err = actions[action].run(&restart);
	if (err)
		return err;
	*status_ret = restart.done || (restart.record && !actions[action].run)
			      ? 0
			      : STATUS_NOTHING;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	if (json)
		err = graft_restart_print_json(&restart, &text);
	else
		graft_restart_print(&restart, &text);
	return err ? err : graft_print_text(&text);
}

struct graft_error *
graft_verb_restart(int argc, char **argv, int *status_ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *config = NULL;
	bool json = false;
	size_t action = 0;

	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
		if (at == 'c')
			config = optarg;
		else if (at == 'j')
			json = true;
		else {
			*status_ret = graft_usage_option(argv, at, usage);
			return NULL;
		}
	}
	while (optind < argc && action < ACTIONS &&
	       strcmp(actions[action].name, argv[optind]) != 0)
		action++;
	if (optind + 1 != argc || action == ACTIONS) {
		*status_ret = graft_usage_wrong(argv,
						"it is `graft restart "
						"status|go|now|cancel|plan`");
		return NULL;
	}
	return act(action, config, json, status_ret);
}
