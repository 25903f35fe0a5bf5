// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define SOURCE "int a(int x) { return x * 3; }\n"
#define PLAIN  "cc -O2 -fPIC -shared -s -x c"
#define OUTSIDE                                                                \
	"cc -O2 -fPIC -shared -s -Wl,--enable-new-dtags,-rpath,/opt/a -x c"
#define OTHER                                                                  \
	"cc -O2 -fPIC -shared -s -Wl,--enable-new-dtags,-rpath,/opt/b -x c"
#define OLD_TAGS                                                               \
	"cc -O2 -fPIC -shared -s -Wl,--disable-new-dtags,-rpath,/opt/a -x c"
#define SYMBOLIC   "cc -O2 -fPIC -shared -s -Wl,-Bsymbolic -x c"
#define EXEC_STACK "cc -O2 -fPIC -shared -s -Wl,-z,execstack -x c"

/** The same code is identical, and one note says what the loader is asked. */
static void
must_say(const char *old_command, const char *new_command, const char *what)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result =
		judge_commands(old_command, new_command, SOURCE, SOURCE);
	const struct graft_reason *reason = find_reason(&result, "R-26", true);

	print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_IDENTICAL);
	assert_int_equal(result.reason_count, what ? 1 : 0);
	assert_int_equal(reason != NULL, what != NULL);
	if (what)
		assert_non_null(strstr(reason->text, what));
}

static void
another_search_path_is_said(void **state)
{
	(void)state;
	must_say(PLAIN, OUTSIDE, "was none and is \"/opt/a\"");
	must_say(OUTSIDE, OTHER, "was \"/opt/a\" and is \"/opt/b\"");
	must_say(OUTSIDE, PLAIN, "was \"/opt/a\" and is none");
}

static void
own_symbols_that_come_first_are_said(void **state)
{
	(void)state;
	must_say(PLAIN, SYMBOLIC, "come first in the new build");
	must_say(SYMBOLIC, PLAIN, "came first in the old build");
}

static void
stacks_that_can_be_executed_are_said(void **state)
{
	(void)state;
	must_say(PLAIN, EXEC_STACK, "the new build asks for stacks");
	must_say(EXEC_STACK, PLAIN, "the old build asked for stacks");
}

static void
of_what_is_asked_alike_nothing_is_said(void **state)
{
	(void)state;
	must_say(PLAIN, PLAIN, NULL);
	must_say(OLD_TAGS, OUTSIDE, NULL);
	must_say(SYMBOLIC, SYMBOLIC, NULL);
	must_say(EXEC_STACK, EXEC_STACK, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_search_path_is_said),
		cmocka_unit_test(own_symbols_that_come_first_are_said),
		cmocka_unit_test(stacks_that_can_be_executed_are_said),
		cmocka_unit_test(of_what_is_asked_alike_nothing_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
