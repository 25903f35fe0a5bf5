// SPDX-License-Identifier: Apache-2.0

#include "update/window.h"

#include "base/settings.h"
#include "release/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DAYS = 7,
	DAYS_ALL = (1 << DAYS) - 1,
	MINUTES_A_DAY = 24 * 60,
	SECONDS_A_DAY = 24 * 3600,
	SECONDS_A_MINUTE = 60,
	SECONDS_AN_HOUR = 3600,
	/** Without a word about it. */
	DEADLINE_DAYS = 7,
	GRACE_HOURS = 48,
	WARNING_MIN = 15,
	DEADLINE_MAX = 365,
	GRACE_MAX = 24 * 30,
	WARNING_MAX = 24 * 60,
	/** Days that are looked at: a week, and the window that began yesterday. */
	LOOK_DAYS = 9,
};

enum key {
	KEY_WEEKDAYS,
	KEY_HOURS,
	KEY_ZONE,
	KEY_DEADLINE,
	KEY_GRACE,
	KEY_WARNING,
	KEY_COMMAND,
	KEY_CANCEL,
	KEY_COUNT,
};
static const char *const keys[KEY_COUNT] = {
	"weekdays", "hours",   "time-zone", "deadline",
	"grace",    "warning", "command",   "cancel-command",
};

static const char *const weekdays[DAYS] = {
	"sunday",   "monday", "tuesday",  "wednesday",
	"thursday", "friday", "saturday",
};

struct reading {
	struct graft_window *window;
	size_t seen[KEY_COUNT];
};

void
graft_window_free(struct graft_window *window)
{
	if (!window)
		return;
	free(window->zone);
	free(window->command);
	free(window->cancel);
	free(window);
}

GRAFT_MUST_CHECK static struct graft_error *
read_weekdays(const struct graft_setting *setting, uint8_t *ret)
{
	uint8_t days = 0;

	for (const char *at = setting->value; *(at += strspn(at, ", "));) {
		const size_t len = strcspn(at, ", ");
		char word[16];
		int day = 0;
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
		while (day < DAYS && strcmp(weekdays[day], word) != 0)
			day++;
		if (day == DAYS)
			return graft_setting_wrong(
				setting, "%s: '%s'; did you mean '%s'?",
				setting->key, word,
				graft_nearest_word(word, weekdays, DAYS));
		days |= (uint8_t)(1 << day);
		at += len;
	}
	*ret = days;
	return NULL;
}

