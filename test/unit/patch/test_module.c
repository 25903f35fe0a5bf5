// SPDX-License-Identifier: Apache-2.0

#include "patch/module.h"

#include "sample.h"

#include <elf.h>

/** Decode into a module of which only the manifest's part is known. */
static struct graft_error *
decode(const uint8_t *bytes, size_t len)
{
	struct graft_patch_module m = {
		.path = sample_str("lib"),
		.verdict = GRAFT_VERDICT_HOTPATCH,
		.assurance = GRAFT_ASSURANCE_INFERRED,
	};
	struct graft_error *err = graft_patch_module_decode(bytes, len, &m);
	graft_patch_module_deinit(&m);
	return err;
}

static size_t
encode_sample(uint8_t **bytes)
{
	struct graft_patch_module m = { 0 };
	size_t len;

	sample_hotpatch(&m);
	sample_ok(graft_patch_module_encode(&m, bytes, &len));
	graft_patch_module_deinit(&m);
	return len;
}

static Elf64_Shdr
section(const uint8_t *bytes, size_t i)
{
	Elf64_Ehdr header;
	Elf64_Shdr ret;

	memcpy(&header, bytes, sizeof(header));
	assert_true(i < header.e_shnum);
	memcpy(&ret, bytes + header.e_shoff + i * sizeof(ret), sizeof(ret));
	return ret;
}

static void
runs_stand_at_their_natural_addresses(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *bytes = NULL;
	(void)encode_sample(&bytes);

	Elf64_Shdr text = section(bytes, 1);
	assert_int_equal(text.sh_addr, 0x1300);
	assert_int_equal(text.sh_size, 64);
	assert_int_equal(text.sh_flags, SHF_ALLOC | SHF_EXECINSTR);
	// 0x4000: 24 bytes of data, then 16 of zeroes.
	assert_int_equal(section(bytes, 4).sh_size, 24);
	assert_int_equal(section(bytes, 5).sh_type, SHT_NOBITS);
	assert_int_equal(section(bytes, 5).sh_addr, 0x4018);
	assert_int_equal(section(bytes, 5).sh_size, 16);
	assert_int_equal(section(bytes, 7).sh_flags, 0);

	// Two functions on one page are one segment; nothing is W and X.
	Elf64_Ehdr header;
	memcpy(&header, bytes, sizeof(header));
	assert_int_equal(header.e_phnum, 4);
	for (size_t i = 0; i < header.e_phnum; i++) {
		Elf64_Phdr segment;
		memcpy(&segment, bytes + sizeof(header) + i * sizeof(segment),
		       sizeof(segment));
		assert_int_equal(segment.p_type, PT_LOAD);
		assert_int_not_equal(segment.p_flags & (PF_W | PF_X),
				     PF_W | PF_X);
	}
}

static void
random_modules_encode_to_the_same_bytes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		struct graft_patch_module m = { 0 };
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;

		sample_random(&m, seed);
		sample_ok(graft_patch_module_check(&m));
		sample_ok(graft_patch_module_encode(&m, &bytes, &len));
		// Decoding encodes again and compares.
		sample_ok(decode(bytes, len));
		graft_patch_module_deinit(&m);
	}
}

static void
every_cut_of_a_module_is_refused(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = encode_sample(&bytes);

	sample_ok(decode(bytes, len));
	for (size_t cut = 0; cut < len; cut++) {
		GRAFT_FREE uint8_t *part = malloc(cut + !cut);
		assert_non_null(part);
		memcpy(part, bytes, cut);
		sample_refused(decode(part, cut), GRAFT_ERROR_BAD_INPUT, NULL);
	}
}

static void
every_flipped_bit_of_a_module_is_refused_or_says_something_else(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = encode_sample(&bytes);
	size_t accepted = 0;

	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		struct graft_error *err = decode(bytes, len);
		accepted += !err;
		graft_error_free(err);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	// Code, constants, names and values may be anything; headers not. The
	// runs hold 136 bytes, of which at least these are free.
	assert_true(accepted > (size_t)100 * 8);
	assert_true(accepted < (size_t)350 * 8);
}

/** Change one field of the section header @p i of a copy and decode it. */
static void
refuse_section(size_t i, size_t off, uint64_t value)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = encode_sample(&bytes);
	Elf64_Ehdr header;

	memcpy(&header, bytes, sizeof(header));
	memcpy(bytes + header.e_shoff + i * sizeof(Elf64_Shdr) + off, &value,
	       sizeof(value));
	sample_refused(decode(bytes, len), GRAFT_ERROR_BAD_INPUT, NULL);
}

static void
sections_that_lie_are_refused(void **state)
{
	(void)state;
	static const uint64_t values[] = {
		0,         1,         0x1000, 0xffffffff, (uint64_t)1 << 47,
		INT64_MAX, UINT64_MAX
	};

	for (size_t i = 0; i < 11; i++) {
		for (size_t k = 0; k < sizeof(values) / sizeof(*values); k++) {
			// How many zeroes a run has is its own affair, if they
			// fit into memory.
			bool zeroes = i == 5 || i == 6;
			if (!zeroes || values[k] == 0 || values[k] > 0xffffffff)
				refuse_section(i, offsetof(Elf64_Shdr, sh_size),
					       values[k] | (i == 0));
			refuse_section(i, offsetof(Elf64_Shdr, sh_offset),
				       values[k] | (i == 0));
		}
		refuse_section(i, offsetof(Elf64_Shdr, sh_flags),
			       SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR);
	}
}

static void
another_machine_is_named(void **state)
{
	(void)state;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = encode_sample(&bytes);

	bytes[offsetof(Elf64_Ehdr, e_machine)] = EM_AARCH64;
	sample_refused(decode(bytes, len), GRAFT_ERROR_UNSUPPORTED,
		       "not x86-64");
}

static void
far_apart_runs_do_not_fill_the_file(void **state)
{
	(void)state;
	struct graft_patch_module m = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	sample_hotpatch(&m);
	m.runs[4].mem_len = 1 << 30;
	sample_ok(graft_patch_module_encode(&m, &bytes, &len));
	assert_true(len < 2048);
	graft_patch_module_deinit(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_stand_at_their_natural_addresses),
		cmocka_unit_test(random_modules_encode_to_the_same_bytes),
		cmocka_unit_test(every_cut_of_a_module_is_refused),
		cmocka_unit_test(
			every_flipped_bit_of_a_module_is_refused_or_says_something_else),
		cmocka_unit_test(sections_that_lie_are_refused),
		cmocka_unit_test(another_machine_is_named),
		cmocka_unit_test(far_apart_runs_do_not_fill_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
