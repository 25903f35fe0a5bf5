// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** Connections that are shut first, and destroyed some time later. */
#define CONNS(head, shut, destroy, more)                                        \
	PRELUDE "#include <unistd.h>\n"                                         \
		"struct conn { long id, closed; char *buf, *name; int fd; };\n" \
		"long seen;\n" head                                             \
		"KEEP void shut(struct conn *c) { c->closed = 1; " shut "\n"    \
		" seen += c->id; }\n"                                           \
		"KEEP void destroy(struct conn *c) { seen -= c->id; " destroy   \
		" free(c); }\n" more

static const char *const commands[] = {
	"gcc -O2 -fPIC -shared -s -x c",
	"gcc -g -O2 -fPIC -shared -x c",
	"clang -g -O2 -fPIC -shared -x c",
	"clang -g -O0 -fPIC -shared -x c",
};

static void
each_must_refuse(const char *old_source, const char *new_source)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_refuse(commands[i], old_source, new_source, "R-20");
}

static void
each_must_accept(const char *old_source, const char *new_source)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result =
			judge_pair(commands[i], old_source, new_source);
		if (result.verdict != GRAFT_VERDICT_HOTPATCH)
			print_reasons(&result);
		assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	}
}

static void
what_another_function_frees_now_is_refused(void **state)
{
	(void)state;
	each_must_refuse(CONNS("", "free(c->buf);", "", ""),
			 CONNS("", "", "free(c->buf);", ""));
	each_must_refuse(CONNS("", "if (c->buf) free(c->buf);", "", ""),
			 CONNS("", "", "if (c->buf) free(c->buf);", ""));
}

static void
what_another_function_closes_now_is_refused(void **state)
{
	(void)state;
	each_must_refuse(CONNS("", "close(c->fd);", "", ""),
			 CONNS("", "", "close(c->fd);", ""));
	// 0 is an open file.
	each_must_refuse(CONNS("", "close(c->fd); c->fd = 0;", "", ""),
			 CONNS("", "", "close(c->fd);", ""));
	each_must_accept(CONNS("", "close(c->fd); c->fd = -1;", "", ""),
			 CONNS("", "", "close(c->fd);", ""));
}

static void
a_call_of_a_function_that_frees_counts_as_its_end(void **state)
{
#define RELEASE                                                                \
	"KEEP void leave(struct conn *c) { seen ^= 5; free(c->buf); }\n"       \
	"KEEP void drop(char *p) { seen ^= 6; free(p); }\n"

	(void)state;
	each_must_refuse(CONNS(RELEASE, "leave(c);", "", ""),
			 CONNS(RELEASE, "", "leave(c);", ""));
	each_must_refuse(CONNS(RELEASE, "drop(c->name);", "", ""),
			 CONNS(RELEASE, "", "drop(c->name);", ""));
	// By another way, the same is ended here.
	each_must_accept(CONNS(RELEASE, "free(c->buf);", "", ""),
			 CONNS(RELEASE, "leave(c);", "", ""));
}

static void
a_place_that_is_set_anew_may_be_ended_elsewhere(void **state)
{
	(void)state;
	each_must_accept(CONNS("", "free(c->buf); c->buf = 0;", "", ""),
			 CONNS("", "", "free(c->buf);", ""));
	each_must_accept(
		CONNS("", "if (c->buf) free(c->buf); c->buf = 0;", "", ""),
		CONNS("", "", "free(c->buf);", ""));
	// On one way only.
	each_must_refuse(
		CONNS("",
		      "free(c->buf); if (c->id > 3) { seen = 9; c->buf = 0; }",
		      "", ""),
		CONNS("", "", "free(c->buf);", ""));
}

