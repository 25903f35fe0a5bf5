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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_that_moved_is_refused),
		cmocka_unit_test(two_members_that_changed_places_are_refused),
		cmocka_unit_test(a_sequence_that_moved_by_one_slot_is_refused),
		cmocka_unit_test(the_size_of_elements_is_part_of_the_layout),
		cmocka_unit_test(a_check_of_another_member_is_accepted),
		cmocka_unit_test(another_frame_is_no_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
