// SPDX-License-Identifier: Apache-2.0

// A struct that lives only in frames may change; each pair that must be refused
// differs from one that is accepted in one thing.

#include "pair.h"

#define HEAD                                                                   \
	PRELUDE "extern int printf(const char *, ...);\n"                      \
		"extern void outside(void *p);\n"                              \
		"extern int number(int i);\n"                                  \
		"struct t { int a; int b; int c; };\n"
#define NEW_HEAD                                                               \
	PRELUDE "extern int printf(const char *, ...);\n"                      \
		"extern void outside(void *p);\n"                              \
		"extern int number(int i);\n"                                  \
		"struct t { int a; long added; int b; int c; };\n"
/** Functions of the module that use such a struct through a pointer. */
#define USERS                                                                                                                                \
	"static KEEP void fill(struct t *t, int n) { for (int i = 0; i < n; i++) { t->a += number(i); t->b ^= t->a * 3; t->c += t->b; } }\n" \
	"static KEEP int both(const struct t *t) { return t->b * 5 - t->c; }\n"

static const char *const commands[] = {
	"cc -O2 -g -fPIC -shared -x c",
	"cc -O0 -g -fPIC -shared -x c",
	"clang -O2 -g -fPIC -shared -x c",
};

/** Judge a source with both structs by every command. */
static void
try_all(const char *rest, bool accept)
{
	char *o = NULL;
	char *n = NULL;

	assert_true(asprintf(&o, "%s%s", HEAD, rest) > 0);
	assert_true(asprintf(&n, "%s%s", NEW_HEAD, rest) > 0);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		print_message("# %s\n", commands[i]);
		if (accept)
			must_accept(commands[i], o, n);
		else
			must_refuse(commands[i], o, n, "R-02");
	}
	free(o);
	free(n);
}

static void
a_struct_of_one_frame_may_change(void **state)
{
	(void)state;
	try_all(USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return both(&t) + t.b; }\n",
		true);
}

static void
one_that_a_callback_gets_may_change(void **state)
{
	(void)state;
	const char *const rest =
		"static KEEP int each(int (*fn)(void *, int), void *p, int n) { int (*volatile call)(void *, int) = fn; int s = 0; for (int i = 0; i < n; i++) s += call(p, i); return s; }\n"
		"static KEEP int visit(void *p, int i) { struct t *t = p; t->a += i; t->c += t->b * i; return t->c; }\n"
		"int f(int n) { struct t t = { 0 }; int s = each(visit, &t, n); return s + t.b; }\n";
	char *o = NULL;
	char *n = NULL;

	assert_true(asprintf(&o, "%s%s", HEAD, rest) > 0);
	assert_true(asprintf(&n, "%s%s", NEW_HEAD, rest) > 0);
	// Others put the instructions of one build into another order.
	must_accept(commands[1], o, n);
	free(o);
	free(n);
}

static void
one_that_recursion_hands_on_may_change(void **state)
{
	(void)state;
	try_all("static KEEP void walk(struct t *t, int n) { t->b += n; t->c ^= t->b; if (n > 1) { walk(t, n - number(n)); walk(t, n / 2); } }\n"
		"int f(int n) { struct t t = { 0 }; walk(&t, n); return t.b + t.c; }\n",
		true);
}

static void
one_that_is_allocated_too_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"struct t *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); if (kept) fill(kept, n); return both(&t); }\n",
		false);
	// By a cast, so that no type but `void` says so.
	try_all(USERS
		"void *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); fill(kept, n); return both(&t); }\n",
		false);
}

static void
one_whose_address_is_stored_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"void *kept;\n"
		"int f(int n) { struct t t = { 0 }; kept = &t; fill(&t, n); number(n); return both(&t); }\n",
		false);
	try_all("void *kept;\n"
		"static KEEP void fill(struct t *t, int n) { kept = t; t->b += n; t->c ^= number(t->b); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return t.b; }\n",
		false);
}

static void
one_that_another_module_gets_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); outside(&t); return both(&t); }\n",
		false);
	try_all(USERS
		"int f(int n, void (*fn)(void *)) { struct t t = { 0 }; fill(&t, n); fn(&t); return both(&t); }\n",
		false);
}

static void
one_that_is_copied_to_memory_that_stays_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"char *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"int f(int n) { struct t t; memcpy(&t, kept, sizeof(t)); fill(&t, n); memcpy(kept, &t, sizeof(t)); return both(&t); }\n",
		false);
	try_all("char *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"static KEEP void fill(struct t *t, int n) { t->b += n; t->c ^= number(t->b); __builtin_memcpy(kept, t, sizeof(*t)); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return t.b; }\n",
		false);
}

static void
one_that_an_exported_function_takes_is_refused(void **state)
{
	(void)state;
	try_all("KEEP void fill(struct t *t, int n) { t->b += n; t->c ^= number(t->b); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return t.b; }\n",
		false);
}