static void
a_leak_or_a_double_free_that_is_mended_is_accepted(void **state)
{
	(void)state;
	each_must_accept(CONNS("", "", "", ""),
			 CONNS("", "", "free(c->buf);", ""));
	each_must_accept(CONNS("", "free(c->buf);", "free(c->buf);", ""),
			 CONNS("", "", "free(c->buf);", ""));
	// Of two members one is no longer freed twice, the other no longer leaks.
	each_must_accept(CONNS("", "free(c->buf);", "free(c->buf);", ""),
			 CONNS("", "", "free(c->buf); free(c->name);", ""));
}

static void
a_member_that_ends_with_its_object_may_be_ended_elsewhere(void **state)
{
#define DISCARD(body)                                                          \
	"KEEP long discard(struct conn *c, long n) { seen += n;"               \
	" if (n > 9) return 1; " body " return 2; }\n"

	(void)state;
	each_must_accept(
		CONNS("", "", "", DISCARD("free(c->buf); free(c);")),
		CONNS("", "", "free(c->buf);", DISCARD("seen++; free(c);")));
	each_must_refuse(
		CONNS("", "", "", DISCARD("free(c->buf); free(c->name);")),
		CONNS("", "", "free(c->buf);",
		      DISCARD("seen++; free(c->name);")));
}

static void
a_part_that_only_one_function_calls_may_end_it(void **state)
{
#define PART(body)                                                             \
	"KEEP void part(struct conn *c) { seen ^= c->closed; " body " }\n"
#define OTHER "KEEP void other(struct conn *c) { part(c); seen++; }\n"

	(void)state;
	each_must_accept(
		CONNS("static " PART(""), "part(c); free(c->buf);", "", ""),
		CONNS("static " PART("free(c->buf);"), "part(c);", "", ""));
	each_must_refuse(
		CONNS("static " PART(""), "part(c); free(c->buf);", "", OTHER),
		CONNS("static " PART("free(c->buf);"), "part(c);", "", OTHER));
	each_must_accept(
		CONNS("static " PART("free(c->buf);"), "part(c);", "", ""),
		CONNS("static " PART(""), "part(c); free(c->buf);", "", ""));
}

/** Nodes, of which one function ends the buffers on both sides of the change, and
 * another does so for a node and one below. */
#define NODES(drop, shut)                                                      \
	PRELUDE "struct node { long id; char *buf; struct node *below; };\n"   \
		"KEEP void drop(struct node *n) { " drop " }\n"                \
		"KEEP void shut(struct node *n) { n->id++; " shut " }\n"

static void
another_number_of_copies_of_what_calls_itself_is_accepted(void **state)
{
	// A compiler puts as many copies into itself and others as it likes.
	(void)state;
	each_must_accept(
		NODES("free(n->buf); if (n->below) drop(n->below); n->id--;",
		      "free(n->buf); if (n->below) { free(n->below->buf);"
		      " drop(n->below->below); }"),
		NODES("free(n->buf); if (n->below) { free(n->below->buf);"
		      " drop(n->below->below); } n->id--;",
		      "free(n->buf); drop(n->below);"));
}

static void
one_that_does_not_call_itself_ends_no_more_than_before(void **state)
{
	(void)state;
	each_must_refuse(
		NODES("free(n->buf);",
		      "free(n->buf); if (n->below) free(n->below->buf);"),
		NODES("free(n->buf); if (n->below) free(n->below->buf);",
		      "free(n->buf);"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_another_function_frees_now_is_refused),
		cmocka_unit_test(what_another_function_closes_now_is_refused),
		cmocka_unit_test(
			a_call_of_a_function_that_frees_counts_as_its_end),
		cmocka_unit_test(
			a_place_that_is_set_anew_may_be_ended_elsewhere),
		cmocka_unit_test(
			a_leak_or_a_double_free_that_is_mended_is_accepted),
		cmocka_unit_test(
			a_member_that_ends_with_its_object_may_be_ended_elsewhere),
		cmocka_unit_test(
			a_part_that_only_one_function_calls_may_end_it),
		cmocka_unit_test(
			another_number_of_copies_of_what_calls_itself_is_accepted),
		cmocka_unit_test(
			one_that_does_not_call_itself_ends_no_more_than_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
