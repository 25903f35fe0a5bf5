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

#define WALK(encode, decode)                                                   \
	PRELUDE "struct node { struct node *link; long v; };\n"                \
		"static struct node *head;\n"                                  \
		"KEEP void push(struct node *n) { n->link = (void *)(" encode  \
		"); head = n; }\n"                                             \
		"KEEP long sum(void) { long s = 0; struct node *n = head;\n"   \
		" while (n) { s += n->v; n = (void *)(" decode                 \
		"); } return s; }\n"

static void
one_that_is_kept_moved_shows_where_it_is_read(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++)
		must_refuse(
			commands[k],
			WALK("(unsigned long)head", "(unsigned long)n->link"),
			WALK("(unsigned long)head + 1",
			     "(unsigned long)n->link - 1"),
			"R-24");
}

static void
a_number_in_another_order_of_bytes_is_refused(void **state)
{
	static const char form[] = PRELUDE
		"#include <arpa/inet.h>\n"
		"struct entry { unsigned addr; int hits; };\nstruct entry table[64];\n"
		"KEEP void put(int i, unsigned a) { table[i & 63].addr = %s; table[i & 63].hits++; }\n"
		"KEEP int is(int i, unsigned a) { return %s == a; }\n";
	char plain[1024];
	char ordered[1024];

	(void)state;
	snprintf(plain, sizeof(plain), form, "a", "table[i & 63].addr");
	snprintf(ordered, sizeof(ordered), form, "htonl(a)",
		 "ntohl(table[i & 63].addr)");
	for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++)
		must_refuse(commands[k], plain, ordered, "R-24");
	// It is called there.
	must_refuse("clang -g -O0 -fPIC -shared -x c", plain, ordered, "R-24");
}

static void
a_count_that_goes_on_is_accepted(void **state)
{
	static const char form[] = PRELUDE
		"struct entry { long id; long count; };\n"
		"KEEP void add(struct entry *e, long by) { e->count += by; %s }\n"
		"KEEP long last(struct entry *e, long n) { return e->count %s + n; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	// It is moved on where it stands, and another number is asked for.
	snprintf(o, sizeof(o), form, "e->id = by;", "+ 1");
	snprintf(n, sizeof(n), form, "e->id = by + 2; ", "- 2");
	for (size_t k = 0; k < sizeof(commands) / sizeof(*commands); k++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result = judge_pair(commands[k], o,
								n);
		for (size_t i = 0; i < result.reason_count; i++)
			assert_null(strstr(result.reasons[i].text,
					   "(8 bytes) is stored and read"));
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
		cmocka_unit_test(one_that_is_kept_moved_shows_where_it_is_read),
		cmocka_unit_test(a_number_in_another_order_of_bytes_is_refused),
		cmocka_unit_test(a_count_that_goes_on_is_accepted),
		cmocka_unit_test(
			bits_that_are_turned_where_they_stand_are_accepted),
		cmocka_unit_test(a_form_that_stays_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