static void
one_that_a_function_takes_whose_address_gets_about_is_refused(void **state)
{
	(void)state;
	try_all("static KEEP void fill(struct t *t, int n) { t->b += n; t->c ^= number(t->b); }\n"
		"void (*kept)(struct t *, int);\n"
		"void setup(void) { kept = fill; }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return t.b; }\n",
		false);
	try_all("static KEEP void fill(void *p, int n) { struct t *t = p; t->b += n; t->c ^= number(t->b); }\n"
		"extern void later(void (*fn)(void *, int));\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); later(fill); return t.b; }\n",
		false);
}

static void
one_that_may_be_another_object_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"void *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"int f(int n) { struct t t = { 0 }; struct t *p = n > number(1) ? &t : kept; fill(p, n); return both(&t); }\n",
		false);
	// In a word of the frame that is written through its address.
	try_all(USERS
		"void *kept;\n"
		"void setup(void) { kept = calloc(4, 64); }\n"
		"static KEEP void pick(void **p) { if (number(2)) *p = kept; }\n"
		"int f(int n) { struct t t = { 0 }; void *p = &t; pick(&p); fill(p, n); return both(&t); }\n",
		false);
}

static void
one_that_a_list_leads_to_is_refused(void **state)
{
	(void)state;
	try_all(USERS
		"struct node { struct node *next; struct t *t; };\n"
		"static struct node *first;\n"
		"void setup(void) { first = calloc(1, sizeof(*first)); first->t = calloc(4, 64); }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); for (struct node *i = first; i; i = i->next) fill(i->t, n); return both(&t); }\n",
		false);
}

static void
one_that_is_read_as_words_is_refused(void **state)
{
	(void)state;
	// Each load is one member, but not the same one.
	try_all("int kept[2];\n"
		"static KEEP void save(const void *from) { const int *word = from; kept[0] = word[0]; kept[1] = word[1]; }\n" USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); save(&t); return both(&t); }\n",
		false);
	try_all("unsigned long kept;\n" USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); memcpy(&kept, &t, sizeof(kept)); return both(&t); }\n",
		false);
}

static void
one_that_is_hashed_is_refused(void **state)
{
	(void)state;
	try_all("unsigned kept;\n" USERS
		"int f(int n) { struct t t = { 0 }; const unsigned char *at = (void *)&t; unsigned hash = 7; fill(&t, n); for (size_t i = 0; i < sizeof(t); i++) hash = hash * 31 + at[i]; int same = hash == kept; kept = hash; return both(&t) + same; }\n",
		false);
}

static void
one_of_which_a_member_leads_to_the_next_is_refused(void **state)
{
	(void)state;
	try_all("int kept;\n"
		"static KEEP void before(int *member) { kept = member[-2]; }\n" USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); before(&t.c); return both(&t); }\n",
		false);
}

static void
one_that_is_walked_over_from_its_end_is_refused(void **state)
{
	(void)state;
	try_all("unsigned char kept[64];\n" USERS
		"int f(int n) { char text[64]; struct t t = { 0 }; fill(&t, n); outside(text); const unsigned char *end = (void *)(&t + 1); for (long i = -8; i < 0; i++) kept[8 + i] = end[i]; return both(&t); }\n",
		false);
}

static void
one_that_is_handed_on_by_value_is_refused(void **state)
{
	(void)state;
	try_all("static KEEP int whole(struct t t) { return t.a + t.b * number(t.c); }\n" USERS
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return whole(t) + both(&t); }\n",
		false);
}

static void
one_whose_users_changed_besides_is_refused(void **state)
{
	(void)state;
	const char *const rest =
		"static KEEP void fill(struct t *t, int n) { t->a += number(n); t->b ^= t->a STEP; }\n"
		"int f(int n) { struct t t = { 0 }; fill(&t, n); return t.b; }\n";
	char *o = NULL;
	char *n = NULL;

	assert_true(asprintf(&o, "#define STEP * 3\n%s%s", HEAD, rest) > 0);
	assert_true(asprintf(&n, "#define STEP + n\n%s%s", NEW_HEAD, rest) > 0);
	must_refuse(commands[0], o, n, "R-02");
	free(o);
	free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_struct_of_one_frame_may_change),
		cmocka_unit_test(one_that_a_callback_gets_may_change),
		cmocka_unit_test(one_that_recursion_hands_on_may_change),
		cmocka_unit_test(one_that_is_allocated_too_is_refused),
		cmocka_unit_test(one_whose_address_is_stored_is_refused),
		cmocka_unit_test(one_that_another_module_gets_is_refused),
		cmocka_unit_test(
			one_that_is_copied_to_memory_that_stays_is_refused),
		cmocka_unit_test(
			one_that_an_exported_function_takes_is_refused),
		cmocka_unit_test(
			one_that_a_function_takes_whose_address_gets_about_is_refused),
		cmocka_unit_test(one_that_may_be_another_object_is_refused),
		cmocka_unit_test(one_that_a_list_leads_to_is_refused),
		cmocka_unit_test(one_that_is_read_as_words_is_refused),
		cmocka_unit_test(one_that_is_hashed_is_refused),
		cmocka_unit_test(
			one_of_which_a_member_leads_to_the_next_is_refused),
		cmocka_unit_test(
			one_that_is_walked_over_from_its_end_is_refused),
		cmocka_unit_test(one_that_is_handed_on_by_value_is_refused),
		cmocka_unit_test(one_whose_users_changed_besides_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
