// SPDX-License-Identifier: Apache-2.0

// How far code reaches behind an address, in assembly whose every byte is known.

#include "truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FUNC(name)                                                             \
	".globl " name "\n.hidden " name "\n.type " name ", @function\n" name  \
	":\n"
#define END(name) ".size " name ", .-" name "\n"
#define DATA      ".data\nobject: .zero 64\n.text\n"

/** Build one function, the first reference of which is to be asked. */
static void
build(const char *body, struct truth *truth, struct graft_ref *ret)
{
	char text[2048];
	const char *files[] = { text, NULL };
	struct truth_recipe recipe = { .cc = "gcc",
				       .cflags = "-fPIC",
				       .ldflags = "-shared",
				       .old_files = files,
				       .new_files = files,
				       .assembly = true,
				       .keep_symbols = true };

	snprintf(text, sizeof(text), "%s%s%s%s", DATA, FUNC("f"), body,
		 END("f"));
	if (!truth_make(&recipe, truth))
		fail_msg("not built");
	const struct graft_code *code = truth->diff->new_code;
	const struct graft_symbol *symbol = truth_symbol(truth->new_full, "f");
	assert_non_null(symbol);
	uint32_t func = graft_code_func_at(code, symbol->addr);
	assert_int_not_equal(func, GRAFT_NONE);
	*ret = code->refs[code->funcs[func].first_ref];
	assert_int_equal(ret->kind, GRAFT_REF_ADDRESS);
}

/** What the address is used for must be that many bytes; 0: not known. */
static void
must_use(const char *body, unsigned used, unsigned span, bool is_lock)
{
	struct truth truth;
	struct graft_ref ref;

	build(body, &truth, &ref);
	assert_int_equal(ref.used, used);
	assert_int_equal(ref.span, span);
	assert_int_equal(ref.is_lock, is_lock);
	truth_deinit(&truth);
}

static void
accesses_at_constant_distances_are_all_that_is_used(void **state)
{
	(void)state;
	must_use("lea object(%rip), %rcx\nmov (%rcx), %rax\n"
		 "mov %eax, 8(%rcx)\nret\n",
		 12, 12, false);
	must_use("lea object(%rip), %rax\nmov %rax, %rcx\n1: cmpl $0, (%rcx)\n"
		 "jne 1b\nxor %eax, %eax\nret\n",
		 4, 4, false);
}

static void
what_goes_elsewhere_is_not_known(void **state)
{
	(void)state;
	// An index, a copy in memory, a result, a callee, arithmetic.
	must_use("lea object(%rip), %rax\nmov (%rax,%rdi,4), %ecx\nret\n", 0, 0,
		 false);
	must_use("lea object(%rip), %rax\nmov (%rax), %ecx\n"
		 "mov %rax, (%rdi)\nxor %eax, %eax\nret\n",
		 0, 4, false);
	must_use("lea object(%rip), %rax\nmov (%rax), %ecx\nret\n", 0, 4,
		 false);
	must_use("lea object(%rip), %rdi\nmov (%rdi), %ecx\n"
		 "call other@plt\nret\n",
		 0, 4, false);
	must_use("lea object(%rip), %rcx\nmov (%rcx), %eax\nadd $4, %rcx\n"
		 "mov (%rcx), %eax\nret\n",
		 0, 4, false);
}

static void
instructions_that_reach_farther_than_they_say_are_not_known(void **state)
{
	(void)state;
	must_use("lea object(%rip), %rcx\nmov (%rcx), %eax\n"
		 "bts %rsi, (%rcx)\nret\n",
		 0, 4, false);
	must_use("mov %edi, %ecx\nlea object(%rip), %rdi\nrep stosb\nret\n", 0,
		 0, false);
}

static void
only_an_access_right_there_shows_an_object(void **state)
{
	(void)state;
	must_use("lea object(%rip), %rax\nmov 8(%rax), %ecx\n"
		 "xor %eax, %eax\nret\n",
		 0, 12, false);
}

static void
a_lock_is_used_as_far_as_its_interface_says(void **state)
{
	(void)state;
	must_use("push %rbx\nlea object(%rip), %rdi\n"
		 "call pthread_mutex_lock@plt\npop %rbx\nret\n",
		 40, 0, true);
	must_use("lea object(%rip), %rdi\njmp pthread_rwlock_unlock@plt\n", 56,
		 0, true);
	// The attributes are not what is locked.
	must_use("lea object(%rip), %rsi\ncall pthread_mutex_init@plt\nret\n",
		 0, 0, false);
}

static void
an_address_that_is_computed_ends_no_object_before_it(void **state)
{
	(void)state;
	must_use("lea object(%rip), %rax\nlea 32(%rax), %rcx\n"
		 "1: mov (%rax), %edx\nadd $4, %rax\ncmp %rcx, %rax\njne 1b\n"
		 "ret\n",
		 0, 32, false);
}

static void
must_be_named(const char *body, bool named)
{
	struct truth truth;
	struct graft_ref ref;

	build(body, &truth, &ref);
	assert_int_equal(truth.diff->new_code->locks_are_named, named);
	truth_deinit(&truth);
}

static void
a_lock_behind_a_pointer_may_be_in_an_array(void **state)
{
	(void)state;
	must_be_named("lea object(%rip), %rdi\n"
		      "call pthread_mutex_lock@plt\nret\n",
		      true);
	must_be_named("push %rbx\nmov %rdi, %rbx\nlea object(%rip), %rdi\n"
		      "call pthread_mutex_lock@plt\nmov %rbx, %rdi\n"
		      "call pthread_mutex_lock@plt\npop %rbx\nret\n",
		      false);
	must_be_named("lea object(%rip), %rdi\ncall pthread_mutex_lock@plt\n"
		      "mov pthread_mutex_lock@GOTPCREL(%rip), %rax\nret\n",
		      false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			accesses_at_constant_distances_are_all_that_is_used),
		cmocka_unit_test(what_goes_elsewhere_is_not_known),
		cmocka_unit_test(
			instructions_that_reach_farther_than_they_say_are_not_known),
		cmocka_unit_test(only_an_access_right_there_shows_an_object),
		cmocka_unit_test(a_lock_is_used_as_far_as_its_interface_says),
		cmocka_unit_test(
			an_address_that_is_computed_ends_no_object_before_it),
		cmocka_unit_test(a_lock_behind_a_pointer_may_be_in_an_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
