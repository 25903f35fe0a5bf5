// SPDX-License-Identifier: Apache-2.0

#include "typed.h"

/** Compilers that write neighbours at once. */
static const char *const merging[] = {
	"gcc -g -O2 -fPIC -shared -x c",
	"clang -g -O2 -fPIC -shared -x c",
	"clang -gdwarf-4 -O3 -fPIC -shared -x c",
};

#define BITS                                                                   \
	"struct s { long k; unsigned a : 3, b : 6, c : 1; long e; };\n"        \
	"void see(void);\n"

/** What stands between the two keeps a compiler from writing both at once. */
static const char *const once = BITS
	"void f(struct s *p, int v) { p->a = v; p->b++; }\n";
static const char *const twice = BITS
	"void f(struct s *p, int v) { p->a = v; see(); p->b++; }\n";

static void
neighbours_written_at_once_or_one_by_one_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++) {
		must_be(merging[i], once, twice, GRAFT_ASSURANCE_PROVEN);
		must_be(merging[i], twice, once, GRAFT_ASSURANCE_PROVEN);
	}
}

static void
without_types_the_same_is_refused(void **state)
{
	(void)state;
	must_refuse("clang -O2 -fPIC -shared -x c", once, twice, "R-02");
}

/** Fields that the source makes by hand, of a number; @p first and @p second
 * have the bits of the bit-fields of another struct. */
#define BY_HAND(MEMBER)                                                        \
	BITS "struct h { long k; " MEMBER " long e; };\n"                      \
	     "unsigned g(struct s *p) { return p->a + p->b; }\n"
#define FIRST                                                                  \
	"unsigned f(struct h *p, unsigned v) { p->k = v; return (p->w & 7) * v; }\n"
#define SECOND                                                                 \
	"unsigned f(struct h *p, unsigned v) { p->k = v; return (p->w >> 3 & 63) * v; }\n"

static void
fields_made_by_hand_that_look_like_those_of_another_struct_are_refused(
	void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++) {
		must_refuse(merging[i], BY_HAND("unsigned w;") FIRST,
			    BY_HAND("unsigned w;") SECOND, "R-02");
		must_refuse(merging[i], BY_HAND("unsigned w;") SECOND,
			    BY_HAND("unsigned w;") FIRST, "R-02");
	}
}

static void
fields_made_by_hand_of_what_a_union_has_as_bit_fields_are_refused(void **state)
{
	(void)state;
	const char *const either =
		"union { unsigned w; struct { unsigned a : 3, b : 6; } f; };";
	char o[1024];
	char n[1024];

	(void)snprintf(o, sizeof(o),
		       BITS "struct h { long k; %s long e; };\n%s", either,
		       FIRST);
	(void)snprintf(n, sizeof(n),
		       BITS "struct h { long k; %s long e; };\n%s", either,
		       SECOND);
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++)
		must_refuse(merging[i], o, n, "R-02");
}

static void
masks_of_a_part_of_a_bit_field_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++)
		must_refuse(
			merging[i],
			BITS
			"int f(struct s *p, int v) { p->k = v; return (p->b & 7) * v; }\n",
			BITS
			"int f(struct s *p, int v) { p->k = v; return (p->b >> 3 & 3) * v; }\n",
			"R-02");
}

static void
fields_made_by_hand_of_an_array_of_numbers_are_refused(void **state)
{
	(void)state;
	const char *const o = BITS
		"unsigned f(unsigned *p, unsigned v) { *p = v; return (p[2] & 7) * v; }\n"
		"unsigned g(struct s *p) { return p->a + p->b; }\n";
	const char *const n = BITS
		"unsigned f(unsigned *p, unsigned v) { *p = v; return (p[2] >> 3 & 63) * v; }\n"
		"unsigned g(struct s *p) { return p->a + p->b; }\n";

	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++)
		must_refuse(merging[i], o, n, "R-02");
}

static void
another_bit_field_of_the_same_struct_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(merging) / sizeof(*merging); i++)
		must_be(merging[i],
			BITS
			"int f(struct s *p, int v) { p->k = v; return p->b * v; }\n",
			BITS
			"int f(struct s *p, int v) { p->k = v; return p->a * v; }\n",
			GRAFT_ASSURANCE_PROVEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			neighbours_written_at_once_or_one_by_one_are_accepted),
		cmocka_unit_test(without_types_the_same_is_refused),
		cmocka_unit_test(
			fields_made_by_hand_that_look_like_those_of_another_struct_are_refused),
		cmocka_unit_test(
			fields_made_by_hand_of_what_a_union_has_as_bit_fields_are_refused),
		cmocka_unit_test(masks_of_a_part_of_a_bit_field_are_refused),
		cmocka_unit_test(
			fields_made_by_hand_of_an_array_of_numbers_are_refused),
		cmocka_unit_test(
			another_bit_field_of_the_same_struct_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
