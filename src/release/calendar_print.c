// SPDX-License-Identifier: Apache-2.0

#include "release/calendar_print.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum {
	/** "2026-01-13", "20260113T100000Z" and the like. */
	DATE_LEN = 32,
	/** Width of the column of a release. */
	RELEASE_LEN = 24,
	EPOCH = 1900,
};

static const char *const weekdays[] = { "Sunday",    "Monday",   "Tuesday",
					"Wednesday", "Thursday", "Friday",
					"Saturday" };
static const char *const weeks[] = { "first", "second", "third", "fourth",
				     "last" };

/** A date as text. */
struct date {
	char str[DATE_LEN];
};

/** Write a day of the calendar. */
static struct date
date_of(struct graft_day day)
{
	struct date date;

	(void)snprintf(date.str, sizeof(date.str), "%04d-%02d-%02d", day.year,
		       day.month, day.day);
	return date;
}

/** Write the moment of a release, in universal time.
 * @param[in] compact As iCalendar has it, else as RFC 3339. */
static struct date
moment_of(const struct graft_calendar *calendar, struct graft_day day,
	  bool compact)
{
	struct date date = { "" };
	struct tm tm = {
		.tm_year = day.year - EPOCH,
		.tm_mon = day.month - 1,
		.tm_mday = day.day,
		.tm_min = calendar->minute,
		.tm_isdst = -1,
	};
	time_t when = mktime(&tm);

	if (!gmtime_r(&when, &tm))
		return date;
	if (compact)
		(void)strftime(date.str, sizeof(date.str), "%Y%m%dT%H%M%SZ",
			       &tm);
	else
		(void)strftime(date.str, sizeof(date.str), "%Y-%m-%dT%H:%M:%SZ",
			       &tm);
	return date;
}

/** Does it restart a device on the hotpatch track? All others restart each time. */
static bool
restarts_all(const struct graft_calendar_entry *entry)
{
	return entry->line != GRAFT_LINE_HOTPATCH;
}

/** Append "1 restart, 2 hotpatches". */
static void
put_outlook(struct graft_text *text, struct graft_calendar_outlook outlook)
{
	graft_text_printf(text, "%u restart%s, %u hotpatch%s", outlook.restarts,
			  outlook.restarts == 1 ? "" : "s", outlook.hotpatches,
			  outlook.hotpatches == 1 ? "" : "es");
}

static void
put_entry(const struct graft_calendar_entry *entry, struct graft_text *text)
{
	char release[RELEASE_LEN];

	(void)snprintf(release, sizeof(release), "%s%s",
		       graft_line_name(entry->line),
		       entry->unplanned     ? ", unplanned"
		       : entry->out_of_band ? ", out of band"
					    : "");
	graft_text_printf(
		text, "%s  %.3s  %-*s %s%s%s\n", date_of(entry->day).str,
		weekdays[graft_day_weekday(entry->day)], RELEASE_LEN, release,
		restarts_all(entry) ? "all" : "who cannot have hotpatches",
		*entry->reason ? ": " : "", entry->reason);
}

/** Find which quarter comes next. */
static void
find_next(const struct graft_calendar_view *view, int *year, int *quarter)
{
	struct tm tm = { 0 };

	(void)localtime_r(&view->now, &tm);
	*year = tm.tm_year + EPOCH;
	*quarter = tm.tm_mon / 3 + 2;
	if (*quarter > GRAFT_QUARTERS) {
		*quarter = 1;
		++*year;
	}
}

/** Append what each group lives through in the quarter that comes next. */
GRAFT_MUST_CHECK static struct graft_error *
put_next(const struct graft_calendar_view *view, struct graft_text *text)
{
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	int year;
	int quarter;

	find_next(view, &year, &quarter);
	struct graft_error *err = graft_calendar_list(view->calendar, year,
						      &entries, &count);
	if (err)
		return err;
	graft_text_printf(text, "\nNext quarter, %04d-%02d to %04d-%02d:\n",
			  year, quarter * 3 - 2, year, quarter * 3);
	for (size_t i = 0; i < view->calendar->group_count; i++) {
		const struct graft_calendar_group *group =
			&view->calendar->groups[i];
		graft_text_printf(text, "  %s: ", group->name);
		put_outlook(text, graft_calendar_look_out(entries, count,
							  quarter, group));
		graft_text_put(text, "\n");
	}
	return NULL;
}

