// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** A function that allocates, on both sides. */
static void
must_differ(const char *was, const char *is, bool refused)
{
	static const char *const commands[] = { LIBRARY, STRIPPED };
	char o[1024];
	char n[1024];

	snprintf(o, sizeof(o), PRELUDE "%s", was);
	snprintf(n, sizeof(n), PRELUDE "%s", is);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (refused)
			must_refuse(commands[i], o, n, "R-03");
		else
			must_accept(commands[i], o, n);
	}
}

static void
one_that_is_shifted_further_is_a_larger_size(void **state)
{
	(void)state;
	must_differ("void *f(int n) { return malloc(1UL << (n + 4)); }",
		    "void *f(int n) { return malloc(1UL << (n + 6)); }", true);
	must_differ("void *f(int n) { return malloc(1UL << n); }",
		    "void *f(int n) { return malloc(1UL << (n + 2)); }", true);
}

static void
a_head_in_front_of_a_length_is_a_part_of_the_size(void **state)
{
	(void)state;
	must_differ("void *f(size_t n) { return malloc(n + 24); }",
		    "void *f(size_t n) { return malloc(n + 40); }", true);
	must_refuse(
		"cc -O0 -fPIC -shared -x c",
		PRELUDE "void *f(void) { size_t n = 24; return malloc(n); }",
		PRELUDE "void *f(void) { size_t n = 40; return malloc(n); }",
		"R-03");
	must_differ("void *f(size_t n) { return malloc((n + 24) & -16UL); }",
		    "void *f(size_t n) { return malloc((n + 40) & -16UL); }",
		    true);
}

static void
one_byte_more_for_the_end_of_a_text_is_no_head(void **state)
{
	(void)state;
	must_differ(
		"char *f(char *s) { size_t n = strlen(s); char *p = malloc(n + 1); p[n] = 0; return p; }",
		"char *f(char *s) { size_t n = strlen(s); char *p = malloc(n + 2); p[n] = 0; return p; }",
		false);
}

static void
other_steps_of_growth_are_no_other_size(void **state)
{
	(void)state;
	must_differ(
		"int *f(int *p, size_t n) { return realloc(p, (n * 2 + 8) * 4); }",
		"int *f(int *p, size_t n) { return realloc(p, (n + n / 2 + 8) * 4); }",
		false);
}

#define TABLE(row)                                                             \
	"static const unsigned short rooms[8] = { 16, " row                    \
	", 48, 64, 80, 96, 112, 128 };\n"

static void
a_table_that_says_how_much_may_not_differ(void **state)
{
	(void)state;
	must_differ(
		TABLE("24") "void *f(int n) { return malloc(rooms[n & 7]); }",
		TABLE("32") "void *f(int n) { return malloc(rooms[n & 7]); }",
		true);
	must_differ(
		TABLE("24") "KEEP static size_t room(int n) { return rooms[n & 7]; }\n"
			    "void *f(int n) { return malloc(room(n)); }",
		TABLE("32") "KEEP static size_t room(int n) { return rooms[n & 7]; }\n"
			    "void *f(int n) { return malloc(room(n)); }",
		true);
	must_differ(
		TABLE("24") "int g(int);\nint f(int n) { return g(rooms[n & 7]) + 3; }",
		TABLE("32") "int g(int);\nint f(int n) { return g(rooms[n & 7]) + 3; }",
		false);
}

static void
a_text_that_is_handed_to_an_allocator_is_no_size(void **state)
{
	(void)state;
	must_differ(
		"char *x_alloc_text(void *, const char *);\nchar *f(void *p) { return x_alloc_text(p, \"so many\"); }",
		"char *x_alloc_text(void *, const char *);\nchar *f(void *p) { return x_alloc_text(p, \"too many\"); }",
		false);
}

#define MADE_OF(size)                                                                        \
	"struct desc { unsigned long size, align; };\nlong *x_alloc(const struct desc *);\n" \
	"static const struct desc item = { " size                                            \
	", 8 };\nstatic long *kept;\n"                                                       \
	"long f(long x) { long *p = x_alloc(&item); p[0] = x; p[1] = (long)kept; kept = p; "

static void
a_description_of_what_is_allocated_may_not_differ(void **state)
{
	(void)state;
	must_differ(MADE_OF("24") "return x * 3; }",
		    MADE_OF("40") "return x * 5; }", true);
	// Of which the first byte is one of texts.
	must_differ(MADE_OF("32") "return x * 3; }",
		    MADE_OF("48") "return x * 5; }", true);
}

static void
what_is_mapped_has_a_size(void **state)
{
	(void)state;
	must_differ(
		"#include <sys/mman.h>\nvoid *f(int d) { return mmap(0, 4096, 3, 1, d, 0); }",
		"#include <sys/mman.h>\nvoid *f(int d) { return mmap(0, 8192, 3, 1, d, 0); }",
		true);
	must_differ(
		"#include <unistd.h>\nint f(int d) { return ftruncate(d, 4096); }",
		"#include <unistd.h>\nint f(int d) { return ftruncate(d, 8192); }",
		true);
	must_differ("#include <unistd.h>\nvoid *f(void) { return sbrk(4096); }",
		    "#include <unistd.h>\nvoid *f(void) { return sbrk(8192); }",
		    true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_shifted_further_is_a_larger_size),
		cmocka_unit_test(
			a_head_in_front_of_a_length_is_a_part_of_the_size),
		cmocka_unit_test(
			one_byte_more_for_the_end_of_a_text_is_no_head),
		cmocka_unit_test(other_steps_of_growth_are_no_other_size),
		cmocka_unit_test(a_table_that_says_how_much_may_not_differ),
		cmocka_unit_test(
			a_text_that_is_handed_to_an_allocator_is_no_size),
		cmocka_unit_test(
			a_description_of_what_is_allocated_may_not_differ),
		cmocka_unit_test(what_is_mapped_has_a_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
