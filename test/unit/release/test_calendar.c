// SPDX-License-Identifier: Apache-2.0

#include "release/calendar.h"

#include "release/calendar_print.h"
#include "release/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** A calendar of settings that must be right. Free with graft_calendar_free(). */
static struct graft_calendar *
calendar_of(const char *text)
{
	struct graft_calendar *calendar = NULL;
	struct graft_error *err = graft_calendar_parse(text, strlen(text),
						       "c.conf", &calendar);

	if (err)
		fail_msg("%s", graft_error_message(err));
	return calendar;
}

static void
must_refuse(const char *text, const char *want)
{
	struct graft_calendar *calendar = NULL;
	struct graft_error *err = graft_calendar_parse(text, strlen(text),
						       "c.conf", &calendar);

	assert_non_null(err);
	if (!strstr(graft_error_message(err), want))
		fail_msg("%s", graft_error_message(err));
	graft_error_free(err);
}

static void
release_days_are_those_of_wall_calendars(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = calendar_of("");
	// The second Tuesdays of three years, one of them a leap year.
	static const int days[][12] = {
		{ 9, 13, 12, 9, 14, 11, 9, 13, 10, 8, 12, 10 },
		{ 14, 11, 11, 8, 13, 10, 8, 12, 9, 14, 11, 9 },
		{ 13, 10, 10, 14, 12, 9, 14, 11, 8, 13, 10, 8 },
	};

	for (int year = 2024; year <= 2026; year++) {
		for (int month = 1; month <= 12; month++)
			assert_int_equal(graft_calendar_release_day(calendar,
								    year, month)
						 .day,
					 days[year - 2024][month - 1]);
	}
}

static void
every_release_day_is_the_one_that_counting_finds(void **state)
{
	(void)state;
	static const char *const weeks[] = { "first", "second", "third",
					     "fourth", "last" };
	static const char *const names[] = { "sunday",    "monday",   "tuesday",
					     "wednesday", "thursday", "friday",
					     "saturday" };

	for (int week = 1; week <= 5; week++) {
		for (int weekday = 0; weekday < 7; weekday++) {
			char text[64];
			snprintf(text, sizeof(text), "week = %s\nweekday = %s",
				 weeks[week - 1], names[weekday]);
			GRAFT_CLEANUP(graft_calendar_freep)
			struct graft_calendar *calendar = calendar_of(text);
			for (int month = 0; month < 400 * 12; month += 7) {
				struct graft_day day = { 2000 + month / 12,
							 month % 12 + 1, 1 };
				int count = 0;
				int found = 0;
				for (; graft_day_is_valid(day); day.day++) {
					if (graft_day_weekday(day) != weekday ||
					    count == week)
						continue;
					found = day.day;
					count++;
				}
				assert_int_equal(
					graft_calendar_release_day(
						calendar, day.year, day.month)
						.day,
					found);
			}
		}
	}
}

static void
days_that_do_not_exist_are_none(void **state)
{
	(void)state;
	assert_true(graft_day_is_valid((struct graft_day){ 2024, 2, 29 }));
	assert_false(graft_day_is_valid((struct graft_day){ 2026, 2, 29 }));
	assert_false(graft_day_is_valid((struct graft_day){ 2100, 2, 29 }));
	assert_false(graft_day_is_valid((struct graft_day){ 2026, 4, 31 }));
	assert_false(graft_day_is_valid((struct graft_day){ 2026, 13, 1 }));
	assert_false(graft_day_is_valid((struct graft_day){ 1999, 1, 1 }));
	assert_int_equal(graft_day_weekday((struct graft_day){ 2026, 11, 23 }),
			 1);
}

/** What a year and a group come to. */
static void
looks_out(const struct graft_calendar *calendar, int year, const char *want)
{
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	char said[512] = "";

	assert_null(graft_calendar_list(calendar, year, &entries, &count));
	for (size_t i = 1; i < count; i++)
		assert_true(graft_day_compare(entries[i - 1].day,
					      entries[i].day) <= 0);
	for (size_t g = 0; g < calendar->group_count; g++) {
		for (int q = 1; q <= 4; q++) {
			struct graft_calendar_outlook outlook =
				graft_calendar_look_out(entries, count, q,
							&calendar->groups[g]);
			snprintf(said + strlen(said),
				 sizeof(said) - strlen(said), "%s %u %u;",
				 calendar->groups[g].name, outlook.restarts,
				 outlook.hotpatches);
		}
	}
	assert_string_equal(said, want);
}

static void
the_year_has_four_restarts_and_eight_hotpatches(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = calendar_of("");

	looks_out(calendar, 2026,
		  "eligible 1 2;eligible 1 2;eligible 1 2;eligible 1 2;"
		  "others 3 0;others 3 0;others 3 0;others 3 0;");
}

