// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

static const char *const both[] = {
	"g++ -g -O2 -fPIC -shared -x c++",
	"g++ -gdwarf-4 -O0 -fPIC -shared -x c++",
	"clang++ -g -O2 -fPIC -shared -x c++",
};

/** An array of a class that is kept in a variable. */
static const char *const form =
	"struct part { long x; %s };\n"
	"struct res { part p; int k; %s };\n"
	"static res *all; static int count;\n"
	"#define KEEP __attribute__((noinline))\n"
	"KEEP void make(int n) { all = new res%s; count = %s; }\n"
	"KEEP void end() { delete%s all; all = nullptr; %s }\n"
	"KEEP long sum(int n) { long s = n;\n"
	" for (int i = 0; i < count; i++) s += all[i].p.x; return s; }\n";

static void
fill(char *buf, const char *part, const char *res, bool array, const char *more)
{
	snprintf(buf, 2048, form, part, res, array ? "[n]" : "", "n",
		 array ? "[]" : "", more);
}

static void
a_class_that_gains_or_loses_a_destructor_is_refused_where_it_has_arrays(
	void **state)
{
	static const char *const ends =
		"~res() noexcept { asm volatile(\"nop\"); }";
	char o[2048];
	char n[2048];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fill(o, "", "", true, "");
		fill(n, "", ends, true, "");
		must_say(both[i], o, n, "R-03",
			 "now have their number in front");
		must_say(both[i], n, o, "R-03",
			 "no longer have their number in front");
	}
}

static void
a_member_brings_its_destructor_with_it(void **state)
{
	char o[2048];
	char n[2048];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fill(o, "", "", true, "");
		fill(n, "~part() noexcept { asm volatile(\"nop\"); }", "", true,
		     "");
		must_say(both[i], o, n, "R-03", "struct res");
	}
}

static void
a_destructor_without_arrays_and_arrays_as_before_are_proven(void **state)
{
	static const char *const ends =
		"~res() noexcept { asm volatile(\"nop\"); }";
	char o[2048];
	char n[2048];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fill(o, "", "", false, "");
		fill(n, "", ends, false, "asm volatile(\"nop\");");
		must_be(both[i], o, n, GRAFT_ASSURANCE_PROVEN);
		fill(o, "", ends, true, "");
		fill(n, "", ends, true, "asm volatile(\"nop\");");
		must_be(both[i], o, n, GRAFT_ASSURANCE_PROVEN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_class_that_gains_or_loses_a_destructor_is_refused_where_it_has_arrays),
		cmocka_unit_test(a_member_brings_its_destructor_with_it),
		cmocka_unit_test(
			a_destructor_without_arrays_and_arrays_as_before_are_proven),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
