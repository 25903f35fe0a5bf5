// SPDX-License-Identifier: Apache-2.0

#include "elf/core.h"

#include "base/error.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	FIRST = 0x10000,
	SECOND = 0x11000,
	FAR = 0x7000000,
	PAGE = 4096,
};

/** A note of the name CORE. */
struct note {
	Elf64_Nhdr header;
	char name[8];
};

/** A dump: two threads, two pages side by side, and one far away that is cut. */
struct dump {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	struct note info_note;
	struct elf_prpsinfo info;
	struct note first_note;
	struct elf_prstatus first;
	struct note second_note;
	struct elf_prstatus second;
	uint8_t pages[3][PAGE];
} __attribute__((packed));

static struct note
make_note(uint32_t type, size_t len)
{
	return (struct note){
		.header = { .n_namesz = 5,
			    .n_descsz = (uint32_t)len,
			    .n_type = type },
		.name = "CORE",
	};
}

static struct elf_prstatus
make_thread(pid_t tid, uint64_t pc)
{
	struct user_regs_struct regs = { .rip = pc };
	struct elf_prstatus status = { .pr_pid = tid };

	memcpy(&status.pr_reg, &regs, sizeof(regs));
	return status;
}

static Elf64_Phdr
make_segment(uint64_t addr, size_t page)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R,
		.p_offset = offsetof(struct dump, pages) + page * PAGE,
		.p_vaddr = addr,
		.p_filesz = PAGE,
		.p_memsz = 2 * PAGE,
	};
}

static struct dump
make_dump(void)
{
	struct dump dump = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
					 ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_CORE,
			    .e_machine = EM_X86_64,
			    .e_phoff = offsetof(struct dump, segments),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 4 },
		.info_note = make_note(NT_PRPSINFO, sizeof(dump.info)),
		.info = { .pr_pid = 77, .pr_fname = "victim" },
		.first_note = make_note(NT_PRSTATUS, sizeof(dump.first)),
		.first = make_thread(78, FIRST + 5),
		.second_note = make_note(NT_PRSTATUS, sizeof(dump.second)),
		.second = make_thread(77, FAR),
	};

	dump.segments[0] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = offsetof(struct dump, info_note),
		.p_filesz = offsetof(struct dump, pages) -
			    offsetof(struct dump, info_note),
	};
	// Not by address: whoever writes a dump may choose.
	dump.segments[1] = make_segment(FAR, 2);
	dump.segments[2] = make_segment(FIRST, 0);
	dump.segments[3] = make_segment(SECOND, 1);
	dump.segments[2].p_memsz = PAGE;
	for (size_t i = 0; i < 3 * PAGE; i++)
		dump.pages[i / PAGE][i % PAGE] = (uint8_t)(i / PAGE * 16 + i);
	return dump;
}

/** Open the first bytes of a dump. */
static struct graft_error *
open_dump(const struct dump *dump, size_t len, struct graft_core **ret)
{
	int fd = memfd_create("core", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, dump, len), len);
	return graft_core_open_fd(fd, ret);
}

static void
a_dump_tells_its_process_its_threads_and_its_memory(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_core_closep) struct graft_core *core = NULL;
	struct dump dump = make_dump();
	uint8_t got[PAGE];
	bool read;

	assert_null(open_dump(&dump, sizeof(dump), &core));
	assert_int_equal(core->pid, 77);
	assert_string_equal(core->comm, "victim");
	assert_int_equal(core->thread_count, 2);
	assert_int_equal(core->threads[0].tid, 78);
	assert_int_equal(core->threads[0].pc, FIRST + 5);
	assert_int_equal(core->threads[1].tid, 77);
	assert_int_equal(core->segment_count, 3);
	assert_int_equal(core->segments[0].addr, FIRST);
	assert_int_equal(core->segments[2].addr, FAR);
	// Across two segments that touch.
	assert_null(graft_core_read(core, FIRST + 100, got, PAGE, &read));
	assert_true(read);
	assert_memory_equal(got, dump.pages[0] + 100, PAGE);
	// Not beyond what the file has of a mapping, nor where nothing is.
	assert_null(graft_core_read(core, SECOND + PAGE - 1, got, 2, &read));
	assert_false(read);
	assert_null(graft_core_read(core, UINT64_MAX, got, 1, &read));
	assert_false(read);
	assert_null(graft_core_read(core, UINT64_MAX, got, 0, &read));
	assert_true(read);
}

static void
a_dump_that_was_cut_is_read_as_far_as_it_goes(void **state)
{
	(void)state;
	struct dump dump = make_dump();
	uint8_t got[PAGE];

	for (size_t len = 0; len < sizeof(dump); len += 7) {
		GRAFT_CLEANUP(graft_core_closep) struct graft_core *core = NULL;
		struct graft_error *err = open_dump(&dump, len, &core);
		if (len < offsetof(struct dump, info_note)) {
			assert_non_null(err);
			graft_error_free(err);
			continue;
		}
		assert_null(err);
		bool read;
		assert_null(graft_core_read(core, FIRST, got, PAGE, &read));
		assert_int_equal(read,
				 len >= offsetof(struct dump, pages) + PAGE);
	}
}

static void
what_is_no_dump_is_refused(void **state)
{
	(void)state;
	struct graft_core *core = NULL;
	struct dump good = make_dump();

	for (int i = 0; i < 5; i++) {
		struct dump dump = good;
		dump.header.e_ident[0] ^= i == 0;
		dump.header.e_ident[EI_CLASS] ^= i == 1 ? 3 : 0;
		dump.header.e_type += i == 2;
		dump.header.e_machine += i == 3;
		dump.header.e_phentsize += i == 4;
		struct graft_error *err = open_dump(&dump, sizeof(dump), &core);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err),
				 GRAFT_ERROR_UNSUPPORTED);
		graft_error_free(err);
	}
	struct graft_error *err = graft_core_open("/nowhere/core", &core);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	graft_error_free(err);
	assert_null(core);
}

static void
segments_that_overlap_are_refused(void **state)
{
	(void)state;
	struct graft_core *core = NULL;
	struct dump dump = make_dump();

	dump.segments[3].p_vaddr = FIRST + PAGE - 1;
	struct graft_error *err = open_dump(&dump, sizeof(dump), &core);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

/** Each byte of the tables, with other values: an error, or a dump in order. */
static void
no_altered_table_harms(void **state)
{
	(void)state;
	struct dump good = make_dump();
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (size_t at = 0; at < offsetof(struct dump, pages); at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			GRAFT_CLEANUP(graft_core_closep)
			struct graft_core *core = NULL;
			struct dump dump = good;
			uint8_t got[64];
			bool read;
			((uint8_t *)&dump)[at] = values[i];
			struct graft_error *err = open_dump(&dump, sizeof(dump),
							    &core);
			graft_error_free(err);
			if (err)
				continue;
			for (size_t k = 0; k < core->segment_count; k++) {
				assert_null(graft_core_read(
					core, core->segments[k].addr, got, 64,
					&read));
				assert_true(read || core->segments[k].len < 64);
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_dump_tells_its_process_its_threads_and_its_memory),
		cmocka_unit_test(a_dump_that_was_cut_is_read_as_far_as_it_goes),
		cmocka_unit_test(what_is_no_dump_is_refused),
		cmocka_unit_test(segments_that_overlap_are_refused),
		cmocka_unit_test(no_altered_table_harms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