struct graft_error *
graft_calendar_print_text(const struct graft_calendar_view *view,
			  struct graft_text *text)
{
	const struct graft_calendar *calendar = view->calendar;
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	struct graft_error *err = graft_calendar_list(calendar, view->year,
						      &entries, &count);

	if (err)
		return err;
	graft_text_printf(
		text,
		"Releases of %d: the %s %s of each month, %02d:%02d %s\n\n",
		view->year, weeks[calendar->week - 1],
		weekdays[calendar->weekday], calendar->minute / 60,
		calendar->minute % 60, calendar->zone);
	graft_text_printf(text, "%-10s  %-3s  %-*s %s\n", "DATE", "DAY",
			  RELEASE_LEN, "RELEASE", "RESTARTS");
	for (size_t i = 0; i < count; i++)
		put_entry(&entries[i], text);
	graft_text_put(text, "\n");
	for (size_t i = 0; i < calendar->group_count; i++) {
		const struct graft_calendar_group *group = &calendar->groups[i];
		graft_text_printf(text, "%s:\n", group->name);
		for (int q = 1; q <= GRAFT_QUARTERS; q++) {
			graft_text_printf(text, "  quarter %d: ", q);
			put_outlook(text, graft_calendar_look_out(
						  entries, count, q, group));
			graft_text_put(text, "\n");
		}
	}
	return put_next(view, text);
}

static bool
add_entry(cJSON *list, const struct graft_calendar *calendar,
	  const struct graft_calendar_entry *entry)
{
	cJSON *item = cJSON_CreateObject();

	return item && cJSON_AddItemToArray(list, item) &&
	       cJSON_AddStringToObject(item, "date", date_of(entry->day).str) &&
	       cJSON_AddStringToObject(
		       item, "at",
		       moment_of(calendar, entry->day, false).str) &&
	       cJSON_AddStringToObject(item, "line",
				       graft_line_name(entry->line)) &&
	       cJSON_AddBoolToObject(item, "unplanned", entry->unplanned) &&
	       cJSON_AddBoolToObject(item, "out_of_band", entry->out_of_band) &&
	       cJSON_AddBoolToObject(item, "restarts_hotpatch_track",
				     restarts_all(entry)) &&
	       cJSON_AddStringToObject(item, "reason", entry->reason);
}

static bool
add_outlook(cJSON *list, const struct graft_calendar_entry *entries,
	    size_t count, int quarter, const struct graft_calendar_group *group)
{
	struct graft_calendar_outlook outlook =
		graft_calendar_look_out(entries, count, quarter, group);
	cJSON *item = cJSON_CreateObject();

	return item && cJSON_AddItemToArray(list, item) &&
	       cJSON_AddStringToObject(item, "group", group->name) &&
	       cJSON_AddNumberToObject(item, "quarter", quarter) &&
	       cJSON_AddNumberToObject(item, "restarts", outlook.restarts) &&
	       cJSON_AddNumberToObject(item, "hotpatches", outlook.hotpatches);
}

/** Add what each group lives through in the quarter that comes next. */
GRAFT_MUST_CHECK static struct graft_error *
add_next(cJSON *root, const struct graft_calendar_view *view)
{
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	int year;
	int quarter;

	find_next(view, &year, &quarter);
	struct graft_error *err = graft_calendar_list(view->calendar, year,
						      &entries, &count);
	if (err)
		return err;
	cJSON *next = cJSON_AddObjectToObject(root, "next_quarter");
	cJSON *groups = next ? cJSON_AddArrayToObject(next, "groups") : NULL;
	bool whole = groups && cJSON_AddNumberToObject(next, "year", year) &&
		     cJSON_AddNumberToObject(next, "quarter", quarter);
	for (size_t i = 0; whole && i < view->calendar->group_count; i++)
		whole = add_outlook(groups, entries, count, quarter,
				    &view->calendar->groups[i]);
	return whole ? NULL : graft_error_no_memory();
}

