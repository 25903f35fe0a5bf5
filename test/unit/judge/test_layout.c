// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A type whose later members are used by several functions. */
#define USERS                                                                  \
	"KEEP int first(struct s *p) { return p->a + 1; }\n"                   \
	"KEEP int second(struct s *p) { return p->b * 3; }\n"                  \
	"KEEP void set(struct s *p, int v) { p->b = v; p->c = v + 1; }\n"      \
	"KEEP long both(struct s *p) { return p->b - p->c; }\n"

static void
a_member_that_moved_is_refused(void **state)
{
	static const char *const commands[] = {
		LIBRARY,
		STRIPPED,
		"cc -O0 -fPIC -shared -x c",
		"cc -Os -fPIC -shared -x c",
		"cc -O3 -fPIC -shared -x c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_refuse(commands[i],
			    PRELUDE "struct s { int a, b, c; };\n" USERS,
			    PRELUDE
			    "struct s { int a; long x; int b, c; };\n" USERS,
			    "R-02");
}

static void
two_members_that_changed_places_are_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY, PRELUDE "struct s { int a, b, c; };\n" USERS,
		    PRELUDE "struct s { int a, c, b; };\n" USERS, "R-02");
}

static void
a_sequence_that_moved_by_one_slot_is_refused(void **state)
{
	(void)state;
	// Alignment alone sees one load less and one more.
	must_refuse(
		LIBRARY,
		PRELUDE
		"struct s { long k, a, b, c; };\n"
		"KEEP long sum(struct s *p) { return p->a ^ p->b ^ p->c; }\n",
		PRELUDE
		"struct s { long k, x, a, b, c; };\n"
		"KEEP long sum(struct s *p) { return p->a ^ p->b ^ p->c; }\n",
		"R-02");
}

static void
the_size_of_elements_is_part_of_the_layout(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE
		"struct s { int a, b, c; };\n"
		"KEEP int sum(struct s *p, int n) { int r = 0; while (n--) r += p++->a; return r; }\n",
		PRELUDE
		"struct s { int a, b, c, d; };\n"
		"KEEP int sum(struct s *p, int n) { int r = 0; while (n--) r += p++->a; return r; }\n",
		"R-02");
}

static void
a_check_of_another_member_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE
		"struct s { int a, b, c, n; char d[64]; };\n"
		"KEEP int get(struct s *p, int i) { return p->a + p->d[i]; }\n",
		PRELUDE
		"struct s { int a, b, c, n; char d[64]; };\n"
		"KEEP int get(struct s *p, int i) { if (i < 0 || i >= p->n) return -1; return p->a + p->d[i]; }\n");
}

static void
another_frame_is_no_layout(void **state)
{
	(void)state;
	must_accept(
		"cc -O0 -fPIC -shared -x c",
		PRELUDE
		"KEEP void use(char *p) { p[0] = 1; }\n"
		"KEEP int f(int n) { char b[16]; int k = n; use(b); return b[0] + k; }\n",
		PRELUDE
		"KEEP void use(char *p) { p[0] = 1; }\n"
		"KEEP int f(int n) { char b[64]; int k = n; use(b); return b[0] + k; }\n");
}

static void
an_index_that_is_multiplied_otherwise_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"struct e { long a, b[2]; };\n"
		"long f(struct e *p, long i, int j) { return p[i].a + p[j].a; }\n",
		"struct e { long a, b[3]; };\n"
		"long f(struct e *p, long i, int j) { if (i > 6) return 0; return p[i].a + p[j].a; }\n",
		"R-02");
	must_refuse(
		STRIPPED,
		"struct e { long a, b[2]; }; static struct e v[32];\n"
		"long f(long i) { return ++v[i].a; }\n",
		"struct e { long a, b[4]; }; static struct e v[32];\n"
		"long f(long i) { if (i > 6) return 0; return ++v[i].a; }\n",
		"R-02");
}

static void
a_number_that_is_multiplied_is_accepted(void **state)
{
	(void)state;
	must_accept(
		"cc -Os -fPIC -shared -s -x c",
		"unsigned long f(const char *p, long n) { unsigned long h = 5; for (long i = 0; i < n; i++) h = h * 31 + p[i]; return h % 99; }\n",
		"unsigned long f(const char *p, long n) { unsigned long h = 5; for (long i = 0; i < n; i++) h = h * 65 + p[i]; return h % 99; }\n");
}

static void
elements_of_a_constant_table_may_grow(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"static const struct { int a, b; } t[] = {{1,2},{3,4},{5,6},{7,8}};\n"
		"int f(unsigned i) { return i < 4 ? t[i].a * t[i].b : 0; }\n",
		"static const struct { int a, b, c; } t[] = {{1,2,9},{3,4,8},{5,6,7},{7,8,6}};\n"
		"int f(unsigned i) { return i < 4 ? t[i].a * t[i].b : 0; }\n");
}

static void
a_static_variable_that_became_floating_point_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"static int v, k; void set(int x) { v = x * 3; } long get(void) { return ++k + (long)v; }\n",
		"static float v; static int k; void set(int x) { v = x * 3; } long get(void) { return ++k + (long)v; }\n",
		"R-02");
}

static void
a_static_variable_that_is_used_in_another_way_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"static float v; static int k; void set(int x) { if (x) v = 3; } long get(void) { return ++k + (long)v; }\n",
		"static float v; static int k; void set(int x) { v = x * 3; } long get(void) { return ++k + (long)v; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_static_variable_that_became_floating_point_is_refused),
		cmocka_unit_test(
			a_static_variable_that_is_used_in_another_way_is_accepted),
		cmocka_unit_test(a_member_that_moved_is_refused),
		cmocka_unit_test(two_members_that_changed_places_are_refused),
		cmocka_unit_test(a_sequence_that_moved_by_one_slot_is_refused),
		cmocka_unit_test(the_size_of_elements_is_part_of_the_layout),
		cmocka_unit_test(a_check_of_another_member_is_accepted),
		cmocka_unit_test(another_frame_is_no_layout),
		cmocka_unit_test(
			an_index_that_is_multiplied_otherwise_is_refused),
		cmocka_unit_test(a_number_that_is_multiplied_is_accepted),
		cmocka_unit_test(elements_of_a_constant_table_may_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