/** Read "02:00". @return Minutes; -1: it is no time. */
static int
read_time(const char *text, const char **end)
{
	for (int i = 0; i < 5; i++) {
		if (i == 2 ? text[i] != ':' : !isdigit((unsigned char)text[i]))
			return -1;
	}
	const int hour = (text[0] - '0') * 10 + text[1] - '0';
	const int minute = (text[3] - '0') * 10 + text[4] - '0';
	*end = text + 5;
	return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

GRAFT_MUST_CHECK static struct graft_error *
read_hours(const struct graft_setting *setting, struct graft_window *window)
{
	const char *at = setting->value;
	int end = -1;
	const int begin = read_time(at, &at);

	if (begin >= 0 && *at == '-')
		end = read_time(at + 1, &at);
	if (end < 0 || *at)
		return graft_setting_wrong(setting,
					   "%s: '%.40s' is no time of day such "
					   "as '02:00-05:00'",
					   setting->key, setting->value);
	window->given = true;
	window->begin = begin;
	window->end = end > begin ? end : end + MINUTES_A_DAY;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_number(const struct graft_setting *setting, uint32_t max, const char *unit,
	    uint32_t *ret)
{
	const size_t len = strspn(setting->value, "0123456789");
	const unsigned long value = strtoul(setting->value, NULL, 10);

	if (!len || len > 6 || setting->value[len] || value > max)
		return graft_setting_wrong(setting,
					   "%s: a number of %s from 0 to %u",
					   setting->key, unit, max);
	*ret = (uint32_t)value;
	return NULL;
}

/** Take a text. @param[out] ret What was there is freed. */
GRAFT_MUST_CHECK static struct graft_error *
read_text(const struct graft_setting *setting, char **ret)
{
	free(*ret);
	*ret = strdup(setting->value);
	return *ret ? NULL : graft_error_no_memory();
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	struct graft_window *window = reading->window;
	size_t key = 0;

	while (key < KEY_COUNT && strcmp(keys[key], setting->key) != 0)
		key++;
	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	if (reading->seen[key])
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   setting->key, reading->seen[key]);
	reading->seen[key] = setting->line;
	switch ((enum key)key) {
	case KEY_WEEKDAYS:
		return read_weekdays(setting, &window->weekdays);
	case KEY_HOURS:
		return read_hours(setting, window);
	case KEY_ZONE:
		return graft_zone_is_known(setting->value)
			       ? read_text(setting, &window->zone)
			       : graft_setting_wrong(
					 setting,
					 "%s: this host knows no zone '%.60s'",
					 setting->key, setting->value);
	case KEY_DEADLINE:
		return read_number(setting, DEADLINE_MAX, "days",
				   &window->deadline_days);
	case KEY_GRACE:
		return read_number(setting, GRACE_MAX, "hours",
				   &window->grace_hours);
	case KEY_WARNING:
		return read_number(setting, WARNING_MAX, "minutes",
				   &window->warning_min);
	case KEY_COMMAND:
		return read_text(setting, &window->command);
	default:
		return read_text(setting, &window->cancel);
	}
}

struct graft_error *
graft_window_parse(const char *text, size_t len, const char *file,
		   struct graft_window **ret)
{
	GRAFT_CLEANUP(graft_window_freep)
	struct graft_window *window = calloc(1, sizeof(*window));
	struct reading reading = { .window = window };

	if (!window)
		return graft_error_no_memory();
	*window = (struct graft_window){
		.weekdays = DAYS_ALL,
		.deadline_days = DEADLINE_DAYS,
		.grace_hours = GRACE_HOURS,
		.warning_min = WARNING_MIN,
		.zone = strdup("UTC"),
	};
	if (!window->zone)
		return graft_error_no_memory();
	struct graft_error *err = graft_settings_each(text, len, file, take,
						      &reading);
	const size_t without = reading.seen[KEY_WEEKDAYS];
	if (!err && without && !window->given)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "%s: line %zu: weekdays without hours "
				      "are no window",
				      file, without);
	if (err)
		return err;
	*ret = GRAFT_TAKE(window);
	return NULL;
}

/** Compute a time of a day, by the clock of the zone. */
static int64_t
time_of(const struct tm *day, int minute)
{
	struct tm tm = { .tm_year = day->tm_year,
			 .tm_mon = day->tm_mon,
			 .tm_mday = day->tm_mday + minute / MINUTES_A_DAY,
			 .tm_hour = minute % MINUTES_A_DAY / 60,
			 .tm_min = minute % 60,
			 .tm_isdst = -1 };

	return (int64_t)mktime(&tm);
}

/**
 * Find the next time of a window, from one on.
 *
 * @return The time; INT64_MAX: there is none.
 */
static int64_t
next_in_window(const struct graft_window *window, int64_t from)
{
	const time_t start = (time_t)from;
	struct tm today;

	if (!localtime_r(&start, &today))
		return INT64_MAX;
	for (int i = -1; i < LOOK_DAYS; i++) {
		// By the calendar: some days have 23 hours.
		struct tm day = { .tm_year = today.tm_year,
				  .tm_mon = today.tm_mon,
				  .tm_mday = today.tm_mday + i,
				  .tm_hour = 12,
				  .tm_isdst = -1 };
		if (mktime(&day) == (time_t)-1 ||
		    !(window->weekdays & 1 << day.tm_wday))
			continue;
		const int64_t begin = time_of(&day, window->begin);
		const int64_t end = time_of(&day, window->end);
		if (from < end)
			return from > begin ? from : begin;
	}
	return INT64_MAX;
}

struct graft_window_due
graft_window_find(const struct graft_window *window, int64_t released,
		  int64_t updated, int64_t now)
{
	const int64_t warning = (int64_t)window->warning_min * SECONDS_A_MINUTE;
	const int64_t late = released +
			     (int64_t)window->deadline_days * SECONDS_A_DAY;
	const int64_t mercy = updated +
			      (int64_t)window->grace_hours * SECONDS_AN_HOUR;
	struct graft_window_due due = { .known = window->given };

	if (!window->given)
		return due;
	// Who is told now is restarted that much later: then it must be in the window.
	const int64_t soonest = now + warning;
	int64_t deadline = late > mercy ? late : mercy;
	if (deadline < soonest)
		deadline = soonest;
	due.restart_at = next_in_window(window, soonest);
	due.forced = deadline < due.restart_at;
	if (due.forced)
		due.restart_at = deadline;
	due.warn_at = due.restart_at - warning;
	return due;
}
