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

/** Two tables whose order in the module is that of their definitions. */
#define TWO(first, second)                                                            \
	"struct A { virtual int f(int); virtual int g(int); virtual int h(int); };\n" \
	"struct B { virtual int p(int); virtual int q(int); };\n" first second        \
	"int use(A *a, B *b) { return a->g(1) + b->p(2); }\n"
#define A_FIRST                                                                \
	"int A::f(int x) { return x + 1001; }\n"                               \
	"int A::g(int x) { return x * 5; }\n"                                  \
	"int A::h(int x) { return x ^ 77; }\n"
#define B_FIRST                                                                \
	"int B::p(int x) { return x - 3; }\n"                                  \
	"int B::q(int x) { return x * 11; }\n"
#define B_MENDED                                                               \
	"int B::p(int x) { return x - 3; }\n"                                  \
	"int B::q(int x) { return x < 0 ? 0 : x * 11; }\n"

static void
tables_that_only_changed_places_are_accepted_by_their_names(void **state)
{
	(void)state;
	must_accept(CXX, TWO(A_FIRST, B_FIRST), TWO(B_MENDED, A_FIRST));
}

static void
a_slot_more_is_refused_where_tables_changed_places(void **state)
{
	(void)state;
	must_refuse(
		CXX, TWO(A_FIRST, B_FIRST),
		"struct A { virtual int f(int); virtual int g(int); virtual int h(int); };\n"
		"struct B { virtual int o(int); virtual int p(int); virtual int q(int); };\n" B_MENDED
		"int B::o(int x) { return x ^ 5; }\n" A_FIRST
		"int use(A *a, B *b) { return a->g(1) + b->p(2); }\n",
		"R-10");
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
		cmocka_unit_test(
			tables_that_only_changed_places_are_accepted_by_their_names),
		cmocka_unit_test(
			a_slot_more_is_refused_where_tables_changed_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
