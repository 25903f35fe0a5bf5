// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** An allocator that keeps a number in front of an object. */
#define KEEPER(head, at)                                                       \
	PRELUDE "KEEP void *get(size_t n) { long *h = malloc(" head " + n);\n" \
		"  if (!h) return 0; h += " head " / 8; h[" at "] = n;\n"      \
		"  return h; }\n"                                              \
		"KEEP size_t len(long *p) { return p[" at "] * 3 + 1; }\n"     \
		"KEEP void put(long *p, int x) { if (x > 3) free(p - " head    \
		" / 8); }\n"

static void
a_number_that_is_kept_elsewhere_in_front_is_refused(void **state)
{
	(void)state;
	each_must_say(KEEPER("32", "-1"), KEEPER("32", "-2"), "R-03",
		      "in front of");
	must_refuse(STRIPPED, KEEPER("32", "-1"), KEEPER("32", "-2"), "R-03");
}

static void
a_header_that_grew_is_refused(void **state)
{
	(void)state;
	must_say("gcc -g -O2 -fPIC -shared -x c", KEEPER("16", "-1"),
		 KEEPER("32", "-1"), "R-03", "handed out from byte");
	must_say("clang -g -Os -fPIC -shared -x c", KEEPER("16", "-1"),
		 KEEPER("32", "-1"), "R-03", "handed out from byte");
}

/** An allocator, and whether it keeps a header. */
#define MAKER(head)                                                            \
	PRELUDE "KEEP void *get(size_t n) { char *h = calloc(1, n + 32);\n"    \
		"  if (!h) return 0; return h + " head "; }\n"                 \
		"KEEP void put(char *p, int x) { if (x > 3) free(p - " head    \
		"); }\n"

static void
a_header_that_is_new_is_refused(void **state)
{
	(void)state;
	must_say("gcc -g -O2 -fPIC -shared -x c", MAKER("0"), MAKER("16"),
		 "R-03", "from byte 0 on, and is from byte 16 on");
	must_say("clang -g -O2 -fPIC -shared -x c", MAKER("16"), MAKER("0"),
		 "R-03", "from byte 16 on, and is from byte 0 on");
}

/** A member is reached from what is embedded behind it. */
#define EMBEDDED(check)                                                        \
	PRELUDE "struct work { struct work *next; int id; };\n"                \
		"struct conn { long len; int alive; struct work w; };\n"       \
		"#define OF(p) ((struct conn *)((char *)(p) -"                 \
		" offsetof(struct conn, w)))\n"                                \
		"KEEP int run(struct work *w, int k) { " check                 \
		" return OF(w)->len + w->id * k; }\n"

static void
another_member_in_front_is_read_beside_the_first_and_accepted(void **state)
{
	(void)state;
	each_must_prove(EMBEDDED(""),
			EMBEDDED("if (!OF(w)->alive) return -1;"));
}

/** What is allocated is stored and returned as it is. */
#define PLAIN(check)                                                           \
	PRELUDE "char *kept;\n"                                                \
		"KEEP char *get(size_t n) { " check                            \
		" char *h = malloc(n + 1);\n"                                  \
		"  if (h) h[n] = 0; kept = h; return h; }\n"

static void
a_bounds_check_before_an_allocation_is_accepted(void **state)
{
	(void)state;
	each_must_prove(PLAIN(""), PLAIN("if (n > 4096) return 0;"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_number_that_is_kept_elsewhere_in_front_is_refused),
		cmocka_unit_test(a_header_that_grew_is_refused),
		cmocka_unit_test(a_header_that_is_new_is_refused),
		cmocka_unit_test(
			another_member_in_front_is_read_beside_the_first_and_accepted),
		cmocka_unit_test(
			a_bounds_check_before_an_allocation_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
