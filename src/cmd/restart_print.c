// SPDX-License-Identifier: Apache-2.0

// What `graft restart` says.

#include "cmd/restart.h"

#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <time.h>

enum {
	/** What should have restarted and did not is asked again after that. */
	AGAIN_S = 30 * 60,
	MINUTE_S = 60,
	TIME_LEN = 64,
	WEEK_DAYS = 7,
};

bool
graft_restart_is_coming(const struct graft_restart *restart)
{
	const int64_t warning = (int64_t)restart->window->warning_min *
				MINUTE_S;

	return restart->record->step == GRAFT_UPDATE_RESTARTING &&
	       restart->now < restart->record->asked + warning + AGAIN_S;
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
put_when(struct graft_text *text, const struct graft_restart *restart)
{
	if (restart->restarted)
		graft_text_put(text, "the host was restarted: graft restart go "
				     "sees whether all is there");
	else if (graft_restart_is_coming(restart))
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

void
graft_restart_print(const struct graft_restart *restart,
		    struct graft_text *text)
{
	const struct graft_update_record *record = restart->record;

	if (restart->done)
		graft_text_printf(text, "%s\n", restart->done);
	if (record && record->step == GRAFT_UPDATE_INSTALLING) {
		graft_text_put(text, "packages are being installed, or were "
				     "when it was cut off: graft restart go\n");
	} else if (record) {
		for (size_t i = 0; i < record->releases.count; i++)
			graft_text_printf(text, "%s%s", i ? ", " : "",
					  record->releases.list[i]);
		graft_text_printf(text, ", to %s: ",
				  graft_level_write(record->level).str);
		put_when(text, restart);
		graft_text_put(text, "\n");
	} else if (!restart->done) {
		graft_text_put(text, "nothing waits for a restart\n");
	}
}

/** Add what is written down. */
static bool
add_record(cJSON *root, const struct graft_restart *restart)
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

/** Add when the host may be restarted: null, where it does not restart by itself. */
static bool
add_window(cJSON *root, const struct graft_window *window)
{
	char time[TIME_LEN];

	if (!window->given)
		return cJSON_AddNullToObject(root, "window") != NULL;
	cJSON *item = cJSON_AddObjectToObject(root, "window");
	cJSON *days = item ? cJSON_AddArrayToObject(item, "weekdays") : NULL;
	bool ok = days != NULL;
	for (unsigned i = 0; ok && i < WEEK_DAYS; i++) {
		cJSON *day = window->weekdays & (1U << i)
				     ? cJSON_CreateNumber(i)
				     : NULL;
		ok = !(window->weekdays & (1U << i)) ||
		     (day && cJSON_AddItemToArray(days, day));
	}
	(void)snprintf(time, sizeof(time), "%02d:%02d-%02d:%02d",
		       window->begin / MINUTE_S, window->begin % MINUTE_S,
		       window->end / MINUTE_S, window->end % MINUTE_S);
	return ok && cJSON_AddStringToObject(item, "hours", time) &&
	       cJSON_AddStringToObject(item, "time_zone",
				       window->zone ? window->zone : "") &&
	       cJSON_AddNumberToObject(item, "deadline_days",
				       window->deadline_days) &&
	       cJSON_AddNumberToObject(item, "grace_hours",
				       window->grace_hours);
}

struct graft_error *
graft_restart_print_json(const struct graft_restart *restart,
			 struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root &&
		  (restart->done ? cJSON_AddStringToObject(root, "done",
							   restart->done)
				 : cJSON_AddNullToObject(root, "done")) &&
		  (!restart->record || (add_record(root, restart) &&
					add_window(root, restart->window)));

	return graft_report_take_json(root, ok, text);
}