struct graft_error *
graft_calendar_print_json(const struct graft_calendar_view *view,
			  struct graft_text *text)
{
	const struct graft_calendar *calendar = view->calendar;
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	struct graft_error *err = graft_calendar_list(calendar, view->year,
						      &entries, &count);

	if (err)
		return err;
	cJSON *root = cJSON_CreateObject();
	bool whole = root &&
		     cJSON_AddNumberToObject(root, "year", view->year) &&
		     cJSON_AddStringToObject(root, "time_zone", calendar->zone);
	cJSON *list = cJSON_AddArrayToObject(root, "releases");
	for (size_t i = 0; whole && list && i < count; i++)
		whole = add_entry(list, calendar, &entries[i]);
	cJSON *outlooks = cJSON_AddArrayToObject(root, "outlook");
	for (size_t i = 0; whole && outlooks && i < calendar->group_count;
	     i++) {
		for (int q = 1; whole && q <= GRAFT_QUARTERS; q++)
			whole = add_outlook(outlooks, entries, count, q,
					    &calendar->groups[i]);
	}
	whole = whole && list && outlooks;
	err = whole ? add_next(root, view) : graft_error_no_memory();
	char *json = err ? NULL : cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	if (!json)
		return err ? err : graft_error_no_memory();
	graft_text_put(text, json);
	graft_text_put(text, "\n");
	cJSON_free(json);
	return NULL;
}

/** Append a line of RFC 5545: folded before its 75th byte, not within a character. */
static void
put_folded(struct graft_text *text, const char *line)
{
	size_t column = 0;

	for (const char *at = line; *at; at++) {
		bool begins = ((unsigned char)*at & 0xc0) != 0x80;
		// The longest character has four bytes.
		if (begins && column >= 75 - 4) {
			graft_text_put(text, "\r\n ");
			column = 1;
		}
		graft_text_put_bytes(text, at, 1);
		column++;
	}
	graft_text_put(text, "\r\n");
}

/** Append a value of type TEXT; RFC 5545, 3.3.11. */
static void
put_escaped(struct graft_text *line, const char *str)
{
	for (; *str; str++) {
		if (strchr("\\;,", *str))
			graft_text_put(line, "\\");
		graft_text_put_bytes(line, str, 1);
	}
}

/** Append a property of which the value is text. */
static void
put_property(struct graft_text *text, const char *name, const char *value,
	     const char *more)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text line = { 0 };

	graft_text_printf(&line, "%s:", name);
	put_escaped(&line, value);
	put_escaped(&line, more);
	put_folded(text, graft_text_str(&line));
	text->failed |= line.failed;
}

static void
put_event(const struct graft_calendar_view *view,
	  const struct graft_calendar_entry *entry, const char *stamp,
	  struct graft_text *text)
{
	graft_text_put(text, "BEGIN:VEVENT\r\n");
	graft_text_printf(text, "UID:%s-%s@graft\r\n", date_of(entry->day).str,
			  graft_line_name(entry->line));
	graft_text_printf(text, "DTSTAMP:%s\r\nDTSTART:%s\r\n", stamp,
			  moment_of(view->calendar, entry->day, true).str);
	put_property(text, "SUMMARY",
		     entry->line == GRAFT_LINE_BASELINE   ? "Baseline"
		     : entry->line == GRAFT_LINE_HOTPATCH ? "Hotpatch"
							  : "Cumulative update",
		     restarts_all(entry) ? " (restart)" : " (no restart)");
	if (*entry->reason)
		put_property(text, "DESCRIPTION", entry->reason, "");
	graft_text_put(text, "END:VEVENT\r\n");
}

struct graft_error *
graft_calendar_print_ics(const struct graft_calendar_view *view,
			 struct graft_text *text)
{
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	char stamp[DATE_LEN] = "";
	struct tm tm;
	struct graft_error *err = graft_calendar_list(
		view->calendar, view->year, &entries, &count);

	if (err)
		return err;
	if (gmtime_r(&view->now, &tm))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	graft_text_put(text, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
			     "PRODID:-//Graft//calendar//EN\r\n");
	for (size_t i = 0; i < count; i++)
		put_event(view, &entries[i], stamp, text);
	graft_text_put(text, "END:VCALENDAR\r\n");
	return NULL;
}
