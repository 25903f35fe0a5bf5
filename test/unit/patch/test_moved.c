// SPDX-License-Identifier: Apache-2.0

#include "patch/moved.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "noise.h"
#include "patch/addresses.h"
#include "patch/pack.h"
#include "sample.h"

#include <elf.h>

enum {
	LEN = 20000,
	/** Of a library: where its code and its data begin, in the file and in memory. */
	CODE = 0x1000,
	CODE_LEN = 0x2000,
	DATA = 0x4000,
	DATA_LEN = 0x400,
	BSS_LEN = 0x100,
	/** How far functions lie apart. */
	FUNCTION = 64,
};

/** What is made of two files gives the new one again; its length. */
static size_t
must_give(const uint8_t *old, size_t old_len, const uint8_t *new,
	  size_t new_len)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *back = NULL;
	size_t len;

	sample_ok(graft_moved_make(old, old_len, new, new_len, &bytes, &len));
	sample_ok(graft_moved_apply(bytes, len, old, old_len, new_len, &back));
	assert_memory_equal(back, new, new_len);
	return len;
}

static void
put_load(uint8_t *file, size_t i, uint64_t off, uint64_t size,
	 uint64_t mem_size, uint32_t flags)
{
	const Elf64_Phdr ph = {
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_offset = off,
		.p_vaddr = off,
		.p_filesz = size,
		.p_memsz = mem_size,
	};
	memcpy(file + sizeof(Elf64_Ehdr) + i * sizeof(ph), &ph, sizeof(ph));
}

static void
put_int32(uint8_t *at, int64_t value)
{
	int32_t narrow = (int32_t)value;
	memcpy(at, &narrow, sizeof(narrow));
}

/**
 * Make a library: functions that call each other and use data, with so many functions before
 * them that nobody calls; pointers to them, a table of jumps, and a variable behind it all.
 */
static void
make_library(uint8_t file[DATA + DATA_LEN], size_t before)
{
	const Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
			     ELFDATA2LSB },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	const size_t count = CODE_LEN / FUNCTION - 8;
	uint64_t seed = 5;

	memset(file, 0, DATA + DATA_LEN);
	memcpy(file, &header, sizeof(header));
	put_load(file, 0, 0, CODE, CODE, PF_R);
	put_load(file, 1, CODE, CODE_LEN, CODE_LEN, PF_R | PF_X);
	put_load(file, 2, DATA, DATA_LEN, DATA_LEN + BSS_LEN, PF_R | PF_W);
	memset(file + CODE, 0x90, CODE_LEN);
	noise_fill(file + CODE, before * FUNCTION, 77);
	for (size_t i = 0; i < count; i++) {
		const size_t at = CODE + (before + i) * FUNCTION;
		const size_t other =
			CODE + (before + noise_next(&seed) % count) * FUNCTION;
		noise_fill(file + at, 20, i + 100);
		file[at + 20] = 0xe8;
		put_int32(file + at + 21, (int64_t)other - (int64_t)(at + 25));
		memcpy(file + at + 25, "\x48\x8b\x05", 3);
		put_int32(file + at + 28,
			  (int64_t)(DATA + DATA_LEN + i % 9 * 8) -
				  (int64_t)(at + 32));
		memcpy(file + at + 32, "\x48\x8d\x05", 3);
		put_int32(file + at + 35,
			  (int64_t)(DATA + 512) - (int64_t)(at + 39));
		// Pointers, and a table of jumps behind them.
		const uint64_t pointer = other;
		if (i < 64)
			memcpy(file + DATA + i * 8, &pointer, 8);
		if (i < 100)
			put_int32(file + DATA + 512 + i * 4,
				  (int64_t)other - (DATA + 512));
	}
}

static void
addresses_that_moved_cost_nothing(void **state)
{
	(void)state;
	static uint8_t old[DATA + DATA_LEN];
	static uint8_t new[DATA + DATA_LEN];
	static uint8_t other[DATA + DATA_LEN];

	make_library(old, 0);
	make_library(new, 3);
	// Of the same bytes as files of anything else.
	const size_t moved = must_give(old, sizeof(old), new, sizeof(new));
	memcpy(other, old, sizeof(old));
	other[EI_CLASS] = ELFCLASS32;
	const size_t plain = must_give(other, sizeof(other), new, sizeof(new));
	assert_true(2 * moved < plain);
}

static void
each_kind_of_address_is_found(void **state)
{
	(void)state;
	static uint8_t file[DATA + DATA_LEN];
	GRAFT_CLEANUP(graft_addresses_deinit)
	struct graft_addresses found = { 0 };
	struct graft_layout layout;
	size_t counts[GRAFT_ADDRESS_WHOLE + 1] = { 0 };

	make_library(file, 0);
	assert_true(graft_layout_read(file, sizeof(file), &layout));
	sample_ok(graft_addresses_find(file, sizeof(file), &layout, &found));
	for (size_t i = 0; i < found.count; i++) {
		counts[found.items[i].kind]++;
		assert_true(!i ||
			    found.items[i].off >=
				    found.items[i - 1].off +
					    graft_address_width(
						    found.items[i - 1].kind));
	}
	assert_true(counts[GRAFT_ADDRESS_NEXT] >= 3 * 120);
	assert_int_equal(counts[GRAFT_ADDRESS_TABLE], 100);
	assert_true(counts[GRAFT_ADDRESS_WHOLE] >= 64);
}

