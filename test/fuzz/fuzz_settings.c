// SPDX-License-Identifier: Apache-2.0

/** @file Fuzz the settings of a calendar, and what is printed of one that is taken. */

#include "fuzz.h"
#include "release/calendar_print.h"

#include <time.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	GRAFT_CLEANUP(graft_calendar_freep)
	struct graft_calendar *calendar = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_calendar_parse((const char *)bytes,
						       size, "fuzz", &calendar);

	if (err) {
		refused(err);
		return 0;
	}
	for (int month = 1; month <= GRAFT_MONTHS; month++)
		promise(graft_day_is_valid(graft_calendar_release_day(
			calendar, GRAFT_YEAR_MAX, month)));
	struct graft_calendar_view view = { .calendar = calendar,
					    .year = 2026,
					    .now = 1790000000 };
	must(graft_calendar_print_text(&view, &text));
	must(graft_calendar_print_json(&view, &text));
	must(graft_calendar_print_ics(&view, &text));
	return 0;
}
