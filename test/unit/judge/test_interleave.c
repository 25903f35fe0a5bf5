// SPDX-License-Identifier: Apache-2.0

// Each pair is one source; NEW is compiled with -DNEW. What is proven must be so
// with every compiler, level and with or without debug information; what is not
// must never be.

#include "pair.h"

static const char *const compilers[] = { "gcc", "clang" };
static const char *const levels[] = { "-O0", "-O2", "-O3", "-Os" };

static const char prelude[] =
	"#include <unistd.h>\n#include <pthread.h>\n" PRELUDE
	"struct t { int n; int used; int *rows; struct t *next; long sum;\n"
	"           char *buf; int fd; pthread_mutex_t lock; };\n"
	"int g1 = 1, g2 = 2;\n"
	"KEEP int low(struct t *t) { return t->n * 3 + g2; }\n"
	"KEEP void put(struct t *t, int v) { t->rows[t->used & 7] = v; g2 = v; }\n"
	"KEEP int other(int a) { return a + g1; }\n";

static struct graft_verdict_result
judge_one(const char *compiler, const char *level, const char *debug,
	  const char *source)
{
	char was[256];
	char is[300];
	char text[8192];

	snprintf(was, sizeof(was), "%s %s %s -fPIC -shared -x c", compiler,
		 level, debug);
	snprintf(is, sizeof(is), "%s %s %s -DNEW -fPIC -shared -x c", compiler,
		 level, debug);
	snprintf(text, sizeof(text), "%s%s", prelude, source);
	return judge_commands(was, is, text, text);
}

/** Each pair is tried in some of the ways, another sample for each; in all of them
 * where GRAFT_TEST_BITS asks for all that a test can do. */
static bool
is_skipped(unsigned way, const char *source)
{
	return !getenv("GRAFT_TEST_BITS") && (way + strlen(source)) % 8 > 1;
}

static void
must_come_out(const char *source, bool proven)
{
	for (unsigned way = 0; way < 16; way++) {
		const char *compiler = compilers[way & 1];
		const char *level = levels[way >> 1 & 3];
		const char *debug = way & 8 ? "-s" : "-g";
		if (is_skipped(way & 8 ? way + 4 : way, source))
			continue;
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result = judge_one(compiler, level,
							       debug, source);
		bool is = result.immediate == GRAFT_IMMEDIATE_PROVEN;
		if (is == proven)
			continue;
		print_reasons(&result);
		fail_msg("%s %s %s: %s", compiler, level, debug,
			 result.immediate_why ? result.immediate_why
					      : "proven");
	}
}

