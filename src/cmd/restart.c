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
#include "report/quote.h"
#include "update/cumulative.h"
#include "update/reboot.h"
#include "update/window.h"

#include <cjson/cJSON.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	US_A_S = 1000 * 1000,
	/** What should have restarted and did not is asked again after that. */
	AGAIN_S = 30 * 60,
	MINUTE_S = 60,
	WAIT_S = 60,
	TIME_LEN = 64,
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

/** A restart that is seen to. */
struct restart {
	struct graft_update_state *state;
	struct graft_window *window;
	struct graft_update_record *record;
	/** The host was restarted since. */
	bool restarted;
	/** Somebody said that nothing may change (device.conf). */
	bool held;
	struct graft_window_due due;
	int64_t now;
	/** What was done, in a word; NULL: nothing. */
	const char *done;
};

static void
restart_deinit(struct restart *restart)
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
find_due(struct restart *restart)
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

GRAFT_MUST_CHECK static struct graft_error *
open_restart(const char *config, struct restart *restart)
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
ask(struct restart *restart)
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

/** Say whether it was asked for and may still come. */
static bool
is_coming(const struct restart *restart)
{
	const int64_t warning = (int64_t)restart->window->warning_min *
				MINUTE_S;

	return restart->record->step == GRAFT_UPDATE_RESTARTING &&
	       restart->now < restart->record->asked + warning + AGAIN_S;
}

/** Do what is next. */
GRAFT_MUST_CHECK static struct graft_error *
go(struct restart *restart)
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
	    is_coming(restart))
		return NULL;
	return ask(restart);
}

GRAFT_MUST_CHECK static struct graft_error *
now(struct restart *restart)
{
	if (restart->record->step == GRAFT_UPDATE_INSTALLING ||
	    restart->restarted)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "nothing waits for a restart: graft "
				       "restart go does what is next");
	return ask(restart);
}

GRAFT_MUST_CHECK static struct graft_error *
cancel(struct restart *restart)
{
	struct graft_error *err = NULL;

	if (is_coming(restart) && !restart->restarted)
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
plan(struct restart *restart)
{
	restart->record->automatic = true;
	restart->done = "planned";
	return graft_update_state_put(restart->state);
}

/** Print a time by the clock of the window's zone. */
static void
put_time(struct graft_text *text, int64_t at)
{
	const time_t time = (time_t)at;
	char word[TIME_LEN];
	struct tm tm;

	if (localtime_r(&time, &tm) &&
	    strftime(word, sizeof(word), "%Y-%m-%d %H:%M %Z", &tm))
		graft_text_put(text, word);
}

/** Say when and why it will be restarted. */
static void
put_when(struct graft_text *text, const struct restart *restart)
{
	if (restart->restarted)
		graft_text_put(text, "the host was restarted: graft restart go "
				     "sees whether all is there");
	else if (is_coming(restart))
		graft_text_put(text, "the restart was asked for");
	else if (restart->held)
		graft_text_put(text, "this device is held (device.conf)");
	else if (!restart->record->automatic)
		graft_text_put(text, "it was cancelled: restart when you like, "
				     "or graft restart plan");
	else if (!restart->due.known)
		graft_text_put(text, "it does not restart by itself: there are "
				     "no hours in " GRAFT_WINDOW_PATH);
	else {
		graft_text_put(text, "restart at ");
		put_time(text, restart->due.restart_at);
		graft_text_put(text, restart->due.forced
					     ? ", outside of the window: the "
					       "deadline is over then"
					     : "");
	}
}

GRAFT_MUST_CHECK static struct graft_error *
print(const struct restart *restart)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const struct graft_update_record *record = restart->record;

	if (restart->done)
		graft_text_printf(&text, "%s\n", restart->done);
	if (record && record->step == GRAFT_UPDATE_INSTALLING) {
		graft_text_put(&text,
			       "packages are being installed, or were "
			       "when it was cut off: graft restart go\n");
	} else if (record) {
		for (size_t i = 0; i < record->releases.count; i++)
			graft_text_printf(&text, "%s%s", i ? ", " : "",
					  record->releases.list[i]);
		graft_text_printf(&text, ", to %s: ",
				  graft_level_write(record->level).str);
		put_when(&text, restart);
		graft_text_put(&text, "\n");
	} else if (!restart->done) {
		graft_text_put(&text, "nothing waits for a restart\n");
	}
	return graft_print_text(&text);
}

/** Add what is written down. */
static bool
add_record(cJSON *root, const struct restart *restart)
{
	const struct graft_update_record *record = restart->record;
	const bool due = restart->due.known && record->automatic &&
			 !restart->restarted && !restart->held;
	cJSON *list = cJSON_AddArrayToObject(root, "releases");
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < record->releases.count; i++) {
		cJSON *item = cJSON_CreateString(record->releases.list[i]);
		ok = item && cJSON_AddItemToArray(list, item);
	}
	return ok &&
	       cJSON_AddStringToObject(root, "step",
				       graft_update_step_name(record->step)) &&
	       cJSON_AddStringToObject(root, "level",
				       graft_level_write(record->level).str) &&
	       cJSON_AddBoolToObject(root, "restarted", restart->restarted) &&
	       cJSON_AddBoolToObject(root, "automatic", record->automatic) &&
	       (due ? cJSON_AddNumberToObject(root, "restart_at",
					      (double)restart->due.restart_at)
		    : cJSON_AddNullToObject(root, "restart_at")) &&
	       cJSON_AddBoolToObject(root, "forced",
				     due && restart->due.forced);
}

GRAFT_MUST_CHECK static struct graft_error *
print_json(const struct restart *restart)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  (restart->done ? cJSON_AddStringToObject(root, "done",
							   restart->done)
				 : cJSON_AddNullToObject(root, "done")) &&
		  (!restart->record || add_record(root, restart));
	struct graft_error *err = graft_report_take_json(root, ok, &text);

	return err ? err : graft_print_text(&text);
}

static const struct {
	const char *name;
	/** NULL: only say. */
	struct graft_error *(*run)(struct restart *restart);
} actions[] = {
	{ "status", NULL },   { "go", go },     { "now", now },
	{ "cancel", cancel }, { "plan", plan },
};

enum { ACTIONS = sizeof(actions) / sizeof(*actions) };

/** Do an action and print what came of it. */
GRAFT_MUST_CHECK static struct graft_error *
act(size_t action, const char *config, bool json, int *status_ret)
{
	GRAFT_CLEANUP(restart_deinit) struct restart restart = { 0 };
	struct graft_error *err = open_restart(config, &restart);

	if (!err && restart.record && actions[action].run)
		err = actions[action].run(&restart);
	if (err)
		return err;
	*status_ret = restart.done || (restart.record && !actions[action].run)
			      ? 0
			      : STATUS_NOTHING;
	return json ? print_json(&restart) : print(&restart);
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
