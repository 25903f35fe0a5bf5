// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A register of callbacks, one of them, and who registers it. */
#define CALLBACK(body, data)                                                       \
	PRELUDE "struct slot { long v; int k; }; static struct slot slots[4];\n"   \
		"static int (*fn)(void *); static void *data;\n"                   \
		"KEEP void add(int (*f)(void *), void *d) { fn = f; data = d; }\n" \
		"KEEP void run(void) { if (fn) fn(data); }\n"                      \
		"KEEP static int work(void *arg) { " body " return 0; }\n"         \
		"KEEP void start(int i) { slots[2].k++; add(work, " data           \
		"); }\n"

/** Something that is reached through a `void *` of a structure. */
#define HELD(body)                                                             \
	PRELUDE "struct slot { long v; int k; };\n"                            \
		"struct event { long id; void *data; };\n"                     \
		"static void *last;\n"                                         \
		"KEEP void put(void *p) { last = p; }\n"                       \
		"KEEP long get(struct event *e, long x) { " body " }\n"

static const char *const typed[] = {
	"gcc -g -O2 -fPIC -shared -x c",
	"gcc -g -O0 -fPIC -shared -x c",
	"clang -g -O2 -fPIC -shared -x c",
};

static void
each_must_refuse(const char *old_source, const char *new_source)
{
	must_refuse(STRIPPED, old_source, new_source, "R-24");
	for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++)
		must_refuse(typed[i], old_source, new_source, "R-24");
}

static void
must_be_hotpatch(const char *command, const char *old_source,
		 const char *new_source)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	if (result.verdict != GRAFT_VERDICT_HOTPATCH)
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
}

static void
each_must_accept(const char *old_source, const char *new_source)
{
	must_accept(STRIPPED, old_source, new_source);
	for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++)
		must_be_hotpatch(typed[i], old_source, new_source);
}

static void
a_callback_that_was_handed_a_number_must_not_take_it_for_an_address(
	void **state)
{
	(void)state;
	each_must_refuse(
		CALLBACK("int n = (int)(long)arg; slots[n & 3].v++;",
			 "(void *)(long)i"),
		CALLBACK("struct slot *s = arg; s->v++;", "&slots[i & 3]"));
	each_must_refuse(
		CALLBACK("struct slot *s = arg; s->v++;", "&slots[i & 3]"),
		CALLBACK("int n = (int)(long)arg; slots[n & 3].v++;",
			 "(void *)(long)i"));
	each_must_refuse(
		CALLBACK("slots[1].v += (long)arg;", "(void *)(long)i"),
		CALLBACK("slots[1].v += *(long *)arg;", "&slots[i & 3].v"));
}

static void
a_callback_that_goes_on_as_before_is_accepted(void **state)
{
	(void)state;
	each_must_accept(
		CALLBACK("struct slot *s = arg; s->v++;", "&slots[i & 3]"),
		CALLBACK("struct slot *s = arg; if (s->k < 9) s->v++;",
			 "&slots[i & 1]"));
	each_must_accept(
		CALLBACK("int n = (int)(long)arg; slots[n & 3].v++;",
			 "(void *)(long)i"),
		CALLBACK("int n = (int)(long)arg; if (n < 7) slots[n & 3].v++;",
			 "(void *)(long)i"));
}

static void
a_callback_that_is_registered_with_another_kind_of_data_is_refused(void **state)
{
	(void)state;
	each_must_refuse(CALLBACK("slots[1].v++;", "(void *)0"),
			 CALLBACK("((struct slot *)arg)->v++;", "&slots[1]"));
	// Who goes on ignoring it does not care.
	must_be_hotpatch(typed[0], CALLBACK("slots[1].v++;", "(void *)0"),
			 CALLBACK("slots[1].v++;", "&slots[1]"));
}

static void
what_a_structure_or_a_variable_holds_stays_what_it_is(void **state)
{
	(void)state;
	each_must_refuse(HELD("return (long)e->data * 7 + x;"),
			 HELD("return ((struct slot *)e->data)->v + x;"));
	each_must_refuse(HELD("return (int)(long)last + x;"),
			 HELD("return last ? *(int *)last + x : x;"));
	each_must_accept(HELD("return e->data ? x : 3;"),
			 HELD("return e->data ? *(int *)e->data + x : 3;"));
	each_must_accept(
		HELD("struct slot *s = e->data; return s->v + x;"),
		HELD("struct slot *s = e->data; return s ? s->k + x : x;"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_callback_that_was_handed_a_number_must_not_take_it_for_an_address),
		cmocka_unit_test(a_callback_that_goes_on_as_before_is_accepted),
		cmocka_unit_test(
			a_callback_that_is_registered_with_another_kind_of_data_is_refused),
		cmocka_unit_test(
			what_a_structure_or_a_variable_holds_stays_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
