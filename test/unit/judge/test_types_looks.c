// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** Three units of one source. */
#define THREE                                                                                 \
	"sh -c 'for u in 1 2 3; do gcc -g -O2 -fPIC -DUNIT=$u -w -c -o $3.$u.o $4 || exit 1;" \
	" done; gcc -shared -o $3 $3.?.o' sh"

/** Two units mean two things by one name; a third one only declares it. */
static const char *const form = PRELUDE
	"#if UNIT == 1\nstruct payload { %s };\n"
	"struct node { struct payload *load; struct node *next; };\n"
	"KEEP struct node *one(struct node *n) { return n->next; }\n"
	"#elif UNIT == 2\nstruct payload { char c; %s a; };\n"
	"struct node { struct payload *load; struct node *next; };\n"
	"KEEP struct node *two(struct node *n) { return n->next; }\n"
	"#else\nstruct node; struct list { struct node *first; long n; };\n"
	"static struct list *all; KEEP void put(struct list *l) { all = l; }\n"
	"KEEP long count(long v) { return all ? all->n + %d : v; }\n#endif\n";

static void
two_definitions_that_differ_in_what_they_lead_to_are_two(void **state)
{
	char o[2048];
	char n[2048];

	(void)state;
	snprintf(o, sizeof(o), form, "long x, y;", "int", 1001);
	snprintf(n, sizeof(n), form, "long x, y;", "long", 1002);
	must_say(THREE, o, n, "R-02", "struct payload");
	snprintf(n, sizeof(n), form, "long w, x, y;", "int", 1002);
	must_say(THREE, o, n, "R-02", "struct payload");
	snprintf(n, sizeof(n), form, "long x, y;", "int", 1002);
	must_be(THREE, o, n, GRAFT_ASSURANCE_PROVEN);
}

static void
a_member_of_another_type_makes_another_definition(void **state)
{
	static const char *const members = PRELUDE
		"#if UNIT == 1\nstruct node { int v; };\n"
		"KEEP struct node *one(struct node *n) { return n + 1; }\n"
		"#elif UNIT == 2\nstruct node { %s v; };\n"
		"KEEP struct node *two(struct node *n) { return n + 1; }\n"
		"#else\nstruct node; struct list { struct node *first; long n; };\n"
		"static struct list *all; KEEP void put(struct list *l) { all = l; }\n"
		"KEEP long count(long v) { return all ? all->n + %d : v; }\n#endif\n";
	char o[2048];
	char n[2048];

	(void)state;
	snprintf(o, sizeof(o), members, "unsigned", 1001);
	snprintf(n, sizeof(n), members, "float", 1002);
	must_say(THREE, o, n, "R-02", "member v was");
	snprintf(n, sizeof(n), members, "unsigned", 1002);
	must_be(THREE, o, n, GRAFT_ASSURANCE_PROVEN);
}

static void
a_unit_that_only_declares_what_is_led_to_goes_with_any(void **state)
{
	static const char *const units = PRELUDE
		"struct payload; struct node { struct payload *load; struct node *next; };\n"
		"#if UNIT == 1\nstruct payload { long x; };\n"
		"KEEP struct node *one(struct node *n) { return n->next; }\n"
		"#elif UNIT == 2\n%s\n"
		"KEEP struct node *two(struct node *n) { return n->next; }\n"
		"#else\nstruct list { struct node *first; long n; };\n"
		"static struct list *all; KEEP void put(struct list *l) { all = l; }\n"
		"KEEP long count(long v) { return all ? all->n + %d : v; }\n#endif\n";
	char o[2048];
	char n[2048];

	(void)state;
	snprintf(o, sizeof(o), units, "", 1001);
	snprintf(n, sizeof(n), units, "struct payload { long x; };", 1002);
	must_be(THREE, o, n, GRAFT_ASSURANCE_PROVEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			two_definitions_that_differ_in_what_they_lead_to_are_two),
		cmocka_unit_test(
			a_member_of_another_type_makes_another_definition),
		cmocka_unit_test(
			a_unit_that_only_declares_what_is_led_to_goes_with_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
