// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** Things that are kept, and their numbers added up. */
#define KEPT(head, type, body)                                                 \
	PRELUDE head "static " type " *kept;\n"                                \
		     "KEEP void put(" type " *p) { kept = p; }\n"              \
		     "KEEP float sum(float f) { " type " *p = kept; " body     \
		     " return f; }\n"

/** clang does not write alignments down before DWARF 5. */
static void
each_that_says_must_say(const char *old_source, const char *new_source,
			const char *rule, const char *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strstr(commands[i], "clang -gdwarf-4"))
			must_say(commands[i], old_source, new_source, rule,
				 words);
	}
}

#define PLAIN "struct s { float v[8]; long n[4]; };\n"
#define RAISED                                                                 \
	"struct s { float v[8]; long n[4]; } __attribute__((aligned(32)));\n"

static void
a_struct_whose_alignment_is_raised_is_refused(void **state)
{
	(void)state;
	each_that_says_must_say(KEPT(PLAIN, "struct s", "f += p->v[1];"),
				KEPT(RAISED, "struct s", "f *= p->v[1];"),
				"R-02",
				"were aligned to 8 bytes and are to 32");
	each_that_says_must_say(KEPT(RAISED, "struct s", "f += p->v[1];"),
				KEPT(PLAIN, "struct s", "f *= p->v[1];"),
				"R-02",
				"were aligned to 32 bytes and are to 8");
	each_must_prove(KEPT(RAISED, "struct s", "f += p->v[1];"),
			KEPT(RAISED, "struct s", "f *= p->v[1];"));
}

static void
an_alignment_follows_from_that_of_a_member(void **state)
{
	(void)state;
	each_that_says_must_say(KEPT(PLAIN "struct t { struct s s; };\n",
				     "struct t", "f += p->s.v[1];"),
				KEPT(RAISED "struct t { struct s s; };\n",
				     "struct t", "f *= p->s.v[1];"),
				"R-02", "struct t");
	each_that_says_must_say(
		KEPT("struct s { float v[8]; };\n", "struct s",
		     "f += p->v[1];"),
		KEPT("struct s { float v[8] __attribute__((aligned(32))); };\n",
		     "struct s", "f *= p->v[1];"),
		"R-02", "were aligned to 4 bytes and are to 32");
	each_that_says_must_say(
		KEPT("struct s { float v[8]; };\n", "struct s",
		     "f += p->v[1];"),
		KEPT("typedef float eight __attribute__((vector_size(32)));\n"
		     "struct s { eight v; };\n",
		     "struct s", "f *= p->v[1];"),
		"R-02", "member v was");
}

static void
a_number_of_raised_alignment_is_refused(void **state)
{
	(void)state;
	each_that_says_must_say(
		KEPT("typedef float number;\n", "number", "f += p[1];"),
		KEPT("typedef float number __attribute__((aligned(16)));\n",
		     "number", "f *= *p;"),
		"R-02", "were aligned to 4 bytes and are to 16");
}

static void
a_variable_that_old_has_elsewhere_than_its_alignment_says_is_refused(
	void **state)
{
	static const char *const form = PRELUDE
		"char before[%d] = { 1 }; %s short table[3] = { 1, 2, 3 };\n"
		"KEEP int f(int i) { before[i & 1]++; return table[i %% 3u] += %d; }\n";
	static const char *const raise = "__attribute__((aligned(256)))";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 2, "", 1);
	snprintf(n, sizeof(n), form, 2, raise, 2);
	must_say(commands[0], o, n, "R-02", "is aligned to 256 bytes, and OLD");
	must_say(commands[2], o, n, "R-02", "is aligned to 256 bytes, and OLD");
	snprintf(o, sizeof(o), form, 2, raise, 1);
	must_be(commands[0], o, n, GRAFT_ASSURANCE_PROVEN);
	must_be(commands[2], o, n, GRAFT_ASSURANCE_PROVEN);
}

static void
where_alignments_are_left_out_instructions_decide(void **state)
{
	static const char *const command =
		"clang -gdwarf-4 -O2 -fPIC -shared -x c";
	static const char *const form = PRELUDE
		"typedef float four __attribute__((vector_size(16), aligned(%d)));\n"
		"static four *kept; KEEP void put(four *p) { kept = p; }\n"
		"KEEP float sum(float f) { four *p = kept; *p = *p %c f; return (*p)[1]; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 4, '+');
	snprintf(n, sizeof(n), form, 16, '*');
	must_say(command, o, n, "R-02", "faults where its memory");
	must_say(commands[0], o, n, "R-02", "aligned to 4 bytes and are to 16");
	must_say(commands[2], o, n, "R-02", "aligned to 4 bytes and are to 16");
	snprintf(o, sizeof(o), form, 16, '+');
	must_be(command, o, n, GRAFT_ASSURANCE_PROVEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_struct_whose_alignment_is_raised_is_refused),
		cmocka_unit_test(an_alignment_follows_from_that_of_a_member),
		cmocka_unit_test(a_number_of_raised_alignment_is_refused),
		cmocka_unit_test(
			a_variable_that_old_has_elsewhere_than_its_alignment_says_is_refused),
		cmocka_unit_test(
			where_alignments_are_left_out_instructions_decide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
