// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The calendar of releases: on which day of each month something comes, and whether it
 * restarts.
 *
 * Each month has a *release day*, by default its second Tuesday. In some months, by
 * default the first of each quarter, it is a *baseline*: all of it, with a restart. In
 * the others it is a *hotpatch*: security fixes only, and no restart for a device that
 * is on the current baseline; every other device gets a *cumulative* update with the same
 * fixes, and restarts. A fix that cannot be hot makes an *unplanned baseline* of such a
 * month. What cannot wait for a release day comes *out of band*.
 *
 * All of this is arithmetic: nothing here knows what time it is.
 */

#ifndef GRAFT_RELEASE_CALENDAR_H
#define GRAFT_RELEASE_CALENDAR_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Years that a calendar is made for. */
enum {
	GRAFT_YEAR_MIN = 2000,
	GRAFT_YEAR_MAX = 2999,
	GRAFT_MONTHS = 12,
	GRAFT_QUARTERS = 4,
};

/** What comes on a day. */
enum graft_line {
	/** All fixes, with a restart; devices may take hotpatches on it. */
	GRAFT_LINE_BASELINE,
	/** Security fixes without a restart, for devices on the current baseline. */
	GRAFT_LINE_HOTPATCH,
	/** All fixes with a restart, and no new baseline. */
	GRAFT_LINE_CUMULATIVE,
};

/** A day; January is 1. */
struct graft_day {
	int year;
	int month;
	int day;
};

/** What stands in a calendar beside its rule. */
struct graft_calendar_exception {
	/** Of an unplanned baseline only year and month; its day is 0. */
	struct graft_day day;
	/** Of what comes out of band. */
	enum graft_line line;
	/** For people; "" for none. Owned. */
	char *reason;
};

/** Devices that live through the same. */
struct graft_calendar_group {
	/** Owned. */
	char *name;
	/** They may have hotpatches; otherwise each release restarts them. */
	bool hotpatch;
};

/** A calendar. */
struct graft_calendar {
	/** The release day: 0 is Sunday; 1 is the first of the month, 5 the last. */
	int weekday;
	int week;
	/** Bit 1 is January. */
	uint16_t baseline_months;
	/** When on that day, in minutes of the zone's clock, and the zone. Owned. */
	int minute;
	char *zone;
	struct graft_calendar_exception *exceptions;
	size_t exception_count;
	struct graft_calendar_group *groups;
	size_t group_count;
};

/** What comes on one day of a year. */
struct graft_calendar_entry {
	struct graft_day day;
	enum graft_line line;
	/** A hotpatch was planned for that month. */
	bool unplanned;
	bool out_of_band;
	/** Lent by the calendar; "" for none. */
	const char *reason;
};

/** What a group lives through. */
struct graft_calendar_outlook {
	/** Releases that restart it, and releases that do not. */
	unsigned restarts;
	unsigned hotpatches;
};

/**
 * Decode the settings of a calendar.
 *
 * @param[in] text Untrusted, @p len bytes; docs/decisions/calendar.md has the keys.
 * @param[in] file What errors call it.
 * @param[out] ret New; free with graft_calendar_free(). What the text does not say has
 * its default.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_calendar_parse(const char *text, size_t len, const char *file,
		     struct graft_calendar **ret);

/** Free a calendar. NULL is a no-op. */
void
graft_calendar_free(struct graft_calendar *calendar);
GRAFT_DEFINE_CLEANUP(struct graft_calendar, graft_calendar_free)

/** Say whether there is such a day. */
bool
graft_day_is_valid(struct graft_day day);

/** Compute the day of the week; 0 is Sunday. @p day is valid. */
int
graft_day_weekday(struct graft_day day);

/** Compare two days, as strcmp(3) does. */
int
graft_day_compare(struct graft_day a, struct graft_day b);

/** Compute the release day of a month. @param[in] month From 1. */
struct graft_day
graft_calendar_release_day(const struct graft_calendar *calendar, int year,
			   int month);

/**
 * List what comes in a year, by day.
 *
 * @param[in] year From #GRAFT_YEAR_MIN to #GRAFT_YEAR_MAX.
 * @param[out] ret New array that the caller frees.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_calendar_list(const struct graft_calendar *calendar, int year,
		    struct graft_calendar_entry **ret, size_t *count_ret);

/**
 * Count what a group lives through in a quarter.
 *
 * @param[in] entries Of graft_calendar_list().
 * @param[in] quarter From 1 to #GRAFT_QUARTERS.
 */
struct graft_calendar_outlook
graft_calendar_look_out(const struct graft_calendar_entry *entries,
			size_t count, int quarter,
			const struct graft_calendar_group *group);

/** Get the word for a line: "baseline". Static. */
const char *
graft_line_name(enum graft_line line);

#endif /* GRAFT_RELEASE_CALENDAR_H */
