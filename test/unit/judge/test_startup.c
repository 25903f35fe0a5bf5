// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define STATE "static int ready; int get(void) { return ready; }\n"

static void
a_changed_constructor_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE STATE
		"__attribute__((constructor)) static void up(void) { ready += 3; }\n",
		PRELUDE STATE
		"__attribute__((constructor)) static void up(void) { ready ^= 4; }\n",
		"R-05");
}

static void
a_new_constructor_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, PRELUDE STATE,
		PRELUDE STATE
		"__attribute__((constructor)) static void up(void) { ready += 3; }\n",
		"R-05");
}

static void
a_changed_destructor_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE STATE
		"__attribute__((destructor)) static void down(void) { ready += 3; }\n",
		PRELUDE STATE
		"__attribute__((destructor)) static void down(void) { ready ^= 4; }\n",
		"R-05");
}

static void
what_only_a_constructor_runs_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE STATE
		"KEEP static void help(int n) { ready += n; }\n"
		"__attribute__((constructor)) static void up(void) { help(3); ready *= 2; }\n",
		PRELUDE STATE
		"KEEP static void help(int n) { ready ^= n; }\n"
		"__attribute__((constructor)) static void up(void) { help(3); ready *= 2; }\n",
		"R-05");
}

static void
what_others_run_too_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE STATE
		"KEEP static void help(int n) { ready += n; }\n"
		"void again(int n) { help(n); ready--; }\n"
		"__attribute__((constructor)) static void up(void) { help(3); ready *= 2; }\n",
		PRELUDE STATE
		"KEEP static void help(int n) { ready ^= n; }\n"
		"void again(int n) { help(n); ready--; }\n"
		"__attribute__((constructor)) static void up(void) { help(3); ready *= 2; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changed_constructor_is_refused),
		cmocka_unit_test(a_new_constructor_is_refused),
		cmocka_unit_test(a_changed_destructor_is_refused),
		cmocka_unit_test(what_only_a_constructor_runs_is_refused),
		cmocka_unit_test(what_others_run_too_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
