// SPDX-License-Identifier: Apache-2.0

#include "diff/code/table.h"

#include "diff/code/area.h"

#include <string.h>

uint64_t
graft_table_target(const struct graft_code *code, uint64_t addr, uint32_t i)
{
	const uint8_t *bytes = graft_image_bytes(code->image,
						 addr + 4 * (uint64_t)i, 4);
	int32_t distance = 0;

	if (bytes)
		memcpy(&distance, bytes, 4);
	return addr + (uint64_t)(int64_t)distance;
}

/** Is there an instruction of the function's group, or of a fragment? */
static bool
leads_home(const struct graft_code *code, uint32_t func, uint64_t target)
{
	uint32_t to = graft_code_func_at(code, target);

	if (to == GRAFT_NONE)
		return false;
	if (code->funcs[to].group != code->funcs[func].group)
		return false;
	return graft_code_insn_at(code, &code->funcs[to], target) != GRAFT_NONE;
}

uint32_t
graft_table_count(const struct graft_code *code, uint32_t func, uint64_t addr,
		  uint64_t max)
{
	uint32_t count = 0;

	if (!code->funcs[func].indirect_jump ||
	    graft_area_of(code->image, addr) != GRAFT_AREA_CONSTANT)
		return 0;
	while (4 * ((uint64_t)count + 1) <= max &&
	       graft_image_bytes(code->image, addr + 4 * (uint64_t)count, 4) &&
	       leads_home(code, func, graft_table_target(code, addr, count)))
		count++;
	return count;
}

uint32_t
graft_table_spread(const struct graft_code *code, uint64_t addr, uint64_t max)
{
	uint32_t count = 0;

	while (4 * ((uint64_t)count + 1) <= max &&
	       graft_image_bytes(code->image, addr + 4 * (uint64_t)count, 4) &&
	       graft_area_of(code->image,
			     graft_table_target(code, addr, count)) !=
		       GRAFT_AREA_NONE)
		count++;
	return count;
}
