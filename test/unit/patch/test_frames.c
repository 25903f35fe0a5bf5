// SPDX-License-Identifier: Apache-2.0

#include "patch/frames.h"

#include "frames_module.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct graft_error *
read_frames(const struct graft_patch_module *module, size_t *count_ret)
{
	struct graft_patch_frame *frames = NULL;
	struct graft_error *err = graft_patch_frames_read(module, &frames,
							  count_ret);

	free(frames);
	return err;
}

static void
must_refuse(const struct graft_patch_module *module)
{
	size_t count;
	struct graft_error *err = read_frames(module, &count);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	graft_error_free(err);
}

static void
each_frame_is_found_with_its_code(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	struct graft_patch_frame *frames = NULL;
	size_t count = 0;

	assert_null(graft_patch_frames_read(&m.module, &frames, &count));
	assert_int_equal(count, FRAMES_COUNT);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(frames[i].new_addr,
				 frames_module_code[i].new_addr);
		assert_int_equal(frames[i].size, frames_module_code[i].size);
		assert_int_equal(frames[i].fde, m.fdes[i]);
	}
	free(frames);
	frames_module_deinit(&m);
}

static void
tables_that_are_cut_are_refused(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	uint64_t len = m.module.frames_len;

	for (uint64_t i = 0; i < len; i++) {
		m.module.frames_len = i;
		m.module.runs[1].file_len = i;
		must_refuse(&m.module);
	}
	frames_module_deinit(&m);
}

static void
no_flipped_bit_leads_out_of_what_is_carried(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	uint8_t *bytes = m.module.runs[1].bytes;

	for (uint64_t i = 0; i < m.module.frames_len * 8; i++) {
		struct graft_patch_frame *frames = NULL;
		size_t count = 0;
		bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
		struct graft_error *err =
			graft_patch_frames_read(&m.module, &frames, &count);
		for (size_t k = 0; !err && k < count; k++) {
			assert_true(frames[k].new_addr >= FRAMES_CODE);
			assert_true(frames[k].new_addr + frames[k].size <=
				    FRAMES_CODE + 0x60);
			assert_true(frames[k].fde - FRAMES_ADDR <
				    m.module.frames_len);
		}
		graft_error_free(err);
		free(frames);
		bytes[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	frames_module_deinit(&m);
}

static void
a_frame_of_what_is_not_carried_is_refused(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();

	m.module.carried[1].new_addr++;
	must_refuse(&m.module);
	frames_module_deinit(&m);
}

static void
language_specific_data_must_be_carried(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();
	size_t count;

	m.module.runs[0].file_len = FRAMES_LSDA - FRAMES_CODE + 1;
	assert_null(read_frames(&m.module, &count));
	m.module.runs[0].file_len = FRAMES_LSDA - FRAMES_CODE;
	must_refuse(&m.module);
	frames_module_deinit(&m);
}

static void
tables_outside_of_the_runs_are_refused(void **state)
{
	(void)state;
	struct frames_module m = frames_module_make();

	m.module.frames_addr = UINT64_MAX - 3;
	must_refuse(&m.module);
	m.module.frames_addr = FRAMES_ADDR;
	m.module.frames_len = UINT64_MAX;
	must_refuse(&m.module);
	frames_module_deinit(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_is_found_with_its_code),
		cmocka_unit_test(tables_that_are_cut_are_refused),
		cmocka_unit_test(no_flipped_bit_leads_out_of_what_is_carried),
		cmocka_unit_test(a_frame_of_what_is_not_carried_is_refused),
		cmocka_unit_test(language_specific_data_must_be_carried),
		cmocka_unit_test(tables_outside_of_the_runs_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
