// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define USER                                                                   \
	"int B::f(int x) { return x + 1001; }\n"                               \
	"int B::g(int x) { return x * 5; }\n"                                  \
	"B *make() { static B b; return &b; }\n"

static void
a_table_with_a_slot_more_is_refused(void **state)
{
	(void)state;
	must_refuse(
		CXX,
		"struct B { virtual int f(int); virtual int g(int); };\n" USER,
		"struct B { virtual int f(int); virtual int h(int); virtual int g(int); };\n" USER
		"int B::h(int x) { return x ^ 9; }\n",
		"R-10");
}

static void
a_table_with_a_slot_more_is_seen_without_symbols(void **state)
{
	(void)state;
	must_refuse(
		"c++ -O2 -fPIC -shared -s -fvisibility=hidden -x c++",
		"struct B { virtual int f(int); virtual int g(int); };\n" USER
		"__attribute__((visibility(\"default\"))) int use(B *b) { return b->g(1); }\n"
		"__attribute__((visibility(\"default\"))) B *give() { return make(); }\n",
		"struct B { virtual int f(int); virtual int h(int); virtual int g(int); };\n" USER
		"int B::h(int x) { return x ^ 9; }\n"
		"__attribute__((visibility(\"default\"))) int use(B *b) { return b->g(1); }\n"
		"__attribute__((visibility(\"default\"))) B *give() { return make(); }\n",
		"R-10");
}

static void
a_changed_virtual_function_is_accepted(void **state)
{
	(void)state;
	must_accept(
		CXX,
		"struct B { virtual int f(int); virtual int g(int); };\n" USER,
		"struct B { virtual int f(int); virtual int g(int); };\n"
		"int B::f(int x) { return x + 1001; }\n"
		"int B::g(int x) { return x < 0 ? 0 : x * 5; }\n"
		"B *make() { static B b; return &b; }\n");
}

#define HIDDEN "c++ -O2 -fPIC -shared -s -fvisibility=hidden -x c++"
#define SHOWN                                                                  \
	USER "int B::h(int x) { return x ^ 9; }\n"                             \
	     "#define SHOW __attribute__((visibility(\"default\")))\n"         \
	     "SHOW int use(B *b) { return b->g(1); }\n"                        \
	     "SHOW B *give() { return make(); }\n"

static void
functions_that_changed_places_are_seen_without_symbols(void **state)
{
	(void)state;
	must_refuse(
		HIDDEN,
		"struct B { virtual int f(int); virtual int g(int); virtual int h(int); };\n" SHOWN,
		"struct B { virtual int f(int); virtual int h(int); virtual int g(int); };\n" SHOWN,
		"R-10");
}

static void
functions_in_their_places_are_accepted_without_symbols(void **state)
{
	static const char *const source =
		"struct B { virtual int f(int); virtual int g(int); virtual int h(int); };\n" SHOWN;

	(void)state;
	must_accept(
		HIDDEN, source,
		"struct B { virtual int f(int); virtual int g(int); virtual int h(int); };\n"
		"int B::f(int x) { return x + 1001; }\n"
		"int B::g(int x) { return x < 0 ? 0 : x * 5; }\n"
		"B *make() { static B b; return &b; }\n"
		"int B::h(int x) { return x ^ 9; }\n"
		"#define SHOW __attribute__((visibility(\"default\")))\n"
		"SHOW int use(B *b) { return b->g(1); }\n"
		"SHOW B *give() { return make(); }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_with_a_slot_more_is_refused),
		cmocka_unit_test(
			a_table_with_a_slot_more_is_seen_without_symbols),
		cmocka_unit_test(a_changed_virtual_function_is_accepted),
		cmocka_unit_test(
			functions_that_changed_places_are_seen_without_symbols),
		cmocka_unit_test(
			functions_in_their_places_are_accepted_without_symbols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
