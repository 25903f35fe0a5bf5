// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define FILES "#include <stdio.h>\nstatic void *kept; static long calls;\n"

static void
memory_in_the_place_of_a_stream_is_refused(void **state)
{
	static const char user[] =
		"long get(void) { calls++; f(); return calls + (kept != 0); }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(
		o, sizeof(o),
		PRELUDE FILES
		"KEEP void f(void) { void *p = malloc(16); kept = fopen(\"x\", \"w\"); free(p); }\n%s",
		user);
	snprintf(
		n, sizeof(n),
		PRELUDE FILES
		"KEEP void f(void) { void **p = malloc(16); *p = fopen(\"x\", \"w\"); kept = p; }\n%s",
		user);
	must_refuse(LIBRARY, o, n, "R-24");
	must_refuse("cc -O0 -fPIC -shared -x c", o, n, "R-24");
}

static void
a_descriptor_in_the_place_of_a_stream_is_refused(void **state)
{
	static const char form[] = PRELUDE FILES
		"#include <fcntl.h>\n#include <unistd.h>\n"
		"KEEP int f(const char *p) { %s; return !kept; }\n"
		"KEEP void g(const char *s, long n) { %s; calls++; }\n";
	static const char *const builds[] = {
		LIBRARY,
		"gcc -g -O0 -fPIC -shared -x c",
		"clang -g -O2 -fPIC -shared -x c",
	};
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, "kept = fopen(p, \"a\")",
		 "fwrite(s, 1, n, kept)");
	snprintf(n, sizeof(n), form, "kept = (void *)(long)open(p, O_WRONLY)",
		 "calls += write((int)(long)kept, s, n)");
	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++)
		must_refuse(builds[i], o, n, "R-24");
}

static void
another_way_to_the_same_kind_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		PRELUDE FILES
		"KEEP void f(void) { void *p = calloc(2, 8); kept = malloc(16); calls += p != kept; free(p); }\n",
		PRELUDE FILES
		"KEEP void f(void) { void *p = malloc(16); kept = calloc(2, 8); calls += p != kept; free(p); }\n");
	must_accept(
		LIBRARY,
		PRELUDE FILES
		"int d; KEEP void f(void) { fclose(fdopen(d, \"w\")); kept = fopen(\"x\", \"w\"); calls++; }\n",
		PRELUDE FILES
		"int d; KEEP void f(void) { fclose(fopen(\"x\", \"w\")); kept = fdopen(d, \"w\"); calls++; }\n");
}

#define HOOKS                                                                  \
	"long x, y; static long (*hooks[2])(long);\n"                          \
	"static long a(long n) { return n + ++x; }\n"                          \
	"static long b(long n) { return n * 3 + ++y; }\n"

static void
functions_that_traded_places_are_refused(void **state)
{
	(void)state;
	must_refuse(LIBRARY,
		    PRELUDE HOOKS
		    "KEEP void fill(void) { hooks[0] = a; hooks[1] = b; }\n"
		    "long f(long n) { return hooks[0](n) - hooks[1](n + 1); }\n"
		    "long g(long n) { return a(n) + b(n); }\n",
		    PRELUDE HOOKS
		    "KEEP void fill(void) { hooks[1] = a; hooks[0] = b; }\n"
		    "long f(long n) { return hooks[1](n) - hooks[0](n + 1); }\n"
		    "long g(long n) { return a(n) + b(n); }\n",
		    "R-24");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_in_the_place_of_a_stream_is_refused),
		cmocka_unit_test(
			a_descriptor_in_the_place_of_a_stream_is_refused),
		cmocka_unit_test(another_way_to_the_same_kind_is_accepted),
		cmocka_unit_test(functions_that_traded_places_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
