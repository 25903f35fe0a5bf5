// SPDX-License-Identifier: Apache-2.0

#include "release/calendar.h"

#include "base/settings.h"
#include "base/vec.h"
#include "release/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Exceptions and groups that a calendar may have. */
	EXCEPTIONS_MAX = 1024,
	GROUPS_MAX = 256,
	GROUP_LEN = 64,
	TUESDAY = 2,
	SECOND = 2,
	TEN = 10 * 60,
	WORD_LEN = 16,
};

/** Who is being read. */
struct reading {
	struct graft_calendar *calendar;
	size_t exception_room;
	size_t group_room;
	/** Lines that set what stands once; 0: not yet. */
	size_t seen[8];
};

static const char *const weekdays[] = { "sunday",    "monday",   "tuesday",
					"wednesday", "thursday", "friday",
					"saturday" };
static const char *const weeks[] = { "first", "second", "third", "fourth",
				     "last" };
static const char *const lines[] = { "baseline", "hotpatch", "cumulative" };

/** Find a word in a list; @p count if it is not there. */
static size_t
find(const char *word, const char *const *list, size_t count)
{
	size_t i = 0;

	while (i < count && strcmp(list[i], word) != 0)
		i++;
	return i;
}

/** Read one word of a list. */
GRAFT_MUST_CHECK static struct graft_error *
read_word(const struct graft_setting *setting, const char *word,
	  const char *const *list, size_t count, size_t *ret)
{
	*ret = find(word, list, count);
	if (*ret < count)
		return NULL;
	return graft_setting_wrong(setting, "%s: '%.40s'; did you mean '%s'?",
				   setting->key, word,
				   graft_nearest_word(word, list, count));
}

#define READ_WORD(setting, word, list, ret)                                    \
	read_word(setting, word, list, sizeof(list) / sizeof(*(list)), ret)

/** Read digits: just so many. Moves behind them. */
static bool
read_digits(const char **at, int digits, int *ret)
{
	*ret = 0;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*ret = *ret * 10 + (**at - '0');
	}
	return true;
}

/** Read "2026-06" and, if that is wanted, "-16". Moves behind it. */
static bool
read_day(const char **at, bool with_day, struct graft_day *ret)
{
	struct graft_day day = { 0 };

	if (!read_digits(at, 4, &day.year) || *(*at)++ != '-' ||
	    !read_digits(at, 2, &day.month))
		return false;
	if (with_day && (*(*at)++ != '-' || !read_digits(at, 2, &day.day)))
		return false;
	*ret = day;
	if (!with_day)
		day.day = 1;
	return (**at == ' ' || **at == '\t' || !**at) &&
	       graft_day_is_valid(day);
}

static const char *
skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/** Cut the next word off. False if it is too long for one of ours. */
static bool
next_word(const char **at, char *word, size_t room)
{
	const char *from = skip_blanks(*at);
	size_t len = strcspn(from, " \t");

	*at = from + len;
	if (len >= room)
		return false;
	memcpy(word, from, len);
	word[len] = '\0';
	return true;
}

