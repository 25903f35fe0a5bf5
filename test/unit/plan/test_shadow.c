// SPDX-License-Identifier: Apache-2.0

#include "plan/shadow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static uint8_t code[64];
static uint8_t data[16];

/** Two runs: code with a reference, and slots whose tail is not in the file. */
static struct graft_run runs[] = {
	{ .new_addr = 0x1100,
	  .mem_len = sizeof(code),
	  .file_len = sizeof(code),
	  .bytes = code,
	  .flags = GRAFT_RUN_READ | GRAFT_RUN_EXEC },
	{ .new_addr = 0x3000,
	  .mem_len = 0x100,
	  .file_len = sizeof(data),
	  .bytes = data,
	  .flags = GRAFT_RUN_READ | GRAFT_RUN_WRITE },
};

static uint64_t
load(const struct graft_shadow *shadow, size_t piece, size_t off, size_t len)
{
	uint64_t value = 0;

	assert_true(off + len <= shadow->pieces[piece].len);
	memcpy(&value, shadow->pieces[piece].bytes + off, len);
	return value;
}

static void
each_fix_is_filled_in(void **state)
{
	(void)state;
	struct graft_fix fixes[] = {
		{ 0x1104, 0x20, GRAFT_FIX_REL32_OLD },
		{ 0x3000, 0x500, GRAFT_FIX_ABS64_OLD },
		{ 0x3008, 0x1100, GRAFT_FIX_ABS64_NEW },
		{ 0x3010, 0x600, GRAFT_FIX_COPY64_OLD },
	};
	struct graft_import import = { .new_addr = 0x3080, .symbol = NULL };
	struct graft_patch_module module = {
		.runs = runs,
		.run_count = 2,
		.fixes = fixes,
		.fix_count = 4,
		.imports = &import,
		.import_count = 1,
	};
	uint64_t imports[] = { 0x1234567812345678 };
	uint64_t copies[] = { 0, 0, 0, 0xabcdef };
	struct graft_shadow_place place = {
		.old_base = 0x7f0000100000,
		.shadow_base = 0x7f0000000000,
		.imports = imports,
		.copies = copies,
	};
	int32_t before = -0x10;
	memcpy(code + 4, &before, sizeof(before));

	struct graft_shadow shadow;
	assert_null(graft_shadow_fill(&module, &place, &shadow));
	assert_int_equal(shadow.count, 2);
	assert_int_equal(shadow.pieces[0].addr, 0x7f0000001100);
	assert_int_equal((int32_t)load(&shadow, 0, 4, 4),
			 -0x10 + 0x20 + 0x100000);
	assert_int_equal(load(&shadow, 1, 0, 8), 0x7f0000100500);
	assert_int_equal(load(&shadow, 1, 8, 8), 0x7f0000001100);
	assert_int_equal(load(&shadow, 1, 16, 8), 0xabcdef);
	// A slot behind the bytes of the file makes the piece longer.
	assert_int_equal(shadow.pieces[1].len, 0x88);
	assert_int_equal(load(&shadow, 1, 0x80, 8), imports[0]);
	graft_shadow_deinit(&shadow);
}

static void
expect_refused(struct graft_fix fix, uint64_t old_base,
	       enum graft_error_code code_wanted)
{
	struct graft_patch_module module = {
		.runs = runs,
		.run_count = 2,
		.fixes = &fix,
		.fix_count = 1,
	};
	struct graft_shadow_place place = {
		.old_base = old_base,
		.shadow_base = 0x7f0000000000,
	};
	struct graft_shadow shadow;
	struct graft_error *err = graft_shadow_fill(&module, &place, &shadow);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), code_wanted);
	graft_error_free(err);
}

static void
addresses_of_32_bits_are_filled_in_below_2_gib(void **state)
{
	(void)state;
	struct graft_fix fixes[] = {
		{ 0x1104, 0x401000, GRAFT_FIX_ABS32_OLD },
		{ 0x1108, 0x1100, GRAFT_FIX_ABS32_NEW },
	};
	struct graft_patch_module module = {
		.runs = runs,
		.run_count = 2,
		.fixes = fixes,
		.fix_count = 2,
	};
	struct graft_shadow_place place = { .shadow_base = 0x7ffee000 };
	struct graft_shadow shadow;

	memset(code, 0xff, sizeof(code));
	assert_null(graft_shadow_fill(&module, &place, &shadow));
	assert_int_equal(load(&shadow, 0, 4, 4), 0x401000);
	assert_int_equal(load(&shadow, 0, 8, 4), 0x7ffef100);
	graft_shadow_deinit(&shadow);
	// The sign of it would be another.
	expect_refused((struct graft_fix){ 0x1104, 0, GRAFT_FIX_ABS32_NEW }, 0,
		       GRAFT_ERROR_NO_SPACE_NEARBY);
	expect_refused((struct graft_fix){ 0x1104, 0, GRAFT_FIX_ABS32_OLD },
		       0x80000000, GRAFT_ERROR_NO_SPACE_NEARBY);
}

