// SPDX-License-Identifier: Apache-2.0

// The build-id of a file, of a part of one, and of files that are damaged in any way.

#include "base/cleanup.h"
#include "base/file.h"
#include "persist/build_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <elf.h>

#include <cmocka.h>

enum { LEN = 256, PHOFF = 64, NOTE = 128 };

/** A file of an ELF header, a program header and a note. */
static void
make(uint8_t file[LEN])
{
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB, EV_CURRENT },
		.e_machine = EM_X86_64,
		.e_phoff = PHOFF,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	const Elf64_Phdr program = { .p_type = PT_NOTE,
				     .p_offset = NOTE,
				     .p_filesz = 12 + 8 + 4 + 12 + 4 + 4,
				     .p_align = 4 };
	const Elf64_Nhdr other = { 5, 3, 1 };
	const Elf64_Nhdr note = { 4, 4, NT_GNU_BUILD_ID };

	memset(file, 0, LEN);
	memcpy(file, &header, sizeof(header));
	memcpy(file + PHOFF, &program, sizeof(program));
	memcpy(file + NOTE, &other, 12);
	memcpy(file + NOTE + 12, "abcd", 5);
	memcpy(file + NOTE + 24, &note, 12);
	memcpy(file + NOTE + 36, "GNU\0\xde\xad\xbe\xef", 8);
}

/** Read the build-id of bytes that stand somewhere in a file. */
static bool
read_id(const void *bytes, size_t len, size_t before, char *ret)
{
	GRAFT_CLOSE int fd = memfd_create("elf", MFD_CLOEXEC);
	char zeroes[64] = { 0 };

	assert_true(fd >= 0 && before <= sizeof(zeroes));
	assert_int_equal(write(fd, zeroes, before), before);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(write(fd, zeroes, sizeof(zeroes)), sizeof(zeroes));
	return graft_build_id_read(fd, before, len, ret);
}

static void
it_is_found_behind_other_notes(void **state)
{
	(void)state;
	uint8_t file[LEN];
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1];

	make(file);
	assert_true(read_id(file, LEN, 0, digits));
	assert_string_equal(digits, "deadbeef");
	assert_true(read_id(file, LEN, 37, digits));
	assert_string_equal(digits, "deadbeef");
}

static void
a_file_that_was_cut_off_has_none(void **state)
{
	(void)state;
	uint8_t file[LEN];
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1];

	make(file);
	for (size_t len = 0; len < NOTE + 44; len++) {
		if (read_id(file, len, 0, digits))
			fail_msg("%zu bytes are enough", len);
	}
	assert_true(read_id(file, NOTE + 44, 0, digits));
}

static void
damage_of_any_byte_does_no_harm(void **state)
{
	(void)state;
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint8_t file[LEN];
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1];
	size_t none = 0;

	for (size_t at = 0; at < NOTE + 44; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			make(file);
			file[at] = values[i];
			none += !read_id(file, LEN, 0, digits);
		}
	}
	assert_true(none > 0);
}

static void
a_file_of_another_kind_leaves_the_result_alone(void **state)
{
	(void)state;
	GRAFT_CLOSE int fd = memfd_create("text", MFD_CLOEXEC);
	char digits[2 * GRAFT_BUILD_ID_READ_MAX + 1] = "as it was";

	assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
	assert_false(graft_build_id_read(fd, 0, 10, digits));
	assert_string_equal(digits, "as it was");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_found_behind_other_notes),
		cmocka_unit_test(a_file_that_was_cut_off_has_none),
		cmocka_unit_test(damage_of_any_byte_does_no_harm),
		cmocka_unit_test(
			a_file_of_another_kind_leaves_the_result_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
