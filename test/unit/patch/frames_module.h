// SPDX-License-Identifier: Apache-2.0

/** @file A module with unwind tables, made by hand, for tests. */

#ifndef GRAFT_TEST_PATCH_FRAMES_MODULE_H
#define GRAFT_TEST_PATCH_FRAMES_MODULE_H

#include "patch/patch.h"

#include <stdlib.h>
#include <string.h>

enum {
	FRAMES_COUNT = 3,
	FRAMES_CODE = 0x1000,
	FRAMES_LSDA = 0x1f00,
	FRAMES_ADDR = 0x2000,
};

/** The carried code: two functions beside each other, and a third. */
static const struct graft_carried frames_module_code[FRAMES_COUNT] = {
	{ .new_addr = FRAMES_CODE, .size = 0x30 },
	{ .new_addr = FRAMES_CODE + 0x40, .size = 1 },
	{ .new_addr = FRAMES_CODE + 0x41, .size = 0x1f },
};

/** The module, and where its FDEs are. */
struct frames_module {
	struct graft_patch_module module;
	uint64_t fdes[FRAMES_COUNT];
};

static inline void
frames_put(uint8_t **at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*(*at)++ = (uint8_t)(value >> (8 * i));
}

/** Put a CIE; with language-specific data if @p full. */
static inline void
frames_put_cie(uint8_t **at, bool full)
{
	frames_put(at, full ? 24 : 16, 4);
	frames_put(at, 0, 4);
	frames_put(at, 1, 1);
	memcpy(*at, full ? "zPLR" : "zR", full ? 5 : 3);
	*at += full ? 5 : 3;
	frames_put(at, 1, 1);
	frames_put(at, 0x78, 1);
	frames_put(at, 16, 1);
	frames_put(at, full ? 7 : 1, 1);
	if (full) {
		frames_put(at, 0x9b, 1);
		frames_put(at, 0x100, 4);
		frames_put(at, 0x1b, 1);
	}
	frames_put(at, 0x1b, 1);
	frames_put(at, 0, 3);
}

/** Make the module: the last function has language-specific data. */
static inline struct frames_module
frames_module_make(void)
{
	struct frames_module m = { 0 };
	struct graft_patch_module *module = &m.module;
	uint8_t *bytes = calloc(1, 256);
	uint8_t *at = bytes;

	frames_put_cie(&at, false);
	uint64_t cie = 0;
	for (size_t i = 0; i < FRAMES_COUNT; i++) {
		bool full = i == FRAMES_COUNT - 1;
		if (full) {
			cie = (uint64_t)(at - bytes);
			frames_put_cie(&at, true);
		}
		uint64_t off = (uint64_t)(at - bytes);
		m.fdes[i] = FRAMES_ADDR + off;
		frames_put(&at, full ? 20 : 16, 4);
		frames_put(&at, off + 4 - cie, 4);
		frames_put(&at,
			   frames_module_code[i].new_addr -
				   (FRAMES_ADDR + off + 8),
			   4);
		frames_put(&at, frames_module_code[i].size, 4);
		frames_put(&at, full ? 4 : 0, 1);
		if (full)
			frames_put(&at, FRAMES_LSDA - (FRAMES_ADDR + off + 17),
				   4);
		frames_put(&at, 0, 3);
	}
	frames_put(&at, 0, 4);
	module->frames_addr = FRAMES_ADDR;
	module->frames_len = (uint64_t)(at - bytes);
	module->runs = calloc(2, sizeof(*module->runs));
	module->run_count = 2;
	module->runs[0] = (struct graft_run){
		.new_addr = FRAMES_CODE,
		.mem_len = 0xf80,
		.file_len = 0xf80,
		.bytes = calloc(1, 0xf80),
		.flags = GRAFT_RUN_READ | GRAFT_RUN_EXEC,
	};
	module->runs[1] = (struct graft_run){
		.new_addr = FRAMES_ADDR,
		.mem_len = module->frames_len,
		.file_len = module->frames_len,
		.bytes = bytes,
		.flags = GRAFT_RUN_READ,
	};
	module->carried = calloc(FRAMES_COUNT, sizeof(*module->carried));
	module->carried_count = FRAMES_COUNT;
	memcpy(module->carried, frames_module_code, sizeof(frames_module_code));
	return m;
}

static inline void
frames_module_deinit(struct frames_module *m)
{
	graft_patch_module_deinit(&m->module);
}

#endif /* GRAFT_TEST_PATCH_FRAMES_MODULE_H */
