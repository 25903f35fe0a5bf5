// SPDX-License-Identifier: Apache-2.0

#include "../judge/pair.h"

#include "explain/explain.h"

#define DEBUG     "cc -O2 -g -fPIC -shared -x c"
#define ASSEMBLER "cc -shared -nostdlib -x assembler"

/** Compile both sides and explain what differs. */
static void
explain_pair(const char *command, const char *old_source,
	     const char *new_source, struct graft_explanation *ret)
{
	char dir[] = "/tmp/graft-explain-XXXXXX";
	char path[256];
	char line[256];
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *o = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *n = NULL;
	GRAFT_CLEANUP(graft_diff_freep) struct graft_diff *diff = NULL;

	assert_non_null(mkdtemp(dir));
	compile_side(dir, "old", command, old_source);
	compile_side(dir, "new", command, new_source);
	snprintf(path, sizeof(path), "%s/old", dir);
	must(graft_image_open(path, NULL, &o));
	snprintf(path, sizeof(path), "%s/new", dir);
	must(graft_image_open(path, NULL, &n));
	snprintf(line, sizeof(line), "rm -r %s", dir);
	assert_int_equal(system(line), 0);
	must(graft_diff_make(o, n, &diff));
	must(graft_explain_add(ret));
	must(graft_explain_module(diff, &ret->modules[0]));
}

static const struct graft_explained_func *
find_func(const struct graft_explanation *explanation, const char *name)
{
	const struct graft_explained_module *module = &explanation->modules[0];

	for (size_t i = 0; i < module->func_count; i++) {
		if (strcmp(module->funcs[i].name, name) == 0)
			return &module->funcs[i];
	}
	fail_msg("no function %s", name);
	return NULL;
}

/** The function `f` is explained by exactly these classes. */
static void
must_be(const char *command, const char *old_source, const char *new_source,
	uint32_t classes)
{
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };

	explain_pair(command, old_source, new_source, &explanation);
	const struct graft_explained_func *func = find_func(&explanation, "f");
	print_message("# 0x%x %s\n", func->classes, func->why);
	assert_int_equal(func->classes, classes);
	assert_true(strlen(func->why) > 5);
}

static void
a_constant_is_told_from_code(void **state)
{
	(void)state;
	must_be(LIBRARY, "int f(int x) { return x * 3 + 1000; }\n",
		"int f(int x) { return x * 3 + 2000; }\n",
		GRAFT_CLASS_CONSTANT);
	must_be(LIBRARY, "int g(int); int f(int x) { return g(x) + 1; }\n",
		"int g(int); int f(int x) { if (x < 0) return -1; return g(x) + 1; }\n",
		GRAFT_CLASS_CODE);
}

static void
a_text_is_told_from_what_is_referred_to(void **state)
{
	(void)state;
	must_be(LIBRARY, "char *f(void) { return \"one text\"; }\n",
		"char *f(void) { return \"two texts\"; }\n",
		GRAFT_CLASS_STRING);
	must_be(LIBRARY,
		"int g(int); int h(int); int f(int x) { return g(x) + h(x); }\n",
		"int g(int); int h(int); int f(int x) { return h(x) + g(x); }\n",
		GRAFT_CLASS_REFERENCE);
}

static void
an_offset_from_a_pointer_is_layout(void **state)
{
	(void)state;
	must_be(LIBRARY,
		"struct s { int a, b; }; int f(struct s *s) { return s->b; }\n",
		"struct s { int a, n, b; }; int f(struct s *s) { return s->b; }\n",
		GRAFT_CLASS_LAYOUT);
}

static void
other_registers_are_the_toolchain(void **state)
{
	(void)state;
	must_be(LIBRARY,
		"long f(long *p) { long x; __asm__(\"mov (%1), %%rcx; mov %%rcx, %0\" : \"=r\"(x) : \"r\"(p) : \"rcx\", \"rdx\"); return x; }\n",
		"long f(long *p) { long x; __asm__(\"mov (%1), %%rdx; mov %%rdx, %0\" : \"=r\"(x) : \"r\"(p) : \"rcx\", \"rdx\"); return x; }\n",
		GRAFT_CLASS_TOOLCHAIN);
}

static void
a_callee_that_is_inlined_is_named(void **state)
{
	static const char body[] =
		"static int g(int *p, int n) { int s = 7; for (int i = 0; i < n; i++) s = s * 31 + (p[i] ^ (s >> 11)); return s; }\n"
		"int f(int *p, int n) { return g(p, n) + 12; }\n"
		"int h(int *p, int n) { return g(p, n) + 13; }\n";
	char o[1024];
	char n[1024];
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };

	(void)state;
	snprintf(o, sizeof(o), "__attribute__((noinline)) %s", body);
	snprintf(n, sizeof(n), "__attribute__((always_inline)) inline %s",
		 body);
	explain_pair(LIBRARY, o, n, &explanation);
	const struct graft_explained_func *func = find_func(&explanation, "f");
	assert_true(func->classes & GRAFT_CLASS_INLINED);
	assert_non_null(strstr(func->why, "g is inlined now"));
}

static void
a_line_that_stays_is_explained_as_left(void **state)
{
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };

	(void)state;
	explain_pair(
		LIBRARY,
		"#include <assert.h>\n#line 10 \"a.c\"\nint f(int *p) { assert(p); return *p; }\n",
		"#include <assert.h>\n#line 20 \"a.c\"\nint f(int *p) { assert(p); return *p; }\n",
		&explanation);
	const struct graft_explained_func *func = find_func(&explanation, "f");
	assert_int_equal(func->fate, GRAFT_FATE_LEFT);
	assert_int_equal(func->classes, GRAFT_CLASS_LINE);
	assert_non_null(strstr(func->why, "10 became 20"));
}