static void
a_reference_out_of_reach_is_refused(void **state)
{
	(void)state;
	memset(code, 0, sizeof(code));
	expect_refused((struct graft_fix){ 0x1104, 0, GRAFT_FIX_REL32_OLD },
		       0x7f0080000000, GRAFT_ERROR_NO_SPACE_NEARBY);
	expect_refused((struct graft_fix){ 0x1104, -1, GRAFT_FIX_REL32_OLD },
		       0x7eff80000000, GRAFT_ERROR_NO_SPACE_NEARBY);
}

static void
a_fix_outside_of_the_runs_is_refused(void **state)
{
	(void)state;
	const uint64_t places[] = { 0,      0x10ff, 0x113d, 0x1140,
				    0x2000, 0x30fd, 0x3100, UINT64_MAX - 1 };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		expect_refused(
			(struct graft_fix){ places[i], 0, GRAFT_FIX_REL32_OLD },
			0x7f0000100000, GRAFT_ERROR_BAD_INPUT);
}

static void
runs_become_regions_of_whole_pages(void **state)
{
	(void)state;
	struct graft_run many[] = {
		{ .new_addr = 0x1100, .mem_len = 0x10, .flags = 1 | 4 },
		{ .new_addr = 0x1800, .mem_len = 0x900, .flags = 1 | 4 },
		{ .new_addr = 0x3000, .mem_len = 1, .flags = 1 | 4 },
		{ .new_addr = 0x4000, .mem_len = 0x1000, .flags = 1 },
		{ .new_addr = 0x9ff0, .mem_len = 0x20, .flags = 1 | 2 },
	};
	struct graft_patch_module module = { .runs = many, .run_count = 5 };
	struct graft_header_region *regions;
	uint32_t count;

	assert_null(graft_shadow_regions(&module, 0x10000, &regions, &count));
	assert_int_equal(count, 3);
	assert_int_equal(regions[0].addr, 0x11000);
	assert_int_equal(regions[0].len, 0x3000);
	assert_int_equal(regions[0].prot, PROT_READ | PROT_EXEC);
	assert_int_equal(regions[1].addr, 0x14000);
	assert_int_equal(regions[1].len, 0x1000);
	assert_int_equal(regions[2].addr, 0x19000);
	assert_int_equal(regions[2].len, 0x2000);
	assert_int_equal(regions[2].prot, PROT_READ | PROT_WRITE);
	free(regions);
}

static void
runs_of_other_protection_on_one_page_are_refused(void **state)
{
	(void)state;
	struct graft_run two[] = {
		{ .new_addr = 0x1000, .mem_len = 0x10, .flags = 1 | 4 },
		{ .new_addr = 0x1800, .mem_len = 0x10, .flags = 1 | 2 },
	};
	struct graft_run wild[] = {
		{ .new_addr = UINT64_MAX - 8, .mem_len = 0x10, .flags = 1 },
	};
	struct graft_patch_module module = { .runs = two, .run_count = 2 };
	struct graft_header_region *regions = NULL;
	uint32_t count;

	struct graft_error *err = graft_shadow_regions(&module, 0, &regions,
						       &count);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	module = (struct graft_patch_module){ .runs = wild, .run_count = 1 };
	err = graft_shadow_regions(&module, 0, &regions, &count);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
	assert_null(regions);
}

static void
what_names_an_object_leads_to_where_it_is(void **state)
{
	(void)state;
	uint64_t refs[] = { 0x1110, 0x1120 };
	struct graft_object object = {
		.new_addr = 0x3020, .size = 8, .refs = refs, .ref_count = 2
	};
	struct graft_patch_module module = {
		.runs = runs,
		.run_count = 2,
		.objects = &object,
		.object_count = 1,
	};
	struct graft_header_object at = { .addr = 0x7f0000003020, .size = 8 };
	struct graft_shadow_place place = {
		.old_base = 0x7f0000100000,
		.shadow_base = 0x7f0000000000,
		.objects = &at,
	};
	struct graft_shadow shadow;
	int32_t before = 0x1f00;

	memcpy(code + 0x10, &before, sizeof(before));
	memcpy(code + 0x20, &before, sizeof(before));
	assert_null(graft_shadow_fill(&module, &place, &shadow));
	assert_int_equal(load(&shadow, 0, 0x10, 4), 0x1f00);
	graft_shadow_deinit(&shadow);
	at.addr += 0x10000;
	assert_null(graft_shadow_fill(&module, &place, &shadow));
	assert_int_equal(load(&shadow, 0, 0x10, 4), 0x11f00);
	assert_int_equal(load(&shadow, 0, 0x20, 4), 0x11f00);
	graft_shadow_deinit(&shadow);
	at.addr += UINT64_C(1) << 32;
	struct graft_error *err = graft_shadow_fill(&module, &place, &shadow);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NO_SPACE_NEARBY);
	graft_error_free(err);
	memset(code, 0, sizeof(code));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fix_is_filled_in),
		cmocka_unit_test(what_names_an_object_leads_to_where_it_is),
		cmocka_unit_test(
			addresses_of_32_bits_are_filled_in_below_2_gib),
		cmocka_unit_test(a_reference_out_of_reach_is_refused),
		cmocka_unit_test(a_fix_outside_of_the_runs_is_refused),
		cmocka_unit_test(runs_become_regions_of_whole_pages),
		cmocka_unit_test(
			runs_of_other_protection_on_one_page_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
