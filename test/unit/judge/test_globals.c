// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define CODE                                                                   \
	"KEEP int get(int i) { return table[i]; }\n"                           \
	"KEEP void put(int i, int v) { table[i] = v; count += v; }\n"

static void
an_exported_object_that_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, PRELUDE "int table[4], count;\n" CODE,
		    PRELUDE "int table[8], count;\n" CODE, "R-03");
}

static void
a_local_object_that_grew_is_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, PRELUDE "static int table[4], count;\n" CODE,
		    PRELUDE "static int table[8], count;\n" CODE, "R-03");
}

static void
a_local_object_that_grew_is_seen_without_symbols(void **state)
{
	(void)state;
	must_refuse(STRIPPED,
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1001; }\n",
		    PRELUDE "static int table[40], count;\n" CODE
			    "int more(int i) { return i + 1002; }\n",
		    "R-03");
}

static void
objects_that_stay_are_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1001; }\n",
		    PRELUDE "static int table[4], count;\n" CODE
			    "int more(int i) { return i + 1002; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exported_object_that_grew_is_refused),
		cmocka_unit_test(a_local_object_that_grew_is_refused),
		cmocka_unit_test(
			a_local_object_that_grew_is_seen_without_symbols),
		cmocka_unit_test(objects_that_stay_are_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
