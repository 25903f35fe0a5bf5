// SPDX-License-Identifier: Apache-2.0

/** @file The faces of a calendar: a table, JSON, and iCalendar (RFC 5545). */

#ifndef GRAFT_RELEASE_CALENDAR_PRINT_H
#define GRAFT_RELEASE_CALENDAR_PRINT_H

#include "base/text.h"
#include "release/calendar.h"

#include <time.h>

/** What is printed. graft_zone_enter() was told the zone of the calendar. */
struct graft_calendar_view {
	/** Borrowed. */
	const struct graft_calendar *calendar;
	/** Year that is shown. */
	int year;
	/** What time it is: of it the next quarter is told. */
	time_t now;
};

/** Append tables: what comes, and what each group lives through. */
GRAFT_MUST_CHECK struct graft_error *
graft_calendar_print_text(const struct graft_calendar_view *view,
			  struct graft_text *text);

/** Append one JSON object and a newline. */
GRAFT_MUST_CHECK struct graft_error *
graft_calendar_print_json(const struct graft_calendar_view *view,
			  struct graft_text *text);

/** Append a calendar of RFC 5545, an event for each release. */
GRAFT_MUST_CHECK struct graft_error *
graft_calendar_print_ics(const struct graft_calendar_view *view,
			 struct graft_text *text);

#endif /* GRAFT_RELEASE_CALENDAR_PRINT_H */
