// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** Links that are stored and followed in a form of their own. */
#define LINKS(type, encode, decode)                                                                                                \
	PRELUDE "struct entry { long id; struct entry *link; long v; unsigned long flags; };\n"                                    \
		"unsigned long key = 0x5a50;\n#define ENCODE(p) (" encode                                                          \
		")\n"                                                                                                              \
		"#define DECODE(p) ((" type ")(" decode "))\n"                                                                     \
		"KEEP void add(struct entry *e, struct entry *to) { if (e != to) e->link = (void *)ENCODE((unsigned long)to); }\n" \
		"KEEP long sum(struct entry *e, long n) { return DECODE((unsigned long)e->link)->v + n; }\n"                       \
		"KEEP void turn(unsigned long k) { key = k; }\n"
#define PLAIN LINKS("struct entry *", "p", "p")

static const char *const commands[] = {
	"gcc -g -O2 -fPIC -shared -x c",
	"gcc -g -O0 -fPIC -shared -x c",
	"clang -g -O2 -fPIC -shared -x c",
	"gcc -O2 -fPIC -shared -x c",
};

static void
a_pointer_that_is_kept_in_another_form_is_refused(void **state)
{
	static const char *const forms[] = {
		LINKS("struct entry *", "p | 1", "p & ~1ul"),
		LINKS("struct entry *", "~p", "~p"),
		LINKS("struct entry *", "__builtin_bswap64(p)",
		      "__builtin_bswap64(p)"),
		LINKS("struct entry *", "p ^ key", "p ^ key"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		for (size_t k = 0; k < sizeof(commands) / sizeof(*commands);
		     k++) {
			must_refuse(commands[k], PLAIN, forms[i], "R-24");
			must_refuse(commands[k], forms[i], PLAIN, "R-24");
		}
	}
}

/** One that is kept as before, with some bits beside. */
#define FLAGS(set, test)                                                       \
	PRELUDE "struct entry { long id; unsigned long flags; };\n"            \
		"KEEP void add(struct entry *e, unsigned long f) { " set       \
		" }\n"                                                         \
		"KEEP long get(struct entry *e, long n) { " test " }\n"

static void
bits_that_are_turned_where_they_stand_are_accepted(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result = judge_pair(
			commands[k],
			FLAGS("e->flags = f;",
			      "return (e->flags & 4 ? n : 7) + (long)(e->flags >> 8);"),
			FLAGS("e->flags = f; e->flags ^= f << 1;",
			      "return (e->flags & 8 ? n : 9) + (long)(e->flags >> 8);"));
		if (result.verdict != GRAFT_VERDICT_HOTPATCH)
			print_reasons(&result);
		assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	}
}

static void
a_form_that_stays_is_accepted(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result = judge_pair(
			commands[k],
			LINKS("struct entry *", "p ^ key",
			      "(p ^ key) + 0 * key"),
			LINKS("struct entry *",
			      "e->id > 7 ? (p ^ key) : (p ^ key)",
			      "e->id > n ? (p ^ key) : (unsigned long)e"));
		if (result.verdict != GRAFT_VERDICT_HOTPATCH)
			print_reasons(&result);
		assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_pointer_that_is_kept_in_another_form_is_refused),
		cmocka_unit_test(
			bits_that_are_turned_where_they_stand_are_accepted),
		cmocka_unit_test(a_form_that_stays_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