// clang-format off
#define PAIRS(X)                                                               \
	X(a_null_check, true,                                                  \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (!t) return -1;\n#endif\n"                          \
	  " t->used += i; g1 = t->used; return other(t->n); }\n")              \
	X(a_bounds_check, true,                                                \
	  "KEEP int f(struct t *t, unsigned i) {\n"                            \
	  "#ifdef NEW\n if (i >= t->n) return -1;\n#endif\n"          \
	  " t->rows[i] = 5; return t->rows[i]; }\n")                           \
	X(a_check_before_a_wait, true,                                         \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (i > 100) return -2;\n#endif\n"                     \
	  " int n = read(t->fd, t->buf, 8);\n"                                 \
	  " if (n != 8) return -1; t->sum += n; put(t, i); return n; }\n")     \
	X(a_check_behind_a_wait, true,                                         \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " long n = read(t->fd, t->buf, 8);\n"                                \
	  "#ifdef NEW\n if (n < 4) return -1;\n#endif\n"                       \
	  " t->sum += n; return n; }\n")                                       \
	X(a_stricter_comparison, true,                                         \
	  "#ifdef NEW\n#define M 15\n#else\n#define M 16\n#endif\n"            \
	  "KEEP int f(struct t *t, unsigned i) {\n"                            \
	  " if (i > M) return -1; t->rows[i] = 7; g1 = 4; return 0; }\n")      \
	X(a_comparison_that_takes_the_end_in, true,                            \
	  "KEEP int f(struct t *t, unsigned i, unsigned n) {\n"                \
	  "#ifdef NEW\n if (i >= n) return -1;\n"                              \
	  "#else\n if (i > n) return -1;\n#endif\n"                            \
	  " t->rows[i] = 7; return 0; }\n")                                    \
	X(a_constant_that_is_returned, true,                                   \
	  "#ifdef NEW\n#define R -5\n#else\n#define R -7\n#endif\n"            \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " t->sum += i; put(t, i); return R; }\n")                            \
	X(a_result_that_is_computed_otherwise, true,                           \
	  "#ifdef NEW\n#define R 5\n#else\n#define R 3\n#endif\n"              \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " t->used = i; return i * R + 2; }\n")                               \
	X(a_check_before_a_loop_that_writes, true,                             \
	  "KEEP int f(struct t *t, int n) {\n"                                 \
	  "#ifdef NEW\n if (n > t->n) return -1;\n#endif\n"                    \
	  " for (int i = 0; i < n; i++) put(t, i);\n return n; }\n")           \
	X(a_check_before_a_lock, true,                                         \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (!t->rows) return -1;\n#endif\n"                    \
	  " pthread_mutex_lock(&t->lock); t->used = i;\n"                      \
	  " pthread_mutex_unlock(&t->lock); return 0; }\n")                    \
	X(two_checks, true,                                                    \
	  "KEEP int f(struct t *t, long i) {\n"                                 \
	  "#ifdef NEW\n if (!t) return -1; if (i > 50) return -2;\n#endif\n"    \
	  " t->sum = i; return other(i); }\n")                                 \
	X(another_value_stored, false,                                         \
	  "#ifdef NEW\n#define V 5\n#else\n#define V 6\n#endif\n"              \
	  "KEEP int f(struct t *t, int i) { t->sum = V; return i; }\n")        \
	X(another_place_stored_to, false,                                      \
	  "#ifdef NEW\n#define V sum\n#else\n#define V used\n#endif\n"         \
	  "KEEP int f(struct t *t, int i) { t->V = i; return i; }\n")          \
	X(two_stores_in_another_order, false,                                  \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "volatile int *a = &g1, *b = &g2;\n"                                 \
	  "#ifdef NEW\n *b = i; *a = i;\n#else\n *a = i; *b = i;\n#endif\n"    \
	  " return t->n; }\n")                                                 \
	X(a_new_call, false,                                                   \
	  "KEEP int f(struct t *t, int i) {\n t->sum = i;\n"                   \
	  "#ifdef NEW\n put(t, i);\n#endif\n return i; }\n")                   \
	X(a_call_that_is_gone, false,                                          \
	  "KEEP int f(struct t *t, int i) {\n t->sum = i;\n"                   \
	  "#ifndef NEW\n put(t, i);\n#endif\n return i; }\n")                  \
	X(another_argument_of_a_call, false,                                   \
	  "#ifdef NEW\n#define V 5\n#else\n#define V 6\n#endif\n"              \
	  "KEEP int f(struct t *t, int i) { put(t, i + V); return i; }\n")     \
	X(another_argument_of_an_import, false,                                \
	  "#ifdef NEW\n#define V 4\n#else\n#define V 8\n#endif\n"              \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " return read(t->fd, t->buf, V) + i; }\n")                           \
	X(another_function_called, false,                                      \
	  "#ifdef NEW\n#define V other(i)\n#else\n#define V low(t)\n#endif\n"  \
	  "KEEP int f(struct t *t, int i) { t->sum = 1; return V; }\n")        \
	X(it_leaves_with_a_lock, false,                                        \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " pthread_mutex_lock(&t->lock);\n"                                   \
	  "#ifdef NEW\n if (i > 7) return -1;\n#endif\n"                       \
	  " t->used = i; pthread_mutex_unlock(&t->lock); return 0; }\n")       \
	X(it_unlocks_and_leaves, false,                                        \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " pthread_mutex_lock(&t->lock);\n"                                   \
	  "#ifdef NEW\n if (!t->rows) { pthread_mutex_unlock(&t->lock);"       \
	  " return -1; }\n#endif\n"                                            \
	  " t->used = i; pthread_mutex_unlock(&t->lock); return 0; }\n")       \
	X(it_leaves_between_two_stores, false,                                 \
	  "KEEP int f(struct t *t, int i) {\n t->used = i;\n"                  \
	  "#ifdef NEW\n if (i > 9) return -1;\n#endif\n"                       \
	  " put(t, i); return 0; }\n")                                         \
	X(a_store_more, false,                                                 \
	  "KEEP int f(struct t *t, int i) {\n t->used = i;\n"                  \
	  "#ifdef NEW\n g2 = i;\n#endif\n return other(i); }\n")               \
	X(a_store_more_before_it_leaves, false,                                \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (i > 9) { g2 = i; return -1; }\n#endif\n"           \
	  " t->used = i; return other(i); }\n")                                \
	X(a_looser_comparison, false,                                          \
	  "#ifdef NEW\n#define M 17\n#else\n#define M 16\n#endif\n"            \
	  "KEEP int f(struct t *t, unsigned i) {\n"                            \
	  " if (i > M) return -1; t->rows[i] = 7; g1 = 4; return 0; }\n")      \
	X(a_check_that_is_gone, false,                                         \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifndef NEW\n if (i > 7) return -1;\n#endif\n"                      \
	  " t->rows[i] = 7; g1 = 4; return 0; }\n")                            \
	X(the_other_way_of_a_branch, false,                                    \
	  "#ifdef NEW\n#define C (i > 3)\n#else\n#define C (i > 4)\n#endif\n"  \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " if (C) put(t, 1); else t->sum = other(2);\n return 0; }\n")        \
	X(two_functions, false,                                                \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (!t) return -1;\n#endif\n"                          \
	  " t->used = i; return 0; }\n"                                        \
	  "KEEP int f2(struct t *t, int i) {\n"                                \
	  "#ifdef NEW\n if (!t) return -1;\n#endif\n"                          \
	  " t->sum = i; return 0; }\n")                                        \
	X(it_calls_itself, false,                                              \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (i > 90) return -1;\n#endif\n"                      \
	  " t->used += i; if (t->next) t->sum += f(t->next, i);\n"             \
	  " put(t, i); return 0; }\n")                                         \
	X(it_comes_back_to_itself, false,                                      \
	  "int f(struct t *t, int i);\n"                                       \
	  "KEEP int mid(struct t *t, int i) { return f(t->next, i) + 1; }\n"   \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (i > 90) return -1;\n#endif\n"                      \
	  " t->used += i; if (t->next) t->sum += mid(t, i);\n"                 \
	  " put(t, i); return 0; }\n")                                         \
	X(it_calls_through_a_pointer, false,                                   \
	  "int (*hook)(int) = other;\n"                                        \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n if (i > 90) return -1;\n#endif\n"                      \
	  " t->used = hook(i); return 0; }\n")                                 \
	X(a_text_that_is_passed_on, false,                                     \
	  "#ifdef NEW\n#define S \"new words\"\n"                              \
	  "#else\n#define S \"old words\"\n#endif\n"                           \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " t->used = i; return write(t->fd, S, 9); }\n")                      \
	X(a_new_static, false,                                                 \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  "#ifdef NEW\n static int calls; if (++calls > 9) return -1;\n#endif\n" \
	  " t->used = i; return 0; }\n")                                       \
	X(a_loop_that_writes_more, false,                                      \
	  "#ifdef NEW\n#define N n + 1\n#else\n#define N n\n#endif\n"          \
	  "KEEP int f(struct t *t, int n) {\n"                                 \
	  " for (int i = 0; i < N; i++) put(t, i);\n return n; }\n")           \
	X(a_check_within_a_loop_that_writes, false,                            \
	  "KEEP int f(struct t *t, int n) {\n"                                 \
	  " for (int i = 0; i < n; i++) {\n"                                   \
	  "#ifdef NEW\n if (t->rows[i] < 0) return -1;\n#endif\n"              \
	  " put(t, i); }\n return n; }\n")                                     \
	X(an_address_in_the_frame, false,                                      \
	  "KEEP int f(struct t *t, int i) { char b[8];\n"                      \
	  "#ifdef NEW\n if (i > 7) return -1;\n#endif\n"                       \
	  " int n = read(t->fd, b, 8); t->sum = b[i]; return n; }\n")          \
	X(an_atomic_that_adds_more, false,                                     \
	  "#ifdef NEW\n#define V 2\n#else\n#define V 1\n#endif\n"              \
	  "KEEP int f(struct t *t, int i) {\n"                                 \
	  " __atomic_fetch_add(&t->used, V, __ATOMIC_SEQ_CST); return i; }\n") \
	X(a_fence_more, false,                                                 \
	  "KEEP int f(struct t *t, int i) {\n t->used = i;\n"                  \
	  "#ifdef NEW\n __asm__ volatile(\"mfence\" ::: \"memory\");\n#endif\n" \
	  " t->sum = i; return 0; }\n")                                        \
	X(a_fence_that_is_gone, false,                                         \
	  "KEEP int f(struct t *t, int i) {\n t->used = i;\n"                  \
	  "#ifndef NEW\n __atomic_thread_fence(__ATOMIC_SEQ_CST);\n#endif\n"   \
	  " t->sum = i; return 0; }\n")                                        \
	X(a_new_handler_of_a_wait_that_loops, false,                           \
	  "KEEP int f(struct t *t, int i) {\n long n;\n"                       \
	  " while ((n = read(t->fd, t->buf, 8)) > 0) {\n"                      \
	  "#ifdef NEW\n if (n < 4) continue;\n#endif\n"                        \
	  " put(t, i); }\n return 0; }\n")                                     \
	X(a_check_within_a_loop_that_only_waits, true,                         \
	  "KEEP int f(struct t *t, long i) {\n long n;\n"                      \
	  " while ((n = read(t->fd, t->buf, 8)) == 8) {\n"                     \
	  "#ifdef NEW\n if (t->used > 70) return -1;\n#endif\n"                      \
	  " if (t->n) break; }\n t->sum = n; g1 = (int)i; return 0; }\n")                   \
	X(a_stricter_question_and_another_load, false,                         \
	  "KEEP int f(struct t *t, volatile int *v) {\n"                       \
	  "#ifdef NEW\n if (*v > 15) return -1; int x = *v;\n"                 \
	  "#else\n int x = *v; if (x > 16) return -1;\n#endif\n"               \
	  " t->sum = x; g1 = 1; return 0; }\n")                                \
	X(what_is_asked_and_loaded_again, false,                               \
	  "KEEP int f(struct t *t, volatile int *v) {\n"                       \
	  "#ifdef NEW\n if (*v) return -1; t->sum = *v;\n"                     \
	  "#else\n int x = *v; if (x) return -1; t->sum = x;\n#endif\n"        \
	  " return 0; }\n")

#define AS_TEST(name, proven, source)                                          \
	static void name(void **state)                                         \
	{                                                                      \
		(void)state;                                                   \
		must_come_out(source, proven);                                 \
	}
#define AS_ROW(name, proven, source) cmocka_unit_test(name),
// clang-format on

PAIRS(AS_TEST)

static void
a_result_where_there_was_none(void **state)
{
	(void)state;
	for (size_t c = 0; c < 2; c++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result = judge_one(
			compilers[c], "-O2", c ? "-g" : "-s",
			"#ifdef NEW\n#define T long\n#define R return 1L << 40\n"
			"#else\n#define T void\n#define R\n#endif\n"
			"T f(struct t *t, int i) { t->used = i; R; }\n");
		assert_int_not_equal(result.immediate, GRAFT_IMMEDIATE_PROVEN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PAIRS(AS_ROW) cmocka_unit_test(a_result_where_there_was_none),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
