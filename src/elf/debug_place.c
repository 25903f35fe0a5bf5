// SPDX-License-Identifier: Apache-2.0

// Where a variable is: locations that are an address, or an offset in the
// thread-local block, for as long as the variable lives.

#include "base/cursor.h"
#include "elf/debug_model.h"
#include "elf/limits.h"

#include <dwarf.h>
#include <string.h>

/** Read the address that a location begins with; false if it is none. */
static bool
read_address(Dwarf_Attribute *attr, const Dwarf_Block *block, uint64_t *ret,
	     size_t *used_ret)
{
	Dwarf_Op *ops;
	size_t count;
	Dwarf_Attribute value;
	Dwarf_Addr addr;

	if (block->data[0] == DW_OP_addr && block->length >= 9) {
		memcpy(ret, block->data + 1, sizeof(*ret));
		*used_ret = 9;
		return true;
	}
	if (block->data[0] == DW_OP_const8u && block->length >= 10 &&
	    (block->data[9] == DW_OP_form_tls_address ||
	     block->data[9] == DW_OP_GNU_push_tls_address)) {
		memcpy(ret, block->data + 1, sizeof(*ret));
		*used_ret = 10;
		return true;
	}
	if (block->data[0] != DW_OP_addrx &&
	    block->data[0] != DW_OP_GNU_addr_index)
		return false;
	if (dwarf_getlocation(attr, &ops, &count) != 0 || count == 0 ||
	    dwarf_getlocation_attr(attr, ops, &value) != 0 ||
	    dwarf_formaddr(&value, &addr) != 0)
		return false;
	*ret = addr;
	*used_ret = 1;
	while (*used_ret < block->length && (block->data[*used_ret] & 0x80))
		++*used_ret;
	if (*used_ret < block->length)
		++*used_ret;
	return true;
}

/** Read what follows the address: an offset, or the rest of a split one. */
static bool
read_rest(const Dwarf_Block *block, size_t at, struct graft_subject *subject)
{
	struct graft_cursor c = graft_cursor_make(block->data, block->length);

	(void)graft_cursor_take(&c, at);
	if (graft_cursor_left(&c) && *c.at == DW_OP_plus_uconst) {
		(void)graft_cursor_take(&c, 1);
		subject->addr += graft_cursor_leb(&c);
	}
	if (!graft_cursor_left(&c))
		return !c.bad;
	// The value of what stands there, not the variable itself.
	subject->partial = *c.at == DW_OP_piece || *c.at == DW_OP_bit_piece;
	return subject->partial && !c.bad;
}

bool
graft_dwarf_place(Dwarf_Die *die, struct graft_subject *subject)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;
	size_t used;

	if (!dwarf_attr(die, DW_AT_location, &attr))
		return false;
	switch (dwarf_whatform(&attr)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		break;
	default:
		return false;
	}
	if (dwarf_formblock(&attr, &block) != 0 || block.length == 0 ||
	    !read_address(&attr, &block, &subject->addr, &used))
		return false;
	subject->is_thread_local = block.data[0] == DW_OP_const8u;
	return read_rest(&block, used, subject) &&
	       subject->addr <= GRAFT_LIMIT_ADDR &&
	       (subject->addr != 0 || subject->is_thread_local);
}
