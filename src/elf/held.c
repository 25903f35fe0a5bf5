// SPDX-License-Identifier: Apache-2.0

#include "elf/held.h"

#include "elf/locations.h"
#include "elf/subjects.h"

struct graft_error *
graft_dwarf_held(struct graft_dwarf *dwarf, uint64_t addr, uint8_t reg,
		 struct graft_held *ret)
{
	GRAFT_CLEANUP(graft_locations_deinit)
	struct graft_locations locations = { 0 };
	struct graft_held held = { .count = 0 };
	uint32_t function = graft_dwarf_function_at(dwarf, addr);
	struct graft_error *err = NULL;

	if (function != GRAFT_DWARF_NONE)
		err = graft_dwarf_locations(dwarf, function, &locations);
	for (size_t i = 0; !err && i < locations.count; i++) {
		const struct graft_location *at = &locations.list[i];
		if (at->in_frame || at->reg != reg || addr < at->addr ||
		    addr >= at->end)
			continue;
		if (held.count < GRAFT_HELD_MAX)
			held.types[held.count++] = at->type;
		else
			held.more = true;
	}
	*ret = held;
	return err;
}