static void
whatever_two_files_are_the_new_one_comes_back(void **state)
{
	(void)state;
	static uint8_t old[LEN];
	static uint8_t new[LEN];
	uint64_t seed = 7;

	for (int round = 0; round < 300; round++) {
		size_t old_len = noise_next(&seed) % LEN;
		size_t new_len = 0;
		noise_fill(old, LEN, 1);
		// Half of them are libraries, some cut, some damaged.
		if (round % 2) {
			make_library(old, noise_next(&seed) % 8);
			for (int i = 0; i < round % 7; i++)
				old[noise_next(&seed) %
				    (round % 3 ? LEN / 2 : 300)]++;
			old_len = round % 5 ? DATA + DATA_LEN : old_len;
		}
		while (new_len < LEN - 2000 && noise_next(&seed) % 12) {
			size_t len = noise_next(&seed) % 2000;
			size_t from = old_len ? noise_next(&seed) % old_len : 0;
			if (new_len == 0)
				from = 0;
			if (len > old_len - from)
				len = old_len - from;
			if (noise_next(&seed) % 5 == 0)
				noise_fill(new + new_len, len,
					   noise_next(&seed));
			else
				memcpy(new + new_len, old + from, len);
			for (size_t i = 300; i < len;
			     i += 1 + noise_next(&seed) % 90)
				new[new_len + i]++;
			new_len += len;
		}
		(void)must_give(old, old_len, new, new_len);
	}
	(void)must_give(old, 0, new, 0);
	(void)must_give(old, 0, new, 100);
	(void)must_give(old, 3, new, 3);
}

static void
every_cut_and_every_flipped_bit_is_bounded(void **state)
{
	(void)state;
	static uint8_t old[DATA + DATA_LEN];
	static uint8_t new[DATA + DATA_LEN];
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	make_library(old, 0);
	make_library(new, 2);
	new[CODE + 1500]++;
	sample_ok(graft_moved_make(old, sizeof(old), new, sizeof(new), &bytes,
				   &len));
	for (size_t i = 0; i < len; i++) {
		// Exactly as long as it is, so that a sanitizer sees what reaches out.
		GRAFT_FREE uint8_t *cut = malloc(i + !i);
		GRAFT_FREE uint8_t *back = NULL;
		assert_non_null(cut);
		memcpy(cut, bytes, i);
		sample_refused(graft_moved_apply(cut, i, old, sizeof(old),
						 sizeof(new), &back),
			       GRAFT_ERROR_BAD_INPUT, "delta");
	}
	for (size_t i = 0; i < 8 * len; i += sample_bit_step()) {
		GRAFT_FREE uint8_t *back = NULL;
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
		struct graft_error *err = graft_moved_apply(
			bytes, len, old, sizeof(old), sizeof(new), &back);
		assert_true(!err == !!back);
		graft_error_free(err);
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
	}
}

static void
what_leads_out_of_either_file_is_refused(void **state)
{
	(void)state;
	// Segments; count, copied, new, where to go on (zigzag); count of corrections.
	static const uint8_t table[][8] = {
		{ 0, 1, 5, 0, 0, 0, 0, 0 },     // copies too much
		{ 0, 1, 4, 1, 0, 0, 'a', 0 },   // gives too much
		{ 0, 1, 4, 0, 2, 0, 0, 0 },     // goes on behind the end
		{ 0, 1, 4, 0, 9, 0, 0, 0 },     // goes on before the begin
		{ 0, 1, 3, 0, 0, 0, 0, 0 },     // gives too little
		{ 0, 1, 4, 0, 0, 1, 4, 1 },     // corrects too much
		{ 0, 1, 4, 0, 0, 1, 0, 2 },     // without what is added
		{ 0, 1, 4, 0, 0, 0, 'a', 'a' }, // more than it says
		{ 1, 0, 0, 0, 1, 4, 0, 0 },     // moves what has no addresses
	};
	static const uint8_t good[] = { 0, 1, 3, 1, 0, 1, 1, 1, 'b', 'a' };
	static const uint8_t old[4] = { 0 };
	uint8_t *back = NULL;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		sample_refused(graft_moved_apply(table[i], 8, old, 4, 4, &back),
			       GRAFT_ERROR_BAD_INPUT, "delta");
	sample_ok(graft_moved_apply(good, sizeof(good), old, 4, 4, &back));
	assert_memory_equal(back, "\0b\0a", 4);
	free(back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_moved_cost_nothing),
		cmocka_unit_test(each_kind_of_address_is_found),
		cmocka_unit_test(whatever_two_files_are_the_new_one_comes_back),
		cmocka_unit_test(every_cut_and_every_flipped_bit_is_bounded),
		cmocka_unit_test(what_leads_out_of_either_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
