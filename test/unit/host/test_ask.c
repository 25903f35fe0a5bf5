// SPDX-License-Identifier: Apache-2.0

// Another program is asked: what it prints, and that it cannot keep us.

#include "host/ask.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct graft_error *
ask(const char *name, const char *one, const char *two, uint64_t limit_us,
    char **text_ret)
{
	char *argv[] = { (char *)name, (char *)one, (char *)two, NULL };
	size_t len;

	return graft_ask(argv, limit_us, text_ret, &len);
}

static void
its_output_is_taken_and_nothing_else(void **state)
{
	GRAFT_FREE char *text = NULL;

	(void)state;
	assert_null(
		ask("sh", "-c",
		    "echo \"$0 $LC_ALL $HOME\"; echo no >&2; read x; exit 7",
		    10000000, &text));
	assert_string_equal(text, "sh C.UTF-8 \n");
}

static void
what_is_not_there_says_nothing(void **state)
{
	GRAFT_FREE char *text = NULL;

	(void)state;
	assert_null(ask("no-such-program", NULL, NULL, 1000000, &text));
	assert_null(text);
}

static void
one_that_does_not_answer_is_not_waited_for(void **state)
{
	static const char *const sleepers[] = { "sleep 1000",
						"echo x; exec sleep 1000",
						"yes" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		GRAFT_FREE char *text = NULL;
		uint64_t before = graft_clock_monotonic_us();
		struct graft_error *err = ask("sh", "-c", sleepers[i], 200000,
					      &text);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_LIMIT);
		assert_null(text);
		graft_error_free(err);
		assert_true(graft_clock_monotonic_us() - before < 30000000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_output_is_taken_and_nothing_else),
		cmocka_unit_test(what_is_not_there_says_nothing),
		cmocka_unit_test(one_that_does_not_answer_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
