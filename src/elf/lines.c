// SPDX-License-Identifier: Apache-2.0

#include "elf/lines.h"

#include "elf/debug_model.h"

/** Get the address where the row behind @p line begins. */
static uint64_t
end_of(Dwarf_Lines *lines, size_t at)
{
	Dwarf_Addr end = 0;

	(void)dwarf_lineaddr(dwarf_onesrcline(lines, at + 1), &end);
	return end;
}

/** Find the last row at or before an address; rows ascend. */
static size_t
find_row(Dwarf_Lines *lines, size_t count, uint64_t addr)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		Dwarf_Addr at = UINT64_MAX;

		(void)dwarf_lineaddr(dwarf_onesrcline(lines, middle), &at);
		if (at <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
graft_dwarf_line_at(struct graft_dwarf *dwarf, uint64_t addr,
		    struct graft_line *ret)
{
	uint32_t unit = graft_dwarf_unit_at(dwarf, addr);
	Dwarf_Lines *lines;
	size_t count;
	bool ends = true;

	if (unit == GRAFT_DWARF_NONE ||
	    dwarf_getsrclines(&dwarf->unit_dies[unit], &lines, &count) != 0)
		return false;
	size_t row = find_row(lines, count, addr);
	if (row == 0)
		return false;
	Dwarf_Line *line = dwarf_onesrcline(lines, row - 1);
	// The last row of a sequence says only where it ends.
	if (dwarf_lineendsequence(line, &ends) != 0 || ends)
		return false;
	const char *file = dwarf_linesrc(line, NULL, NULL);
	struct graft_line found = { .file = file ? file : "" };
	Dwarf_Addr start;
	int number;
	if (!file || dwarf_lineaddr(line, &start) != 0)
		return false;
	found.addr = start;
	found.end = end_of(lines, row - 1);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		found.line = (uint32_t)number;
	if (dwarf_linecol(line, &number) == 0 && number > 0)
		found.column = (uint32_t)number;
	if (found.end <= addr)
		found.end = addr + 1;
	*ret = found;
	return true;
}
