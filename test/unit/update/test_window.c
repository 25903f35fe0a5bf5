// SPDX-License-Identifier: Apache-2.0

// When a host is restarted: windows, deadlines, days that have 23 hours.

#include "release/zone.h"
#include "update/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/** A time by the clock of the zone that was entered: "2026-11-23 14:30". */
static int64_t
at(const char *text)
{
	struct tm tm = { .tm_isdst = -1 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return (int64_t)mktime(&tm);
}

/** What is found: "2026-11-28 02:00", with "!" behind it where it is forced. */
static void
finds(const char *settings, const char *released, const char *updated,
      const char *now, const char *want)
{
	GRAFT_CLEANUP(graft_window_freep) struct graft_window *window = NULL;
	struct graft_error *err = graft_window_parse(settings, strlen(settings),
						     "f", &window);
	char said[64] = "never";

	if (err)
		fail_msg("%s", graft_error_message(err));
	graft_zone_enter(window->zone);
	struct graft_window_due due = graft_window_find(window, at(released),
							at(updated), at(now));
	if (due.known) {
		const time_t time = (time_t)due.restart_at;
		struct tm tm;
		assert_non_null(localtime_r(&time, &tm));
		assert_true(strftime(said, sizeof(said), "%Y-%m-%d %H:%M",
				     &tm) > 0);
		if (due.forced)
			strcat(said, "!");
		assert_int_equal(due.restart_at - due.warn_at,
				 (int64_t)window->warning_min * 60);
		// Nobody is told in the past.
		assert_true(due.warn_at >= at(now));
	}
	if (strcmp(said, want) != 0)
		fail_msg("%s at %s: %s instead of %s", settings, now, said,
			 want);
}

#define FRESH "2026-11-20 00:00", "2026-11-23 12:00"

static void
a_restart_waits_for_its_window(void **state)
{
	(void)state;
	static const char night[] =
		"hours = 02:00-05:00\nwarning = 15\ndeadline = 30\n";

	finds(night, FRESH, "2026-11-23 14:30", "2026-11-24 02:00");
	// Who is told at the last moment is restarted within.
	finds(night, FRESH, "2026-11-24 02:30", "2026-11-24 02:45");
	finds(night, FRESH, "2026-11-24 04:44", "2026-11-24 04:59");
	finds(night, FRESH, "2026-11-24 04:45", "2026-11-25 02:00");
	finds(night, FRESH, "2026-11-24 01:40", "2026-11-24 02:00");
}

static void
a_window_may_go_over_midnight(void **state)
{
	(void)state;
	static const char late[] =
		"hours = 23:00-01:00\nwarning = 0\ndeadline = 30\n";
	static const char friday[] =
		"hours = 23:00-01:00\nweekdays = friday\nwarning = 0\ndeadline = 30\n";

	finds(late, FRESH, "2026-11-23 22:00", "2026-11-23 23:00");
	finds(late, FRESH, "2026-11-24 00:30", "2026-11-24 00:30");
	finds(late, FRESH, "2026-11-24 01:00", "2026-11-24 23:00");
	// It is the day on which it begins that counts.
	finds(friday, FRESH, "2026-11-28 00:30", "2026-11-28 00:30");
	finds(friday, FRESH, "2026-11-27 00:30", "2026-11-27 23:00");
}

static void
weekdays_are_those_of_the_zone(void **state)
{
	(void)state;
	static const char text[] =
		"hours = 01:00-02:00\nweekdays = saturday, sunday\n"
		"time-zone = Pacific/Auckland\nwarning = 0\ndeadline = 60\n";

	// 2026-11-28 is a Saturday.
	finds(text, FRESH, "2026-11-23 14:30", "2026-11-28 01:00");
	finds(text, FRESH, "2026-11-28 01:30", "2026-11-28 01:30");
	finds(text, FRESH, "2026-11-28 02:00", "2026-11-29 01:00");
	finds(text, FRESH, "2026-11-29 02:00", "2026-12-05 01:00");
}

static void
no_day_is_lost_when_clocks_change(void **state)
{
	(void)state;
	static const char text[] =
		"hours = 04:00-05:00\ntime-zone = Europe/Berlin\nwarning = 0\n"
		"deadline = 60\n";

	// A day of 23 hours, looked at from late on the day before, and one of 25.
	finds(text, "2027-03-20 00:00", "2027-03-21 00:00", "2027-03-27 23:30",
	      "2027-03-28 04:00");
	finds(text, "2027-10-20 00:00", "2027-10-21 00:00", "2027-10-30 23:30",
	      "2027-10-31 04:00");
	finds("hours = 00:00-00:30\nweekdays = sunday\nwarning = 0\n"
	      "time-zone = Europe/Berlin\ndeadline = 60\n",
	      "2027-03-20 00:00", "2027-03-21 00:00", "2027-03-27 23:30",
	      "2027-03-28 00:00");
}

static void
the_deadline_is_not_waited_over(void **state)
{
	(void)state;
	static const char text[] =
		"hours = 02:00-05:00\nweekdays = sunday\nwarning = 15\n"
		"deadline = 7\ngrace = 48\n";

	// 2026-11-29 is a Sunday; released on the 20th, the deadline is the 27th.
	finds(text, FRESH, "2026-11-23 14:30", "2026-11-27 00:00!");
	// Who came late has the grace, in which there is a window or not.
	finds(text, "2026-10-13 00:00", "2026-11-23 12:00", "2026-11-23 14:30",
	      "2026-11-25 12:00!");
	finds(text, "2026-10-13 00:00", "2026-11-28 12:00", "2026-11-28 14:30",
	      "2026-11-29 02:00");
	// It is over: now, after the warning.
	finds(text, "2026-10-13 00:00", "2026-11-01 12:00", "2026-11-24 14:30",
	      "2026-11-24 14:45!");
	// A window that is open is none that is forced.
	finds(text, "2026-10-13 00:00", "2026-11-01 12:00", "2026-11-29 03:00",
	      "2026-11-29 03:15");
}

static void
without_hours_nothing_restarts_by_itself(void **state)
{
	(void)state;
	finds("", "2020-01-01 00:00", "2020-01-02 00:00", "2026-11-23 14:30",
	      "never");
	finds("deadline = 0\ngrace = 0\n", "2020-01-01 00:00",
	      "2020-01-02 00:00", "2026-11-23 14:30", "never");
}

static void
bad(const char *text, const char *message)
{
	struct graft_window *window = NULL;
	struct graft_error *err = graft_window_parse(text, strlen(text), "f",
						     &window);

	assert_non_null(err);
	assert_null(window);
	assert_string_equal(graft_error_message(err), message);
	graft_error_free(err);
}

static void
what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	bad("hour = 02:00-05:00",
	    "f: line 1: unknown key 'hour'; did you mean 'hours'?");
	bad("weekdays = sunday\n",
	    "f: line 1: weekdays without hours are no window");
	bad("hours = 02:00-05:00\nweekdays = sonday",
	    "f: line 2: weekdays: 'sonday'; did you mean 'sunday'?");
	bad("\nhours = 2-5",
	    "f: line 2: hours: '2-5' is no time of day such as '02:00-05:00'");
	bad("hours = 24:00-05:00",
	    "f: line 1: hours: '24:00-05:00' is no time of day such as "
	    "'02:00-05:00'");
	bad("hours = 02:00-05:00 x",
	    "f: line 1: hours: '02:00-05:00 x' is no time of day such as "
	    "'02:00-05:00'");
	bad("grace = 721", "f: line 1: grace: a number of hours from 0 to 720");
	bad("warning = -1",
	    "f: line 1: warning: a number of minutes from 0 to 1440");
	bad("time-zone = Mars/Base",
	    "f: line 1: time-zone: this host knows no zone 'Mars/Base'");
	bad("grace = 1\ngrace = 2",
	    "f: line 2: grace stands in line 1 already");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_waits_for_its_window),
		cmocka_unit_test(a_window_may_go_over_midnight),
		cmocka_unit_test(weekdays_are_those_of_the_zone),
		cmocka_unit_test(no_day_is_lost_when_clocks_change),
		cmocka_unit_test(the_deadline_is_not_waited_over),
		cmocka_unit_test(without_hours_nothing_restarts_by_itself),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
