// SPDX-License-Identifier: Apache-2.0

// Addresses that are numbers: which of them a program at a fixed address is known to
// have, and what of its relocations contradicts it.

#include "diff/code/absolute.h"

#include "../folder.h"
#include "diff/code/register.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char program[] =
	".globl _start\n"
	"_start:\n mov $object, %edi\n ret\n.size _start, .-_start\n"
	".type loads, @function\nloads:\n"
	" mov $object, %edi\n mov $object, %r9\n movabs $object, %rax\n"
	" ret\n.size loads, .-loads\n"
	".type memory, @function\nmemory:\n"
	" mov object, %ecx\n mov %eax, object+4\n ret\n.size memory, .-memory\n"
	".type folded, @function\nfolded:\n"
	" mov object(,%rax,8), %rdx\n cmp $object, %rax\n push $object\n"
	" movq $object, other(%rip)\n ret\n.size folded, .-folded\n"
	".type numbers, @function\nnumbers:\n"
	" mov $0x10, %eax\n mov %fs:0x28, %rax\n call *none\n"
	" mov $none, %eax\n ret\n.size numbers, .-numbers\n"
	".type like, @function\nlike:\n"
	" mov $0x401000, %eax\n ret\n.size like, .-like\n"
	".weak none\n"
	".data\n.type object, @object\nobject: .quad other, 2, none\n"
	".size object, 24\n.type other, @object\nother: .quad 0\n"
	".size other, 8\n";

/** What was built and read. */
struct made {
	struct graft_image *image;
	struct graft_code *code;
};

static void
build(const char *tools, struct made *made)
{
	char command[512];
	FILE *file = fopen("a.s", "w");

	assert_non_null(file);
	assert_true(fputs(program, file) >= 0);
	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof(command),
		 "gcc -nostdlib -static -no-pie -Wl,--emit-relocs "
		 "-Wl,-Ttext=0x401000 -Wl,--build-id -o a a.s && %s",
		 tools);
	assert_int_equal(system(command), 0);
	must(graft_image_open("a", NULL, &made->image));
	assert_null(graft_code_make(made->image, &made->code));
}

static void
made_deinit(struct made *made)
{
	graft_code_free(made->code);
	graft_image_close(made->image);
}

static const struct graft_symbol *
symbol_of(const struct made *made, const char *name)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(made->image,
							     &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	fail_msg("no symbol %s", name);
	return NULL;
}

static const struct graft_func *
func_of(const struct made *made, const char *name)
{
	uint32_t func = graft_code_func_at(made->code,
					   symbol_of(made, name)->addr);

	assert_int_not_equal(func, GRAFT_NONE);
	return &made->code->funcs[func];
}

static void
what_a_register_gets_alone_is_an_address_that_is_taken(void **state)
{
	(void)state;
	static const uint8_t regs[] = { 7, 9, 0 };
	struct made made;

	build("true", &made);
	assert_null(graft_image_fixed_fault(made.image));
	const struct graft_func *f = func_of(&made, "loads");
	assert_int_equal(f->bound, GRAFT_BOUND_NONE);
	assert_int_equal(f->ref_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct graft_ref *ref =
			&made.code->refs[f->first_ref + i];
		const struct graft_insn *insn = &made.code->insns[ref->insn];
		ZydisDecodedInstruction zi = { 0 };
		ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
		assert_int_equal(ref->kind, GRAFT_REF_ADDRESS);
		assert_true(ref->absolute && !ref->folded);
		assert_int_equal(ref->reg, regs[i]);
		assert_int_equal(ref->width, i == 2 ? 8 : 4);
		assert_int_equal(ref->target, symbol_of(&made, "object")->addr);
		// Whoever looks at it sees what a PIE has there.
		graft_absolute_show(made.code, f, insn, &zi, operands);
		assert_int_equal(zi.mnemonic, ZYDIS_MNEMONIC_LEA);
		assert_int_equal(zi.length, insn->len);
		assert_int_equal(graft_register_number(operands[0].reg.value),
				 regs[i]);
		assert_int_equal(operands[0].size, 64);
		assert_int_equal(f->addr + insn->off + insn->len +
					 (uint64_t)operands[1].mem.disp.value,
				 ref->target);
	}
	made_deinit(&made);
}

static void
memory_that_is_named_alone_is_read_and_written_there(void **state)
{
	(void)state;
	struct made made;

	build("true", &made);
	const struct graft_func *f = func_of(&made, "memory");
	const struct graft_ref *refs = &made.code->refs[f->first_ref];
	assert_int_equal(f->bound, GRAFT_BOUND_NONE);
	assert_int_equal(f->ref_count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(refs[i].kind, GRAFT_REF_MEMORY);
		assert_int_equal(refs[i].access, 4);
		assert_int_equal(refs[i].writes, i);
		assert_int_equal(refs[i].target,
				 symbol_of(&made, "object")->addr + 4 * i);
	}
	made_deinit(&made);
}

