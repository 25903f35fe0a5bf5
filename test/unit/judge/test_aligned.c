// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

/** Eight numbers that are kept, and scaled at once. */
#define SCALED(attribute, value)                                               \
	PRELUDE "struct s { float v[8]; long n; } " attribute ";\n"            \
		"static struct s *kept;\n"                                     \
		"KEEP void put(struct s *p) { kept = p; }\n"                   \
		"KEEP float scale(float f) { struct s *p = kept;\n"            \
		" for (int i = 0; i < 8; i++) p->v[i] = p->v[i] * f + " value  \
		";\n return p->v[3]; }\n"
#define WIDE         "__attribute__((aligned(16)))"
#define STRIPPED_O3  "cc -O3 -fPIC -shared -s -x c"
#define STRIPPED_AVX "cc -O3 -mavx2 -fPIC -shared -s -x c"

static void
vectors_that_must_be_aligned_where_they_were_not_are_refused(void **state)
{
	(void)state;
	must_refuse(STRIPPED_O3, SCALED("", "1"), SCALED(WIDE, "2"), "R-02");
	must_refuse(STRIPPED_AVX, SCALED("", "1"),
		    SCALED("__attribute__((aligned(32)))", "2"), "R-02");
}

static void
vectors_that_were_aligned_before_are_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED_O3, SCALED(WIDE, "1"), SCALED(WIDE, "2"));
	must_accept(STRIPPED_O3, SCALED("", "1"), SCALED("", "2"));
}

static void
vectors_of_memory_that_is_new_or_in_the_frame_are_accepted(void **state)
{
	static const char *const form = PRELUDE
		"KEEP int f(int v) { int a[16]; int *p = malloc(64);\n"
		" if (!p) return 0; for (int i = 0; i < 16; i++) { a[i] = v + %d; p[i] = v; }\n"
		" asm volatile(\"\" : : \"r\"(a), \"r\"(p) : \"memory\");\n"
		" v = a[v & 15] + p[3]; free(p); return v; }\n";
	char o[1024];
	char n[1024];

	(void)state;
	snprintf(o, sizeof(o), form, 1001);
	snprintf(n, sizeof(n), form, 1002);
	must_accept(STRIPPED_O3, o, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			vectors_that_must_be_aligned_where_they_were_not_are_refused),
		cmocka_unit_test(vectors_that_were_aligned_before_are_accepted),
		cmocka_unit_test(
			vectors_of_memory_that_is_new_or_in_the_frame_are_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
