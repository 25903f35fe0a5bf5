// SPDX-License-Identifier: Apache-2.0

// Ends of arrays, told by what code compares them with.

#include "truth.h"

#include "diff/code/past.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HIDDEN "__attribute__((visibility(\"hidden\")))"
#define HEAD                                                                   \
	"#define H " HIDDEN "\n#define N " HIDDEN " __attribute__((noinline))\n"

#define OBJECTS                                                                \
	".data\n.globl a\n.hidden a\n.type a, @object\n.size a, 32\n"          \
	"a: .zero 32\n.globl b\n.hidden b\n.type b, @object\n.size b, 8\n"     \
	"b: .zero 8\n"

/** An array that is walked over, and what stands behind it. */
#define ARRAY(k)                                                               \
	HEAD "H long array[40] = {1, 2, 3, 4};\n"                              \
	     "N long walk(long x) { for (long *p = array; p < array + 40; "    \
	     "p++)\nx = x * " k " + *p; return x; }\n"                         \
	     "long set(long i) { return array[i & 3]++; }\n"
#define BESIDE(name, n)                                                        \
	HEAD "H long " name "[4] = {5};\n"                                     \
	     "long get_" name "(long i) { return " name "[i & 3] * 3 + " n     \
	     "; }\n"                                                           \
	     "long one_" name "(void) { return " name "[0]++; }\n"

static void
make(const char *const *old_files, const char *const *new_files,
     const char *cflags, struct truth *truth)
{
	struct truth_recipe recipe = { .cc = "clang",
				       .cflags = cflags,
				       .ldflags = "-shared",
				       .old_files = old_files,
				       .new_files = new_files };

	if (!truth_make(&recipe, truth))
		fail_msg("not built");
	if (truth_check(truth))
		fail_msg("%s", truth->wrong[0]);
}

static void
a_walk_whose_end_is_another_thing_now_has_not_changed(void **state)
{
	const char *old_files[] = { ARRAY("3"), BESIDE("one", "1"),
				    BESIDE("two", "1"), NULL };
	const char *new_files[] = { ARRAY("3"), BESIDE("two", "1"),
				    BESIDE("one", "2"), NULL };
	struct truth truth;

	(void)state;
	make(old_files, new_files, "-O2 -fPIC", &truth);
	assert_int_equal(truth.diff->finding_count, 0);
	assert_false(truth_is_carried(&truth, "walk"));
	assert_true(truth_is_carried(&truth, "get_one"));
	truth_deinit(&truth);
}

static void
the_end_of_a_carried_walk_is_that_of_its_array(void **state)
{
	const char *old_files[] = { ARRAY("3"), BESIDE("one", "1"),
				    BESIDE("two", "1"), NULL };
	const char *new_files[] = { ARRAY("5"), BESIDE("two", "1"),
				    BESIDE("one", "1"), NULL };
	struct truth truth;

	(void)state;
	make(old_files, new_files, "-O2 -fPIC", &truth);
	assert_int_equal(truth.diff->finding_count, 0);
	assert_true(truth_is_carried(&truth, "walk"));
	assert_true(truth.checked > 0);
	truth_deinit(&truth);
}

/** What the reference @p i of the function `f` is the end of, or 0. */
static uint64_t
end_of(const char *body, uint32_t i, uint64_t *a_ret)
{
	char text[1024];
	struct truth truth;

	snprintf(text, sizeof(text), ".text\n" FUNC("f") "%s" END("f") OBJECTS,
		 body);
	truth_assemble(text, &truth);
	const struct graft_code *code = truth.diff->new_code;
	uint32_t f = graft_code_func_at(
		code, truth_symbol(truth.new_full, "f")->addr);
	assert_int_not_equal(f, GRAFT_NONE);
	assert_true(i < code->funcs[f].ref_count);
	uint64_t end = code->refs[code->funcs[f].first_ref + i].end_of;
	*a_ret = truth_symbol(truth.new_full, "a")->addr;
	truth_deinit(&truth);
	return end;
}

#define WALK(start, step, compare)                                             \
	"lea a(%rip), %rcx\nlea b(%rip), %rdx\n" start                         \
	"1:\naddq $1, (%rcx)\n" step compare "jb 1b\nret\n"

static void
what_a_moved_pointer_is_compared_with_is_the_end(void **state)
{
	uint64_t a = 0;

	(void)state;
	uint64_t end = end_of(WALK("", "add $8, %rcx\n", "cmp %rdx, %rcx\n"), 1,
			      &a);
	assert_int_equal(end, a);
	end = end_of(WALK("mov %rcx, %rsi\n", "lea 8(%rsi), %rsi\n",
			  "cmp %rsi, %rdx\n"),
		     1, &a);
	assert_int_equal(end, a);
}