static void
an_address_in_an_operand_is_taken_and_bound_to_its_place(void **state)
{
	(void)state;
	struct made made;

	build("true", &made);
	const struct graft_func *f = func_of(&made, "folded");
	uint32_t folded = 0;
	assert_int_equal(f->bound, GRAFT_BOUND_FOLDED);
	assert_int_equal(f->ref_count, 5);
	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref =
			&made.code->refs[f->first_ref + i];
		if (!ref->folded)
			continue;
		assert_int_equal(ref->kind, GRAFT_REF_ADDRESS);
		assert_int_equal(ref->reg, GRAFT_REGISTER_NONE);
		assert_int_equal(ref->back, folded == 0);
		assert_int_equal(ref->target, symbol_of(&made, "object")->addr);
		// The instruction does not know of it.
		assert_int_not_equal(made.code->insns[ref->insn].ref,
				     f->first_ref + i);
		folded++;
	}
	assert_int_equal(folded, 4);
	made_deinit(&made);
}

static void
numbers_are_told_from_addresses(void **state)
{
	(void)state;
	struct made made;
	size_t count;

	build("true", &made);
	// Of what nobody defines the address is 0.
	assert_int_equal(func_of(&made, "numbers")->bound, GRAFT_BOUND_NONE);
	assert_int_equal(func_of(&made, "numbers")->ref_count, 0);
	assert_int_equal(func_of(&made, "like")->bound, GRAFT_BOUND_NUMBER);
	const struct graft_reloc *relocs = graft_image_relocs(made.image,
							      &count);
	assert_int_equal(count, 1);
	assert_int_equal(relocs->type, R_X86_64_RELATIVE);
	assert_int_equal(relocs->addr, symbol_of(&made, "object")->addr);
	assert_int_equal(relocs->addend, symbol_of(&made, "other")->addr);
	made_deinit(&made);
}

static void
relocations_that_were_dropped_are_missed(void **state)
{
	(void)state;
	static const char *const tools[] = {
		"strip a",
		"objcopy --remove-section=.rela.text a",
		"objcopy --remove-section=.rela.data a",
	};

	for (size_t i = 0; i < sizeof(tools) / sizeof(*tools); i++) {
		struct made made;
		build(tools[i], &made);
		assert_non_null(graft_image_fixed_fault(made.image));
		made_deinit(&made);
	}
}

/** Write over the first relocation of a type, and ask what is said of the file. */
static const char *
fault_with(uint32_t type, uint32_t to_type, int64_t distance)
{
	struct made made;
	size_t len;

	build("true", &made);
	const uint8_t *file = graft_image_file(made.image, &len);
	uint8_t *bytes = malloc(len);
	assert_non_null(bytes);
	memcpy(bytes, file, len);
	size_t count;
	const struct graft_reloc *all = graft_image_static_relocs(made.image,
								  &count);
	const struct graft_reloc *reloc = NULL;
	for (size_t i = 0; i < count && !reloc; i++)
		reloc = all[i].type == type ? &all[i] : NULL;
	assert_non_null(reloc);
	// Elf64_Rela: where, type and symbol, addend.
	for (size_t off = 0; off + 24 <= len; off += 8) {
		uint64_t at;
		uint32_t was;
		memcpy(&at, bytes + off, 8);
		memcpy(&was, bytes + off + 8, 4);
		if (at != reloc->addr || was != type)
			continue;
		at += (uint64_t)distance;
		memcpy(bytes + off, &at, 8);
		memcpy(bytes + off + 8, &to_type, 4);
	}
	FILE *out = fopen("b", "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	assert_int_equal(fclose(out), 0);
	free(bytes);

	struct graft_image *image;
	struct graft_code *code;
	assert_null(graft_image_open("b", NULL, &image));
	assert_null(graft_code_make(image, &code));
	const char *fault = graft_image_fixed_fault(image);
	for (size_t i = 0; !fault && i < code->func_count; i++) {
		if (code->funcs[i].bound == GRAFT_BOUND_BROKEN)
			fault = "broken";
	}
	graft_code_free(code);
	graft_image_close(image);
	made_deinit(&made);
	return fault;
}

static void
relocations_that_contradict_the_file_are_noticed(void **state)
{
	(void)state;
	assert_null(fault_with(R_X86_64_32S, R_X86_64_32S, 0));
	assert_string_equal(fault_with(R_X86_64_32, R_X86_64_32, 1), "broken");
	assert_string_equal(fault_with(R_X86_64_32, R_X86_64_32, -1), "broken");
	assert_non_null(fault_with(R_X86_64_32S, R_X86_64_64, 0));
	assert_string_equal(fault_with(R_X86_64_32, R_X86_64_PC32, 0),
			    "broken");
	assert_non_null(fault_with(R_X86_64_32, R_X86_64_16, 0));
	assert_non_null(fault_with(R_X86_64_64, R_X86_64_32, 0));
	// movabs and the pointer in data are of one type: here of the former.
	assert_non_null(fault_with(R_X86_64_64, R_X86_64_64, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_a_register_gets_alone_is_an_address_that_is_taken,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			memory_that_is_named_alone_is_read_and_written_there,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			an_address_in_an_operand_is_taken_and_bound_to_its_place,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(numbers_are_told_from_addresses,
						enter_directory,
						leave_directory),
		cmocka_unit_test_setup_teardown(
			relocations_that_were_dropped_are_missed,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			relocations_that_contradict_the_file_are_noticed,
			enter_directory, leave_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
