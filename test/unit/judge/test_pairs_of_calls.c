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

/** A function that takes and one that gives back, each for others. */
#define KEPT                                                                   \
	"#define KEEP __attribute__((noinline, noclone, noipa))\n"             \
	"int n, v;\n"                                                          \
	"KEEP void job_start(int k) { n += k; v ^= n; }\n"                     \
	"KEEP void job_end(int k) { n -= k; v ^= n * 3; }\n"

static void
what_a_called_function_took_may_be_taken_here(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		KEPT
		"static KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(3); v *= 5; arm(x); return v; }\n"
		"void g(int x) { v += x * 7; job_end(x); }\n",
		KEPT
		"int f(int x) { v -= x; v += 3; job_start(3); v *= 5; v += x; if (x < 100) job_start(x); return v; }\n"
		"void g(int x) { v += x * 7; job_end(x); }\n");
}

static void
a_copy_that_came_to_nothing_is_accepted(void **state)
{
	(void)state;
	must_accept(
		LIBRARY,
		KEPT
		"static KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(-3); v *= 5; arm(x); return v; }\n",
		KEPT
		"int f(int x) { v -= x; v *= 5; v += x; if (x > 0) job_start(x); return v; }\n");
}

/** What is copied into its callers, as debug information says. */
#define COPIED                                                                                     \
	"int n, v;\n"                                                                              \
	"static inline __attribute__((always_inline)) void job_start(int k) { n += k; v ^= n; }\n" \
	"KEEP void job_end(int k) { n -= k; v ^= n * 3; }\n"
#define TYPED "cc -g -O2 -fPIC -shared -x c"

static void
what_was_copied_into_a_called_function_may_be_copied_here(void **state)
{
	(void)state;
	// OLD copies job_start() to where it takes, NEW calls it.
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(
		TYPED,
		"#define KEEP __attribute__((noinline, noclone, noipa))\n" COPIED
		"static KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(x); return v; }\n",
		KEPT
		"int f(int x) { v -= x; v += x; if (x < 100) job_start(x); return v; }\n");
	print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
}

static void
one_more_than_was_copied_is_refused(void **state)
{
	(void)state;
	must_refuse(
		TYPED,
		"#define KEEP __attribute__((noinline, noclone, noipa))\n" COPIED
		"static KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(x); return v; }\n",
		KEPT
		"int f(int x) { v -= x; v += x; job_start(x); v *= 5; job_start(x + 1); return v; }\n",
		"R-20");
}

static void
one_more_than_the_called_function_took_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		KEPT "static KEEP void arm(int k) { v += k; job_start(k); }\n"
		     "int f(int x) { v -= x; arm(x); return v; }\n",
		KEPT
		"int f(int x) { v -= x; v += x; job_start(x); v *= 5; job_start(x + 1); return v; }\n",
		"R-20");
}

static void
what_a_called_function_gave_back_must_be_given_back_as_often(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		KEPT
		"static KEEP void disarm(int k) { v += k; job_end(k); }\n"
		"int f(int x) { v -= x; disarm(3); v *= 5; disarm(x); return v; }\n",
		KEPT
		"int f(int x) { v -= x; v += 3; v *= 5; v += x; job_end(x); return v; }\n",
		"R-20");
}

static void
what_went_into_a_new_function_is_refused(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		KEPT
		"static KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(3); v *= 5; arm(x); return v; }\n"
		"int h(int x) { v += x * 9; return v; }\n",
		KEPT
		"static KEEP int later(int k) { v *= k + 11; job_start(k); return k ^ v; }\n"
		"int f(int x) { v -= x; v *= 5; v += x; job_start(x); return v; }\n"
		"int h(int x) { v += x * 9; return later(3); }\n",
		"R-20");
}

static void
what_a_function_that_stays_called_is_no_copy(void **state)
{
	(void)state;
	must_refuse(
		LIBRARY,
		KEPT "KEEP void arm(int k) { v += k; job_start(k); }\n"
		     "int f(int x) { v -= x; arm(x); return v; }\n",
		KEPT
		"KEEP void arm(int k) { v += k; job_start(k); }\n"
		"int f(int x) { v -= x; arm(x); job_start(x); return v; }\n",
		"R-20");
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
		cmocka_unit_test(what_a_called_function_took_may_be_taken_here),
		cmocka_unit_test(a_copy_that_came_to_nothing_is_accepted),
		cmocka_unit_test(
			what_was_copied_into_a_called_function_may_be_copied_here),
		cmocka_unit_test(one_more_than_was_copied_is_refused),
		cmocka_unit_test(
			one_more_than_the_called_function_took_is_refused),
		cmocka_unit_test(
			what_a_called_function_gave_back_must_be_given_back_as_often),
		cmocka_unit_test(what_went_into_a_new_function_is_refused),
		cmocka_unit_test(what_a_function_that_stays_called_is_no_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
