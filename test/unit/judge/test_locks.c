// SPDX-License-Identifier: Apache-2.0

#include "pair.h"

#define PLAIN "cc -O0 -fPIC -shared -s -x c"
#define SMALL "cc -Os -fPIC -shared -s -x c"

#define TWO                                                                    \
	"#include <pthread.h>\n"                                               \
	"struct s { pthread_mutex_t a, b; int v; };\n"

static const char *const takes_a = TWO
	"int f(struct s *p, int x) { pthread_mutex_lock(&p->a); p->v += x; pthread_mutex_unlock(&p->a); return x; }\n";
static const char *const takes_b = TWO
	"int f(struct s *p, int x) { pthread_mutex_lock(&p->b); p->v += x; pthread_mutex_unlock(&p->b); return x; }\n";

static void
a_lock_at_offset_0_is_another_one(void **state)
{
	(void)state;
	must_refuse(STRIPPED, takes_a, takes_b, "R-20");
	must_refuse(SMALL, takes_a, takes_b, "R-20");
	must_refuse(PLAIN, takes_a, takes_b, "R-20");
	must_refuse(STRIPPED, takes_b, takes_a, "R-20");
	must_refuse(PLAIN, takes_b, takes_a, "R-20");
}

static void
another_lock_among_other_changes_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED, takes_a,
		TWO
		"int f(struct s *p, int x) { if (x < 0) return -1; pthread_mutex_lock(&p->b); p->v += x * 3; pthread_mutex_unlock(&p->b); return x; }\n",
		"R-20");
}

static void
a_second_lock_is_no_other_lock(void **state)
{
	(void)state;
	must_accept(
		STRIPPED, takes_a,
		TWO
		"int f(struct s *p, int x) { pthread_mutex_lock(&p->b); pthread_mutex_lock(&p->a); p->v += x; pthread_mutex_unlock(&p->a); pthread_mutex_unlock(&p->b); return x; }\n");
}

static void
the_same_lock_by_other_instructions_is_the_same(void **state)
{
	(void)state;
	must_accept(
		STRIPPED, takes_b,
		TWO
		"int f(struct s *p, int x) { struct s *q = p; if (x > 9) return 0; pthread_mutex_lock(&q->b); p->v += x; pthread_mutex_unlock(&q->b); return p->v; }\n");
}

static void
another_lock_that_a_helper_takes_is_refused(void **state)
{
	(void)state;
	must_refuse(
		PLAIN,
		TWO
		"static void take(pthread_mutex_t *m) { pthread_mutex_lock(m); }\n"
		"static void give(pthread_mutex_t *m) { pthread_mutex_unlock(m); }\n"
		"int f(struct s *p, int x) { take(&p->a); p->v += x; give(&p->a); return x; }\n",
		TWO
		"static void take(pthread_mutex_t *m) { pthread_mutex_lock(m); }\n"
		"static void give(pthread_mutex_t *m) { pthread_mutex_unlock(m); }\n"
		"int f(struct s *p, int x) { take(&p->b); p->v += x; give(&p->b); return x; }\n",
		"R-20");
}

static void
another_member_that_is_counted_in_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"struct s { int a, b; }; int v;\n"
		"int f(struct s *p) { __sync_fetch_and_add(&p->a, 1); return v; }\n",
		"struct s { int a, b; }; int v;\n"
		"int f(struct s *p) { if (v < 0) return 0; __sync_fetch_and_add(&p->b, 1); return v; }\n",
		"R-20");
}

static void
a_lock_of_another_object_is_refused(void **state)
{
	(void)state;
	must_refuse(
		STRIPPED,
		"#include <pthread.h>\n"
		"struct s { struct s *next; long k; pthread_mutex_t a; int v; };\n"
		"int f(struct s *p, int x) { pthread_mutex_lock(&p->a); p->v += x; pthread_mutex_unlock(&p->a); return x; }\n",
		"#include <pthread.h>\n"
		"struct s { struct s *next; long k; pthread_mutex_t a; int v; };\n"
		"int f(struct s *p, int x) { pthread_mutex_lock(&p->next->a); p->v += x; pthread_mutex_unlock(&p->next->a); return x; }\n",
		"R-20");
}

/** Static objects of which another function uses each. */
#define STATICS                                                                                                                       \
	"#include <pthread.h>\n"                                                                                                      \
	"static struct { int n; pthread_mutex_t a, b; int v; } t = { 1, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, 5 };\n" \
	"int g(void) { return t.n + t.v; }\n"

static void
a_lock_that_nobody_else_names_is_another_one(void **state)
{
	(void)state;
	must_refuse(
		SMALL,
		STATICS
		"int f(int x) { pthread_mutex_lock(&t.a); x += t.v; pthread_mutex_unlock(&t.a); return x; }\n",
		STATICS
		"int f(int x) { pthread_mutex_lock(&t.b); x += t.v; pthread_mutex_unlock(&t.b); return x; }\n",
		"R-20");
}

static void
a_lock_that_more_code_takes_is_the_one_that_was_there(void **state)
{
	// What follows is aligned to 64, so that there may be padding where the
	// lock stands, for all that its address says.
#define BESIDE(before, after)                                                  \
	"#include <pthread.h>\n"                                               \
	"static long first[3];\n"                                              \
	"static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;\n"           \
	"static __attribute__((aligned(64))) long last;\n"                     \
	"__attribute__((noinline)) long head(int i) { first[i & 1]++; "        \
	"return first[i] * 3; }\n"                                             \
	"__attribute__((noinline)) void add(long x) { "                        \
	"pthread_mutex_lock(&lock); last += x; "                               \
	"pthread_mutex_unlock(&lock); }\n"                                     \
	"long use(long x) { add(x); " before "first[x & 1] ^= x; " after       \
	"return head(x & 1) + last; }\n"
	(void)state;
	must_accept("clang -O2 -fPIC -shared -s -x c", BESIDE("", ""),
		    BESIDE("pthread_mutex_lock(&lock); ",
			   "pthread_mutex_unlock(&lock); "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_at_offset_0_is_another_one),
		cmocka_unit_test(another_lock_among_other_changes_is_refused),
		cmocka_unit_test(a_second_lock_is_no_other_lock),
		cmocka_unit_test(
			the_same_lock_by_other_instructions_is_the_same),
		cmocka_unit_test(another_lock_that_a_helper_takes_is_refused),
		cmocka_unit_test(another_member_that_is_counted_in_is_refused),
		cmocka_unit_test(a_lock_of_another_object_is_refused),
		cmocka_unit_test(a_lock_that_nobody_else_names_is_another_one),
		cmocka_unit_test(
			a_lock_that_more_code_takes_is_the_one_that_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