static void
what_is_not_planned_changes_what_groups_live_through(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = calendar_of(
		"unplanned-baseline = 2026-06 a fix that moves a struct\n"
		"out-of-band = 2026-05-16 hotpatch zero day\n"
		"out-of-band = 2026-08-20 cumulative\n"
		"group = db hotpatch\n");

	looks_out(calendar, 2026, "db 1 2;db 2 2;db 2 2;db 1 2;");
	looks_out(calendar, 2027, "db 1 2;db 1 2;db 1 2;db 1 2;");
	GRAFT_FREE struct graft_calendar_entry *entries = NULL;
	size_t count;
	assert_null(graft_calendar_list(calendar, 2026, &entries, &count));
	assert_int_equal(count, 14);
	assert_true(entries[5].out_of_band);
	assert_string_equal(entries[5].reason, "zero day");
	assert_true(entries[6].unplanned);
	assert_int_equal(entries[6].line, GRAFT_LINE_BASELINE);
	assert_string_equal(entries[6].reason, "a fix that moves a struct");
}

static void
settings_that_are_wrong_are_refused_with_their_line(void **state)
{
	(void)state;
	must_refuse("weekday = tusday", "'tusday'; did you mean 'tuesday'?");
	must_refuse("\nweek = fifth", "line 2: week: 'fifth'");
	must_refuse("baseline-months = 1, 13", "months from 1 to 12");
	must_refuse("baseline-months = 1, 1", "months from 1 to 12");
	must_refuse("baseline-months = 1 4", "separated by ','");
	must_refuse("baseline-months = ,", "months from 1 to 12");
	must_refuse("time = 24:00", "no time such as");
	must_refuse("time = 9:00", "no time such as");
	must_refuse("time-zone = Europe", "knows no zone 'Europe'");
	must_refuse("time-zone = ../../../etc/passwd", "knows no zone");
	must_refuse("time-zone = right/UTC", "knows no zone");
	must_refuse("week = first\nweek = last", "stands in line 1 already");
	must_refuse("unplanned-baseline = 2026-07",
		    "is a month of a baseline anyway");
	must_refuse(
		"unplanned-baseline = 2026-06\nunplanned-baseline = 2026-06",
		"stands in the file already");
	must_refuse("unplanned-baseline = 2026-6", "no month such as");
	must_refuse("out-of-band = 2026-02-30 hotpatch", "no day such as");
	must_refuse("out-of-band = 2026-02-03 hotpach",
		    "'hotpach'; did you mean 'hotpatch'?");
	must_refuse("out-of-band = 2026-02-03", "did you mean");
	must_refuse("group = a hotpatch\ngroup = a cumulative", "two called");
	must_refuse("group = a", "did you mean");
	must_refuse("group = a hotpatch more", "a name, and");
	must_refuse("baseline = 2026-06", "did you mean 'baseline-months'?");
}

static void
an_event_stands_at_the_hour_of_its_zone(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = calendar_of(
		"time = 18:30\nout-of-band = 2026-05-16 hotpatch one, two; three\\ and much more of it, so that the line is far too long for what a calendar takes in one\n");
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_calendar_view view = { .calendar = calendar,
					    .year = 2026 };

	// As in New York, of which the database may not be on this host.
	graft_zone_enter("EST5EDT,M3.2.0,M11.1.0");
	assert_null(graft_calendar_print_ics(&view, &text));
	assert_non_null(
		strstr(graft_text_str(&text), "DTSTART:20260113T233000Z\r\n"));
	assert_non_null(
		strstr(graft_text_str(&text), "DTSTART:20260714T223000Z\r\n"));
	assert_non_null(strstr(graft_text_str(&text),
			       "DESCRIPTION:one\\, two\\; three\\\\ and"));
	// No line is longer than 75 bytes, and each ends with both.
	for (const char *at = graft_text_str(&text); *at;) {
		const char *end = strstr(at, "\r\n");
		assert_non_null(end);
		assert_true(end - at <= 75);
		at = end + 2;
	}
	graft_zone_enter("UTC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(release_days_are_those_of_wall_calendars),
		cmocka_unit_test(
			every_release_day_is_the_one_that_counting_finds),
		cmocka_unit_test(days_that_do_not_exist_are_none),
		cmocka_unit_test(
			the_year_has_four_restarts_and_eight_hotpatches),
		cmocka_unit_test(
			what_is_not_planned_changes_what_groups_live_through),
		cmocka_unit_test(
			settings_that_are_wrong_are_refused_with_their_line),
		cmocka_unit_test(an_event_stands_at_the_hour_of_its_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
