// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

static void
another_constant_that_is_stored_is_refused(void **state)
{
	static const char *const stores[][2] = {
		{ "p->a = 3;", "p->a = 4;" },
		{ "p->a = 0;", "p->a = 1;" },
		{ "p->a |= 4;", "p->a |= 8;" },
		{ "state = 3;", "state = 4;" },
		{ "p->a = p->b = 3;", "p->a = p->b = 4;" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stores) / sizeof(*stores); i++) {
		char o[256];
		char n[256];
		snprintf(o, sizeof(o),
			 "struct s { int a, k, b; }; int state;\n"
			 "void f(struct s *p) { %s }\n",
			 stores[i][0]);
		snprintf(n, sizeof(n),
			 "struct s { int a, k, b; }; int state;\n"
			 "void f(struct s *p) { %s }\n",
			 stores[i][1]);
		must_refuse(STRIPPED, o, n, "R-24");
	}
}

static void
a_constant_that_is_only_compared_is_accepted(void **state)
{
	(void)state;
	must_accept(STRIPPED, "int f(int x) { return x > 100 ? 0 : x; }\n",
		    "int f(int x) { return x > 99 ? 0 : x; }\n");
}

static void
a_constant_in_the_frame_is_accepted(void **state)
{
	(void)state;
	must_accept("cc -O0 -fPIC -shared -x c",
		    "int f(int x) { int k = 3; return x + k; }\n",
		    "int f(int x) { int k = 4; return x + k; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_constant_that_is_stored_is_refused),
		cmocka_unit_test(a_constant_that_is_only_compared_is_accepted),
		cmocka_unit_test(a_constant_in_the_frame_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
