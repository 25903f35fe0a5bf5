// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define LOCK                                                                   \
	"#include <pthread.h>\n"                                               \
	"static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; int v;\n"

static void
a_release_that_went_elsewhere_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		LOCK "void take(int x) { pthread_mutex_lock(&m); v = x; }\n"
		     "void give(int x) { v += x; pthread_mutex_unlock(&m); }\n",
		LOCK
		"void take(int x) { pthread_mutex_lock(&m); v = x; pthread_mutex_unlock(&m); }\n"
		"void give(int x) { v += x; }\n",
		"R-20");
}

static void
a_missing_release_on_one_way_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		LOCK
		"int f(int x) { pthread_mutex_lock(&m); if (x < 0) return -1; v = x; pthread_mutex_unlock(&m); return 0; }\n",
		LOCK
		"int f(int x) { pthread_mutex_lock(&m); if (x < 0) { pthread_mutex_unlock(&m); return -1; } v = x; pthread_mutex_unlock(&m); return 0; }\n");
}

static void
a_whole_pair_that_is_new_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		LOCK
		"void g(void) { pthread_mutex_lock(&m); v = 1; pthread_mutex_unlock(&m); }\n"
		"void f(int x) { v += x; }\n",
		LOCK
		"void g(void) { pthread_mutex_lock(&m); v = 1; pthread_mutex_unlock(&m); }\n"
		"void f(int x) { pthread_mutex_lock(&m); v += x; pthread_mutex_unlock(&m); }\n");
}

static void
another_lock_in_the_same_call_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"#include <pthread.h>\n"
		"struct s { long k; pthread_mutex_t a, b; int v; };\n"
		"int f(struct s *p, int x) { pthread_mutex_lock(&p->a); p->v += x; pthread_mutex_unlock(&p->a); return x; }\n",
		"#include <pthread.h>\n"
		"struct s { long k; pthread_mutex_t a, b; int v; };\n"
		"int f(struct s *p, int x) { if (x < 0) return 1; pthread_mutex_lock(&p->b); p->v += x; pthread_mutex_unlock(&p->b); return x; }\n",
		"R-20");
}

static void
a_count_in_another_function_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"void f(int *p) { __sync_fetch_and_add(p, 1); p[1] = 5; }\n"
		"int g(int *p, int v) { p[2] += v; return p[3] * v; }\n",
		"void f(int *p) { p[1] = 5; }\n"
		"int g(int *p, int v) { __sync_fetch_and_add(p, 1); p[2] += v; return p[3] * v; }\n",
		"R-20");
}

static void
a_count_that_is_given_back_too_is_accepted(void **state)
{
	(void)state;
	must_accept(
		STRIPPED,
		"int f(int *p, int v) { __sync_fetch_and_add(p, 1); if (v < 3) return -1; p[1] = v; __sync_fetch_and_sub(p, 1); return v; }\n",
		"int f(int *p, int v) { __sync_fetch_and_add(p, 1); if (v < 3) { __sync_fetch_and_sub(p, 1); return -1; } p[1] = v; __sync_fetch_and_sub(p, 1); return v; }\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_that_went_elsewhere_is_refused),
		cmocka_unit_test(a_missing_release_on_one_way_is_accepted),
		cmocka_unit_test(a_whole_pair_that_is_new_is_accepted),
		cmocka_unit_test(another_lock_in_the_same_call_is_refused),
		cmocka_unit_test(a_count_in_another_function_is_refused),
		cmocka_unit_test(a_count_that_is_given_back_too_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
