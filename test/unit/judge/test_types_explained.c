// SPDX-License-Identifier: Apache-2.0

// Which other distances types explain, and which they do not.

#include "typed.h"

#define CALLED "KEEP int called(const void *p, int v) { return v + !p; }\n"

/** A function that is given @p given, with @p body; what else the unit has. */
#define GIVEN(types, given, body)                                              \
	PRELUDE CALLED types "KEEP int f(" given ", int v)\n{ " body " }\n"

/** Several calls, so that the address is kept. */
#define READ(what)                                                             \
	"return called(0, " what "[0]) + called(" what ", " what               \
	"[1]) + called(" what ", " what "[2]);"

#define HEAD      "struct head { long a, b; };\n"
#define HEAD_GREW "struct head { long a, b, c; };\n"

/** A source with one number, which is another one in NEW, must be refused. */
#define NUMBERS_MUST_SAY(form, was, is)                                        \
	do {                                                                   \
		char o[2048];                                                  \
		char n[2048];                                                  \
		snprintf(o, sizeof(o), form, was);                             \
		snprintf(n, sizeof(n), form, is);                              \
		each_must_say(o, n, "R-02", "may ");                           \
	} while (0)

static void
a_header_in_front_of_bytes_may_not_grow(void **state)
{
	(void)state;
	each_must_say(GIVEN(HEAD, "char *p",
			    "int *q = (int *)(p + sizeof(struct head));"
			    " v = called(q, v);" READ("q")),
		      GIVEN(HEAD_GREW, "char *p",
			    "int *q = (int *)(p + sizeof(struct head));"
			    " v = called(q, v);" READ("q")),
		      "R-02", "may have moved");
}

static void
nor_may_a_constant_that_stands_for_it(void **state)
{
	(void)state;
	each_must_say(
		GIVEN("", "unsigned char *p",
		      "int *q = (int *)(p + 16); v = called(q, v);" READ("q")),
		GIVEN("", "unsigned char *p",
		      "int *q = (int *)(p + 24); v = called(q, v);" READ("q")),
		"R-02", "may have moved");
}

static void
nor_a_header_behind_what_a_member_leads_to(void **state)
{
	static const char form[] = PRELUDE CALLED
		"struct buffer { long used; char *bytes; struct buffer *next; };\n"
		"KEEP int f(struct buffer *b, int v)\n"
		"{ int *q = (int *)(b->next->bytes + %d); v = called(q, v); " READ(
			"q") " }\n";

	(void)state;
	NUMBERS_MUST_SAY(form, 16, 24);
}

static void
nor_what_lies_behind_a_struct(void **state)
{
	static const char form[] = PRELUDE CALLED
		"struct record { long a, b; };\n"
		"KEEP int f(struct record *r, int v)\n"
		"{ int *q = (int *)((char *)r + %d); v = called(q, v); " READ(
			"q") " }\n";

	(void)state;
	NUMBERS_MUST_SAY(form, 16, 24);
}

static void
nor_what_lies_in_bytes_of_a_struct(void **state)
{
	static const char form[] = PRELUDE CALLED
		"struct record { long a, b; char bytes[64]; };\n"
		"KEEP int f(struct record *r, int v)\n"
		"{ int *q = (int *)(r->bytes + %d); v = called(q, v); " READ(
			"q") " }\n";

	(void)state;
	NUMBERS_MUST_SAY(form, 16, 24);
}

static void
the_bytes_of_a_union_may_be_anything(void **state)
{
	static const char form[] = PRELUDE
		"struct conn { long a, b, c, d; };\n"
		"union any { struct conn *conn; char *raw; };\n"
		"struct holder { long kind; union any u; };\n"
		"KEEP long f(struct holder *h, int v)\n"
		"{ return *(long *)(h->u.raw + %d) + v; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 8);
	snprintf(n, sizeof(n), form, 16);
	must_say(commands[0], o, n, "R-02", "may have moved");
	must_say(commands[2], o, n, "R-02", "may have moved");
}

static void
many_copies_of_pointers_take_no_time(void **state)
{
	static char o[8192];
	static char n[8192];

	(void)state;
	strcpy(o, PRELUDE
	       "KEEP long f(char *p, long k) { char *q = 0; p += 16;\n");
	strcpy(n, PRELUDE
	       "KEEP long f(char *p, long k) { char *q = 0; p += 24;\n");
	for (int i = 0; i < 200; i++) {
		strcat(o, "q = p; p = q;\n");
		strcat(n, "q = p; p = q;\n");
	}
	strcat(o, "return *(long *)p + k; }\n");
	strcat(n, "return *(long *)p + k; }\n");
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result =
		judge_pair("gcc -g -O0 -fPIC -shared -x c", o, n);
	assert_int_equal(result.verdict, GRAFT_VERDICT_BASELINE);
}