static void
what_may_be_something_else_is_no_end(void **state)
{
	static const char *const starts[] = {
		// Another pointer on one of the ways.
		"test %rdi, %rdi\nje 1f\nmov %rdi, %rcx\n",
		// The end is moved itself.
		"add $8, %rdx\n",
		// A call may change what it is compared with.
		"call *%rdi\n",
		// It is written to itself.
		"addq $1, (%rdx)\n",
		// Two starts: which of them it ends is not known.
		"lea a+8(%rip), %rax\ntest %rdi, %rdi\ncmove %rax, %rcx\n",
	};
	uint64_t a;

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		char body[512];
		snprintf(body, sizeof(body),
			 "lea a(%%rip), %%rcx\nlea b(%%rip), %%rdx\n%s1:\n"
			 "addq $1, (%%rcx)\nadd $8, %%rcx\ncmp %%rdx, %%rcx\n"
			 "jb 1b\nret\n",
			 starts[i]);
		assert_int_equal(end_of(body, 1, &a), 0);
	}
	// Nothing was moved: two objects are told apart.
	assert_int_equal(end_of(WALK("", "", "cmp %rdx, %rcx\n"), 1, &a), 0);
	// What is loaded is no part of the array.
	assert_int_equal(end_of(WALK("", "add $8, %rcx\nmov (%rcx), %rcx\n",
				     "cmp %rdx, %rcx\n"),
				1, &a),
			 0);
}

/** May the address that `f` takes first be where something starts, behind 32
 * bytes of something else? */
static bool
is_start(const char *body)
{
	char text[1024];
	struct truth truth;
	bool start;

	snprintf(text, sizeof(text),
		 ".text\n" FUNC("f") "lea b(%%rip), %%rdi\n%sret\n" END("f")
			 OBJECTS,
		 body);
	truth_assemble(text, &truth);
	const struct graft_code *code = truth.diff->new_code;
	uint32_t f = graft_code_func_at(
		code, truth_symbol(truth.new_full, "f")->addr);
	assert_int_not_equal(f, GRAFT_NONE);
	assert_null(graft_past_is_start(code, f, code->funcs[f].first_ref, 32,
					&start));
	truth_deinit(&truth);
	return start;
}

static void
what_is_used_right_there_starts_there(void **state)
{
	(void)state;
	assert_true(is_start("addq $1, (%rdi)\n"));
	// On one way, and moved on before.
	assert_true(is_start("test %rsi, %rsi\nje 1f\nadd $8, %rdi\n"
			     "addq $1, (%rdi)\n1:\nmov %rdi, %rax\n"));
	assert_true(is_start("lea 8(%rdi), %rsi\naddq $1, (%rsi)\n"));
}

static void
what_is_reached_by_going_back_starts_nothing(void **state)
{
	static const char *const ways[] = {
		"sub $8, %rdi\naddq $1, (%rdi)\n",
		"add $-8, %rdi\naddq $1, (%rdi)\n",
		"dec %rdi\naddb $1, (%rdi)\n",
		"lea -8(%rdi), %rsi\naddq $1, (%rsi)\n",
		"lea (%rdi,%rsi,8), %rsi\naddq $1, (%rsi)\n",
		"add %rsi, %rdi\naddq $1, (%rdi)\n",
		"addq $1, -8(%rdi)\n",
		"addq $1, (%rdi,%rsi,8)\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		assert_false(is_start(ways[i]));
}

static void
what_is_locked_starts_there(void **state)
{
	(void)state;
	assert_true(is_start("mov %rdi, %rbx\ncall pthread_mutex_lock@plt\n"
			     "mov %rbx, %rdi\nxor %ebx, %ebx\n"
			     "call pthread_mutex_unlock@plt\n"));
	assert_false(is_start("mov %rdi, %rbx\ncall puts@plt\n"
			      "xor %ebx, %ebx\n"));
}

static void
what_follows_the_data_is_no_object_for_the_start_files(void **state)
{
	// `.data` ends with another alignment.
	const char *old_files[] = {
		HEAD "H int x = 5; long f(void) { return x++ * 3; }\n", NULL
	};
	const char *new_files[] = { HEAD
				    "H int x = 5; H int y = 7;\n"
				    "long f(void) { return x++ * 3 + y++; }\n",
				    NULL };
	struct truth truth;
	size_t seen = 0;

	(void)state;
	make(old_files, new_files, "-O2 -fPIC", &truth);
	const struct graft_code *code = truth.diff->new_code;
	for (size_t i = 0; i < code->ref_count; i++)
		seen += code->refs[i].clones;
	assert_true(seen >= 2);
	truth_deinit(&truth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_walk_whose_end_is_another_thing_now_has_not_changed),
		cmocka_unit_test(
			the_end_of_a_carried_walk_is_that_of_its_array),
		cmocka_unit_test(
			what_a_moved_pointer_is_compared_with_is_the_end),
		cmocka_unit_test(what_may_be_something_else_is_no_end),
		cmocka_unit_test(what_is_used_right_there_starts_there),
		cmocka_unit_test(what_is_reached_by_going_back_starts_nothing),
		cmocka_unit_test(what_is_locked_starts_there),
		cmocka_unit_test(
			what_follows_the_data_is_no_object_for_the_start_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