static void
rows_hold_every_instruction_once_with_its_line(void **state)
{
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };
	size_t calls = 0;
	uint32_t old_off = 0;
	uint32_t new_off = 0;

	(void)state;
	explain_pair(
		DEBUG,
		"#include <stdio.h>\n#line 50 \"some.c\"\nint f(int x) {\nif (x) return puts(\"one text\");\nreturn x;\n}\n",
		"#include <stdio.h>\n#line 50 \"some.c\"\nint f(int x) {\nif (x > 5) return puts(\"two texts\");\nreturn x + 2;\n}\n",
		&explanation);
	const struct graft_explained_func *func = find_func(&explanation, "f");
	assert_true(func->row_count > 3);
	for (size_t i = 0; i < func->row_count; i++) {
		const struct graft_explained_row *row = &func->rows[i];
		assert_true(row->old_insn.text || row->new_insn.text);
		if (row->old_insn.text) {
			assert_true(row->old_insn.off >= old_off);
			old_off = row->old_insn.off + 1;
			assert_in_range(row->old_insn.line, 50, 53);
		}
		if (row->new_insn.text) {
			assert_true(row->new_insn.off >= new_off);
			new_off = row->new_insn.off + 1;
			calls += strstr(row->new_insn.text, "puts@plt") != NULL;
		}
	}
	assert_int_equal(calls, 1);
	assert_non_null(strstr(explanation.modules[0].files[0], "some.c"));
}

static void
an_added_function_has_a_new_side_only(void **state)
{
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };

	(void)state;
	explain_pair(
		LIBRARY, PRELUDE "int f(int x) { return x + 1000; }\n",
		PRELUDE
		"KEEP static int help(int x) { return x * 77; }\nint f(int x) { return help(x) + 1000; }\n",
		&explanation);
	const struct graft_explained_func *func = find_func(&explanation,
							    "help");
	assert_int_equal(func->fate, GRAFT_FATE_ADDED);
	assert_int_equal(func->classes, GRAFT_CLASS_NEW);
	assert_int_equal(func->old_addr, 0);
	for (size_t i = 0; i < func->row_count; i++) {
		assert_null(func->rows[i].old_insn.text);
		assert_non_null(func->rows[i].new_insn.text);
	}
}

/** Each half of a row stands for an instruction that no other row shows. */
static void
must_be_shown_once(const struct graft_explained_func *func)
{
	for (size_t i = 0; i < func->row_count; i++) {
		const struct graft_explained_row *a = &func->rows[i];
		for (size_t j = 0; j < i; j++) {
			const struct graft_explained_row *b = &func->rows[j];
			bool same_old = a->old_insn.text && b->old_insn.text &&
					a->old_insn.off == b->old_insn.off &&
					!strcmp(a->old_insn.text,
						b->old_insn.text);
			bool same_new = a->new_insn.text && b->new_insn.text &&
					a->new_insn.off == b->new_insn.off;
			assert_false(same_old);
			assert_false(same_new);
		}
	}
}

static void
each_instruction_is_shown_once_in_whatever_order_parts_stand(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };

	// OLD only jumps to what holds the body; NEW holds it itself, with what
	// OLD did first in the middle.
	explain_pair(ASSEMBLER,
		     ".globl f\n.type f,@function\nf: .cfi_startproc\n"
		     "mov %rdi, %r8\nmov $77, %esi\njmp body\n"
		     ".cfi_endproc\n.size f,.-f\n"
		     ".type body,@function\nbody: .cfi_startproc\n"
		     "lea 3(%rdi), %rax\nimul $5, %rax\nxor %rdi, %rax\n"
		     "add $1234, %rax\nsub %r9, %rax\nror $3, %rax\n"
		     "and $99, %eax\nret\n.cfi_endproc\n.size body,.-body\n",
		     ".globl f\n.type f,@function\nf: .cfi_startproc\n"
		     "lea 3(%rdi), %rax\nimul $5, %rax\nxor %rdi, %rax\n"
		     "add $1234, %rax\nsub %r9, %rax\nror $3, %rax\n"
		     "mov %rdi, %r8\nmov $77, %esi\n"
		     "and $99, %eax\nret\n.cfi_endproc\n.size f,.-f\n",
		     &explanation);
	const struct graft_explained_func *func = find_func(&explanation, "f");
	uint32_t old_rows = 0;
	uint32_t new_rows = 0;
	for (size_t i = 0; i < func->row_count; i++) {
		old_rows += func->rows[i].old_insn.text != NULL;
		new_rows += func->rows[i].new_insn.text != NULL;
	}
	assert_int_equal(old_rows, 11);
	assert_int_equal(new_rows, 10);
	must_be_shown_once(func);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_is_told_from_code),
		cmocka_unit_test(a_text_is_told_from_what_is_referred_to),
		cmocka_unit_test(an_offset_from_a_pointer_is_layout),
		cmocka_unit_test(other_registers_are_the_toolchain),
		cmocka_unit_test(a_callee_that_is_inlined_is_named),
		cmocka_unit_test(a_line_that_stays_is_explained_as_left),
		cmocka_unit_test(
			rows_hold_every_instruction_once_with_its_line),
		cmocka_unit_test(an_added_function_has_a_new_side_only),
		cmocka_unit_test(
			each_instruction_is_shown_once_in_whatever_order_parts_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
