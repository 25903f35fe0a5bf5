// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define RING(next, place)                                                      \
	"struct ring { long id; unsigned at, n; long slot[64]; };\n"           \
	"void put(struct ring *r, long v) { r->slot[" place "] = v; "          \
	"r->at = " next "; }\n"
#define RAW "r->at + 1"
#define CUT "(r->at + 1) & 63"

static void
a_number_that_is_cut_when_it_is_kept_now_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, RING(RAW, "r->at & 63"), RING(CUT, "r->at"),
		    "R-24");
	must_refuse(STRIPPED, RING(RAW, "r->at & 63"), RING(CUT, "r->at"),
		    "R-24");
}

static void
a_number_that_is_cut_no_more_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, RING(CUT, "r->at"), RING(RAW, "r->at & 63"),
		    "R-24");
	must_refuse(LIBRARY, RING(CUT, "r->at"),
		    RING("(r->at + 1) & 31", "r->at"), "R-24");
}

static void
a_number_that_is_cut_where_it_is_used_too_is_accepted(void **state)
{
	(void)state;
	must_accept(LIBRARY, RING(RAW, "r->at & 63"), RING(CUT, "r->at & 63"));
	must_accept(LIBRARY, RING(CUT, "r->at"),
		    RING("r->n < 9 ? r->at : " CUT, "r->at"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_number_that_is_cut_when_it_is_kept_now_is_refused),
		cmocka_unit_test(a_number_that_is_cut_no_more_is_refused),
		cmocka_unit_test(
			a_number_that_is_cut_where_it_is_used_too_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