GRAFT_MUST_CHECK static struct graft_error *
read_months(const struct graft_setting *setting, uint16_t *ret)
{
	const char *at = setting->value;
	uint16_t months = 0;

	for (;;) {
		char *end;
		at = skip_blanks(at);
		long month = isdigit((unsigned char)*at) ? strtol(at, &end, 10)
							 : 0;
		if (month < 1 || month > GRAFT_MONTHS || months & (1U << month))
			return graft_setting_wrong(
				setting,
				"%s: months from 1 to 12, each once, such as '1, 4, 7, 10'",
				setting->key);
		months |= (uint16_t)(1U << month);
		at = skip_blanks(end);
		if (!*at)
			break;
		if (*at++ != ',')
			return graft_setting_wrong(
				setting, "%s: months are separated by ','",
				setting->key);
	}
	*ret = months;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_time(const struct graft_setting *setting, int *ret)
{
	const char *at = setting->value;
	int hour;
	int minute;

	if (!read_digits(&at, 2, &hour) || *at++ != ':' ||
	    !read_digits(&at, 2, &minute) || *at || hour > 23 || minute > 59)
		return graft_setting_wrong(
			setting, "%s: '%.40s' is no time such as '10:00'",
			setting->key, setting->value);
	*ret = hour * 60 + minute;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_zone(const struct graft_setting *setting, char **ret)
{
	if (!graft_zone_is_known(setting->value))
		return graft_setting_wrong(
			setting,
			"%s: this host knows no zone '%.40s'; such as 'Europe/Berlin'",
			setting->key, setting->value);
	free(*ret);
	*ret = strdup(setting->value);
	return *ret ? NULL : graft_error_no_memory();
}

/** Take over an exception, with what is left of the value as its reason. */
GRAFT_MUST_CHECK static struct graft_error *
add_exception(struct reading *reading, const struct graft_setting *setting,
	      struct graft_calendar_exception exception, const char *reason)
{
	struct graft_calendar *calendar = reading->calendar;

	for (size_t i = 0; i < calendar->exception_count; i++) {
		if (graft_day_compare(calendar->exceptions[i].day,
				      exception.day) == 0)
			return graft_setting_wrong(
				setting, "%s: stands in the file already",
				setting->key);
	}
	if (calendar->exception_count == EXCEPTIONS_MAX)
		return graft_setting_wrong(setting, "more than %d exceptions",
					   EXCEPTIONS_MAX);
	struct graft_error *err = graft_vec_reserve(
		&calendar->exceptions, &reading->exception_room,
		calendar->exception_count + 1, sizeof(exception));
	if (err)
		return err;
	exception.reason = strdup(skip_blanks(reason));
	if (!exception.reason)
		return graft_error_no_memory();
	calendar->exceptions[calendar->exception_count++] = exception;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_unplanned(struct reading *reading, const struct graft_setting *setting)
{
	const char *at = setting->value;
	struct graft_calendar_exception e = { .line = GRAFT_LINE_BASELINE };

	if (!read_day(&at, false, &e.day))
		return graft_setting_wrong(
			setting, "%s: begins with no month such as '2026-06'",
			setting->key);
	return add_exception(reading, setting, e, at);
}

GRAFT_MUST_CHECK static struct graft_error *
read_out_of_band(struct reading *reading, const struct graft_setting *setting)
{
	const char *at = setting->value;
	struct graft_calendar_exception e = { 0 };
	char word[WORD_LEN];
	size_t line;

	if (!read_day(&at, true, &e.day))
		return graft_setting_wrong(
			setting, "%s: begins with no day such as '2026-05-16'",
			setting->key);
	if (!next_word(&at, word, sizeof(word)))
		return graft_setting_wrong(
			setting,
			"%s: behind the day stands 'baseline', 'hotpatch' or 'cumulative'",
			setting->key);
	struct graft_error *err = READ_WORD(setting, word, lines, &line);
	e.line = (enum graft_line)line;
	return err ? err : add_exception(reading, setting, e, at);
}

GRAFT_MUST_CHECK static struct graft_error *
read_group(struct reading *reading, const struct graft_setting *setting)
{
	static const char *const tracks[] = { "hotpatch", "cumulative" };
	struct graft_calendar *calendar = reading->calendar;
	const char *at = setting->value;
	char name[GROUP_LEN];
	char word[WORD_LEN];
	size_t track;

	if (!next_word(&at, name, sizeof(name)) ||
	    !next_word(&at, word, sizeof(word)) || *skip_blanks(at))
		return graft_setting_wrong(
			setting, "%s: a name, and 'hotpatch' or 'cumulative'",
			setting->key);
	struct graft_error *err = READ_WORD(setting, word, tracks, &track);
	for (size_t i = 0; !err && i < calendar->group_count; i++) {
		if (strcmp(calendar->groups[i].name, name) == 0)
			err = graft_setting_wrong(
				setting, "%s: there are two called '%s'",
				setting->key, name);
	}
	if (!err && calendar->group_count == GROUPS_MAX)
		err = graft_setting_wrong(setting, "more than %d groups",
					  GROUPS_MAX);
	if (!err)
		err = graft_vec_reserve(&calendar->groups, &reading->group_room,
					calendar->group_count + 1,
					sizeof(*calendar->groups));
	if (err)
		return err;
	char *copy = strdup(name);
	if (!copy)
		return graft_error_no_memory();
	calendar->groups[calendar->group_count++] =
		(struct graft_calendar_group){ copy, track == 0 };
	return NULL;
}

/** Keys, in the order of #key; those from #KEY_UNPLANNED on may stand often. */
enum key {
	KEY_WEEKDAY,
	KEY_WEEK,
	KEY_BASELINE_MONTHS,
	KEY_TIME,
	KEY_TIME_ZONE,
	KEY_UNPLANNED,
	KEY_OUT_OF_BAND,
	KEY_GROUP,
	KEY_COUNT,
};
static const char *const keys[KEY_COUNT] = {
	"weekday",     "week",      "baseline-months",
	"time",        "time-zone", "unplanned-baseline",
	"out-of-band", "group",
};

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	struct graft_calendar *calendar = reading->calendar;
	size_t key = find(setting->key, keys, KEY_COUNT);
	size_t word = 0;
	struct graft_error *err;

	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	if (key < KEY_UNPLANNED && reading->seen[key])
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   setting->key, reading->seen[key]);
	reading->seen[key] = setting->line;
	switch ((enum key)key) {
	case KEY_WEEKDAY:
		err = READ_WORD(setting, setting->value, weekdays, &word);
		calendar->weekday = (int)word;
		return err;
	case KEY_WEEK:
		err = READ_WORD(setting, setting->value, weeks, &word);
		calendar->week = (int)word + 1;
		return err;
	case KEY_BASELINE_MONTHS:
		return read_months(setting, &calendar->baseline_months);
	case KEY_TIME:
		return read_time(setting, &calendar->minute);
	case KEY_TIME_ZONE:
		return read_zone(setting, &calendar->zone);
	case KEY_UNPLANNED:
		return read_unplanned(reading, setting);
	case KEY_OUT_OF_BAND:
		return read_out_of_band(reading, setting);
	default:
		return read_group(reading, setting);
	}
}

/** An unplanned baseline takes the place of a hotpatch, or it was planned. */
GRAFT_MUST_CHECK static struct graft_error *
check(const struct graft_calendar *calendar, const char *file)
{
	for (size_t i = 0; i < calendar->exception_count; i++) {
		const struct graft_calendar_exception *e =
			&calendar->exceptions[i];
		if (!e->day.day &&
		    calendar->baseline_months & (1U << e->day.month))
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: unplanned-baseline: %04d-%02d is a month of a baseline anyway",
				file, e->day.year, e->day.month);
	}
	return NULL;
}

