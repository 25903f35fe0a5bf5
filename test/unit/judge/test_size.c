// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
a_larger_allocation_is_refused(void **state)
{
	static const char *const calls[][2] = {
		{ "malloc(24)", "malloc(32)" },
		{ "calloc(1, 24)", "calloc(1, 32)" },
		{ "realloc(q, 24)", "realloc(q, 32)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		char o[512];
		char n[512];
		snprintf(o, sizeof(o),
			 PRELUDE "KEEP void *make(void *q) { return %s; }\n",
			 calls[i][0]);
		snprintf(n, sizeof(n),
			 PRELUDE "KEEP void *make(void *q) { return %s; }\n",
			 calls[i][1]);
		must_refuse(LIBRARY, o, n, "R-03");
	}
}

#define WRAPPER                                                                \
	"void die(void);\n"                                                    \
	"KEEP static void *need(size_t n) { void *p = malloc(n); if (!p) die(); return p; }\n"

static void
a_wrapper_of_an_allocator_is_seen_through(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		PRELUDE WRAPPER
		"void *make(int k) { char *p = need(40); p[0] = k; return p; }\n",
		PRELUDE WRAPPER
		"void *make(int k) { char *p = need(48); p[0] = k; return p; }\n",
		"R-03");
}

static void
an_allocator_behind_a_pointer_is_guessed(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		PRELUDE
		"struct m { void *(*get)(size_t); };\n"
		"void *make(struct m *m, int k) { char *p = m->get(0x1f8); p[0] = k; return p; }\n",
		PRELUDE
		"struct m { void *(*get)(size_t); };\n"
		"void *make(struct m *m, int k) { char *p = m->get(0x200); p[0] = k; return p; }\n",
		"R-03");
}

static void
the_number_of_a_line_is_no_size(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE
		"void complain(int line, const char *what);\n"
		"int f(int n) { if (n < 0) { complain(120, \"n\"); return -1; } return n; }\n",
		PRELUDE
		"void complain(int line, const char *what);\n"
		"int f(int n) { if (n < 1) { complain(128, \"n\"); return -1; } return n; }\n");
}

static void
what_is_filled_in_the_frame_may_change(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE
		"void use(char *p);\n"
		"int f(int n) { char b[600]; memset(b, n, 500); use(b); return b[3]; }\n",
		PRELUDE
		"void use(char *p);\n"
		"int f(int n) { char b[600]; memset(b, n, 600); use(b); return b[3]; }\n");
}

static void
what_frees_has_no_size(void **state)
{
	(void)state;
	must_accept(STRIPPED,
		    "void my_dealloc(void *, int);\n"
		    "void f(void *p) { my_dealloc(p, 240); }\n",
		    "void my_dealloc(void *, int);\n"
		    "void f(void *p) { my_dealloc(p, 248); }\n");
	must_refuse(STRIPPED,
		    "void *my_alloc(void *, int);\n"
		    "void *f(void *p) { return my_alloc(p, 240); }\n",
		    "void *my_alloc(void *, int);\n"
		    "void *f(void *p) { return my_alloc(p, 248); }\n",
		    "R-03");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_larger_allocation_is_refused),
		cmocka_unit_test(what_frees_has_no_size),
		cmocka_unit_test(a_wrapper_of_an_allocator_is_seen_through),
		cmocka_unit_test(an_allocator_behind_a_pointer_is_guessed),
		cmocka_unit_test(the_number_of_a_line_is_no_size),
		cmocka_unit_test(what_is_filled_in_the_frame_may_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