static void
another_member_is_explained(void **state)
{
	static const char types[] =
		"struct part { int x[4]; int y[4]; };\n"
		"struct whole { long n; struct part one, two; struct whole *next; };\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(
		o, sizeof(o), "%s%s%s", PRELUDE CALLED, types,
		"KEEP int f(struct whole *w, int v)\n"
		"{ int *q = w->one.x; return called(q, q[0]) + called(q, q[1]) + !w->next; }\n");
	snprintf(
		n, sizeof(n), "%s%s%s", PRELUDE CALLED, types,
		"KEEP int f(struct whole *w, int v)\n"
		"{ int *q = w->two.y; return called(q, q[0]) + called(q, q[1]) + !w->next; }\n");
	// Without optimisation it looks like the distance of two elements.
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strstr(commands[i], "-O2"))
			must_be(commands[i], o, n, GRAFT_ASSURANCE_PROVEN);
	}
}

static void
also_of_what_is_reached_over_several_pointers(void **state)
{
	static const char types[] =
		"struct inner { long a, b, c; };\n"
		"struct outer { struct inner *first, *second; };\n"
		"struct outer *kept;\n"
		"KEEP struct outer *get(void) { return kept; }\n";
	static const char *const bodies[][2] = {
		{ "kept->first->a", "kept->second->c" },
		{ "get()->first->b", "get()->second->c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		char o[1024];
		char n[1024];
		static const char form[] =
			"%s%sKEEP int f(int v)\n{ return v + (int)%s; }\n";
		snprintf(o, sizeof(o), form, PRELUDE, types, bodies[i][0]);
		snprintf(n, sizeof(n), form, PRELUDE, types, bodies[i][1]);
		each_must_prove(o, n);
	}
}

static void
also_of_rows_of_a_table(void **state)
{
	static const char form[] =
		"%s"
		"struct row { long a, b, c, d, e, f; };\n"
		"struct row table[8];\n"
		"KEEP struct row *row(int i) { return &table[i & 7]; }\n"
		"KEEP long f(struct row **which, int v)\n"
		"{ return (*which)->a + table[(*which)->b & 7].%s + v; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, PRELUDE, "a");
	snprintf(n, sizeof(n), form, PRELUDE, "e");
	each_must_prove(o, n);
}

static void
a_callback_says_what_it_was_given(void **state)
{
	static const char types[] = "struct thing { long a, b, c; };\n";
	static const char form[] =
		"%s%sKEEP int f(void *arg, int v)\n"
		"{ struct thing *t = arg; return v + (int)t->%s; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, PRELUDE, types, "a");
	snprintf(n, sizeof(n), form, PRELUDE, types, "c");
	each_must_prove(o, n);
}

static void
a_loop_that_goes_the_other_way_moves_nothing(void **state)
{
	(void)state;
	must_be("gcc -g -O2 -fPIC -shared -x c",
		GIVEN("", "const unsigned char *p",
		      "int s = 0; for (long i = 0; i < v; i++) s += p[i]; return s;"),
		GIVEN("", "const unsigned char *p",
		      "int s = 0; for (long i = v - 1; i >= 0; i--) s += p[i] ^ 1; return s;"),
		GRAFT_ASSURANCE_PROVEN);
}

static void
a_loop_over_what_lies_behind_a_header_that_grew_is_refused(void **state)
{
	static const char form[] =
		"for (long i = 0; i < v; i++) v ^= p[%d + i]; return v;";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 16);
	snprintf(n, sizeof(n), form, 24);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		char was[2048];
		char is[2048];
		static const char around[] =
			"%sKEEP int f(const unsigned char *p, int v)\n{ %s }\n";
		snprintf(was, sizeof(was), around, PRELUDE, o);
		snprintf(is, sizeof(is), around, PRELUDE, n);
		must_say(commands[i], was, is, "R-02", "may ");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_in_front_of_bytes_may_not_grow),
		cmocka_unit_test(nor_may_a_constant_that_stands_for_it),
		cmocka_unit_test(nor_a_header_behind_what_a_member_leads_to),
		cmocka_unit_test(nor_what_lies_behind_a_struct),
		cmocka_unit_test(nor_what_lies_in_bytes_of_a_struct),
		cmocka_unit_test(the_bytes_of_a_union_may_be_anything),
		cmocka_unit_test(many_copies_of_pointers_take_no_time),
		cmocka_unit_test(another_member_is_explained),
		cmocka_unit_test(also_of_what_is_reached_over_several_pointers),
		cmocka_unit_test(also_of_rows_of_a_table),
		cmocka_unit_test(a_callback_says_what_it_was_given),
		cmocka_unit_test(a_loop_that_goes_the_other_way_moves_nothing),
		cmocka_unit_test(
			a_loop_over_what_lies_behind_a_header_that_grew_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