/** Give what a file does not say. */
GRAFT_MUST_CHECK static struct graft_error *
make_defaults(struct graft_calendar **ret)
{
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = calloc(1, sizeof(*calendar));

	if (!calendar)
		return graft_error_no_memory();
	calendar->weekday = TUESDAY;
	calendar->week = SECOND;
	calendar->baseline_months = 1U << 1 | 1U << 4 | 1U << 7 | 1U << 10;
	calendar->minute = TEN;
	calendar->zone = strdup("UTC");
	if (!calendar->zone)
		return graft_error_no_memory();
	*ret = GRAFT_TAKE(calendar);
	return NULL;
}

struct graft_error *
graft_calendar_parse(const char *text, size_t len, const char *file,
		     struct graft_calendar **ret)
{
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = NULL;
	struct graft_error *err = make_defaults(&calendar);

	if (err)
		return err;
	struct reading reading = { .calendar = calendar };
	err = graft_settings_each(text, len, file, take, &reading);
	// Who names no groups sees both tracks.
	if (!err && !calendar->group_count) {
		static const char both[] = "group = eligible hotpatch\n"
					   "group = others cumulative\n";
		err = graft_settings_each(both, strlen(both), file, take,
					  &reading);
	}
	if (!err)
		err = check(calendar, file);
	if (err)
		return err;
	*ret = GRAFT_TAKE(calendar);
	return NULL;
}
