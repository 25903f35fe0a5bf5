// SPDX-License-Identifier: Apache-2.0

// What single instructions write, as rules ask for it.

#include "pair.h"

#include "judge/flow/op.h"

#define RAX (1U << GRAFT_REG_RAX)
#define RCX (1U << GRAFT_REG_RCX)

/** What one instruction of `f`, the first one there, writes. */
static struct graft_op
read_first(const char *instruction)
{
	char dir[] = "/tmp/graft-op-XXXXXX";
	char path[256];
	char text[256];
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;
	GRAFT_CLEANUP(graft_code_freep) struct graft_code *code = NULL;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };

	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text),
		 ".text\n.globl f\n.type f, @function\nf: %s\nret\n"
		 ".size f, .-f\n"
		 ".section .note.GNU-stack,\"\"\n",
		 instruction);
	compile_side(dir, "one", "cc -shared -x assembler", text);
	snprintf(path, sizeof(path), "%s/one", dir);
	must(graft_image_open(path, NULL, &image));
	snprintf(text, sizeof(text), "rm -r %s", dir);
	assert_int_equal(system(text), 0);
	must(graft_code_make(image, &code));
	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_symbol *symbol = code->funcs[i].symbol;
		if (!symbol || strcmp(symbol->name, "f") != 0)
			continue;
		must(graft_ops_read(code, i, &ops));
		assert_int_equal(ops.count, 2);
		return ops.ops[0];
	}
	fail_msg("there is no f");
	return (struct graft_op){ 0 };
}

static void
an_exchange_that_may_fail_writes_what_it_compares_with(void **state)
{
	(void)state;
	struct graft_op op = read_first("lock cmpxchg %rcx, (%rdi)");

	assert_int_equal(op.writes & (RAX | RCX), RAX);
	assert_true(op.mem_write);
	op = read_first("cmpxchg %rdx, %rcx");
	assert_int_equal(op.writes & (RAX | RCX), RAX | RCX);
}

static void
a_search_for_a_bit_writes_though_there_may_be_none(void **state)
{
	(void)state;
	assert_int_equal(read_first("bsf %rdi, %rcx").writes & RCX, RCX);
	assert_int_equal(read_first("bsr %edi, %ecx").writes & RCX, RCX);
}

static void
a_copy_that_may_not_happen_keeps_the_value_from_before(void **state)
{
	(void)state;
	struct graft_op op = read_first("cmovne %rdi, %rcx");

	assert_int_equal(op.what, GRAFT_OP_CMOV);
	assert_int_equal(op.writes & RCX, 0);
	assert_int_equal(op.dst, GRAFT_REG_RCX);
	assert_int_equal(op.src, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_exchange_that_may_fail_writes_what_it_compares_with),
		cmocka_unit_test(
			a_search_for_a_bit_writes_though_there_may_be_none),
		cmocka_unit_test(
			a_copy_that_may_not_happen_keeps_the_value_from_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
