// SPDX-License-Identifier: Apache-2.0

#include "release/calendar.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WEEK_DAYS = 7,
	NOON = 12,
};

void
graft_calendar_free(struct graft_calendar *calendar)
{
	if (!calendar)
		return;
	for (size_t i = 0; i < calendar->exception_count; i++)
		free(calendar->exceptions[i].reason);
	for (size_t i = 0; i < calendar->group_count; i++)
		free(calendar->groups[i].name);
	free(calendar->exceptions);
	free(calendar->groups);
	free(calendar->zone);
	free(calendar);
}

/** Let the C library say what a day is: the 31st of April is the 1st of May. */
static struct tm
normal(struct graft_day day)
{
	struct tm tm = {
		.tm_year = day.year - 1900,
		.tm_mon = day.month - 1,
		.tm_mday = day.day,
		.tm_hour = NOON,
	};

	(void)timegm(&tm);
	return tm;
}

bool
graft_day_is_valid(struct graft_day day)
{
	if (day.year < GRAFT_YEAR_MIN || day.year > GRAFT_YEAR_MAX ||
	    day.month < 1 || day.month > GRAFT_MONTHS || day.day < 1 ||
	    day.day > 31)
		return false;
	return normal(day).tm_mday == day.day;
}

int
graft_day_weekday(struct graft_day day)
{
	return normal(day).tm_wday;
}

int
graft_day_compare(struct graft_day a, struct graft_day b)
{
	if (a.year != b.year)
		return a.year < b.year ? -1 : 1;
	if (a.month != b.month)
		return a.month < b.month ? -1 : 1;
	return (a.day > b.day) - (a.day < b.day);
}

struct graft_day
graft_calendar_release_day(const struct graft_calendar *calendar, int year,
			   int month)
{
	struct graft_day day = { year, month, 1 };

	day.day += (calendar->weekday - graft_day_weekday(day) + WEEK_DAYS) %
		   WEEK_DAYS;
	for (int week = 1; week < calendar->week; week++) {
		struct graft_day next = day;
		next.day += WEEK_DAYS;
		if (!graft_day_is_valid(next))
			break;
		day = next;
	}
	return day;
}

/** Find the unplanned baseline of a month, or NULL. */
static const struct graft_calendar_exception *
find_unplanned(const struct graft_calendar *calendar, int year, int month)
{
	for (size_t i = 0; i < calendar->exception_count; i++) {
		const struct graft_calendar_exception *e =
			&calendar->exceptions[i];
		if (!e->day.day && e->day.year == year && e->day.month == month)
			return e;
	}
	return NULL;
}

static struct graft_calendar_entry
month_entry(const struct graft_calendar *calendar, int year, int month)
{
	const struct graft_calendar_exception *unplanned =
		find_unplanned(calendar, year, month);
	bool planned = calendar->baseline_months & (1U << month);

	return (struct graft_calendar_entry){
		.day = graft_calendar_release_day(calendar, year, month),
		.line = planned || unplanned ? GRAFT_LINE_BASELINE
					     : GRAFT_LINE_HOTPATCH,
		.unplanned = unplanned && !planned,
		.reason = unplanned ? unplanned->reason : "",
	};
}

static int
by_day(const void *a, const void *b)
{
	const struct graft_calendar_entry *one = a;
	const struct graft_calendar_entry *other = b;
	int order = graft_day_compare(one->day, other->day);

	return order ? order : one->out_of_band - other->out_of_band;
}

struct graft_error *
graft_calendar_list(const struct graft_calendar *calendar, int year,
		    struct graft_calendar_entry **ret, size_t *count_ret)
{
	size_t count = 0;
	struct graft_calendar_entry *entries = calloc(
		GRAFT_MONTHS + calendar->exception_count, sizeof(*entries));

	if (!entries)
		return graft_error_no_memory();
	for (int month = 1; month <= GRAFT_MONTHS; month++)
		entries[count++] = month_entry(calendar, year, month);
	for (size_t i = 0; i < calendar->exception_count; i++) {
		const struct graft_calendar_exception *e =
			&calendar->exceptions[i];
		if (e->day.day && e->day.year == year)
			entries[count++] = (struct graft_calendar_entry){
				.day = e->day,
				.line = e->line,
				.out_of_band = true,
				.reason = e->reason,
			};
	}
	qsort(entries, count, sizeof(*entries), by_day);
	*ret = entries;
	*count_ret = count;
	return NULL;
}

struct graft_calendar_outlook
graft_calendar_look_out(const struct graft_calendar_entry *entries,
			size_t count, int quarter,
			const struct graft_calendar_group *group)
{
	struct graft_calendar_outlook outlook = { 0 };

	for (size_t i = 0; i < count; i++) {
		int of = (entries[i].day.month - 1) / 3 + 1;
		if (of != quarter)
			continue;
		if (group->hotpatch && entries[i].line == GRAFT_LINE_HOTPATCH)
			outlook.hotpatches++;
		else
			outlook.restarts++;
	}
	return outlook;
}

const char *
graft_line_name(enum graft_line line)
{
	static const char *const names[] = {
		[GRAFT_LINE_BASELINE] = "baseline",
		[GRAFT_LINE_HOTPATCH] = "hotpatch",
		[GRAFT_LINE_CUMULATIVE] = "cumulative",
	};

	return names[line];
}
