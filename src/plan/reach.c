// SPDX-License-Identifier: Apache-2.0

#include "plan/reach.h"

#include <endian.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** More code than that is not looked through; a header's limits allow it. */
	CODE_MAX = 64 << 20,
	/** `lea`, and the mode that adds to the instruction pointer. */
	LEA = 0x8d,
	MODE_MASK = 0xc7,
	MODE_RIP = 0x05,
	/** `call rel32`. */
	CALL = 0xe8,
};

const char *
graft_reach_text(enum graft_reach reach)
{
	switch (reach) {
	case GRAFT_REACH_OBJECTS:
		return "it has objects";
	case GRAFT_REACH_CONSTANTS:
		return "it has constants, and pointers to them may be anywhere";
	case GRAFT_REACH_ADDRESSES:
		return "pointers to functions of it may be anywhere";
	case GRAFT_REACH_JUMPS_ONLY:
	default:
		return NULL;
	}
}

static uint32_t
read_le32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return le32toh(value);
}

static uint64_t
read_le64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

/** Say whether the four bytes at @p off may make an address of the shadow. */
static bool
makes_relative(const uint8_t *code, size_t off, uint64_t addr, uint64_t start,
	       uint64_t end)
{
	int32_t distance = (int32_t)read_le32(code + off);
	uint64_t to = addr + off + 4 + (uint64_t)(int64_t)distance;

	// `call` of what follows it: the way to the own address without `lea`.
	if (off >= 1 && code[off - 1] == CALL && distance == 0)
		return true;
	return off >= 2 && code[off - 2] == LEA &&
	       (code[off - 1] & MODE_MASK) == MODE_RIP && to >= start &&
	       to <= end;
}

bool
graft_reach_makes_address(const uint8_t *code, size_t len, uint64_t addr,
			  uint64_t start, uint64_t end)
{
	for (size_t off = 0; off + 4 <= len; off++) {
		uint64_t word = read_le32(code + off);
		// An absolute address in 32 bits: code that was linked to run
		// at one place.
		if ((word >= start && word <= end) ||
		    makes_relative(code, off, addr, start, end))
			return true;
		if (off + 8 > len)
			continue;
		word = read_le64(code + off);
		if (word >= start && word <= end)
			return true;
	}
	return false;
}

/** Look through one region of code. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_target *target, const struct graft_header_region *region,
     uint64_t start, uint64_t end, bool *ret)
{
	if (region->len > CODE_MAX) {
		*ret = true;
		return NULL;
	}
	GRAFT_FREE uint8_t *code = malloc(region->len + 1);
	if (!code)
		return graft_error_no_memory();
	struct graft_error *err = graft_target_read(target, region->addr, code,
						    region->len);
	if (!err)
		*ret = graft_reach_makes_address(code, region->len,
						 region->addr, start, end);
	return err;
}

struct graft_error *
graft_reach_find(struct graft_target *target, const struct graft_header *header,
		 enum graft_reach *ret)
{
	enum graft_reach reach = header->object_count ? GRAFT_REACH_OBJECTS
						      : GRAFT_REACH_JUMPS_ONLY;
	uint64_t start = header->addr;
	uint64_t end = header->addr + header->len;
	bool makes = false;

	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct graft_header_region *region = &header->regions[i];
		uint64_t region_end = region->addr + region->len;
		start = region->addr < start ? region->addr : start;
		end = region_end > end ? region_end : end;
		if (region->prot & PROT_WRITE)
			reach = GRAFT_REACH_OBJECTS;
		else if (region->prot != (PROT_READ | PROT_EXEC) && !reach)
			reach = GRAFT_REACH_CONSTANTS;
	}
	for (uint32_t i = 0; i < header->region_count && !reach; i++) {
		struct graft_error *err = look(target, &header->regions[i],
					       start, end, &makes);
		if (err)
			return err;
		if (makes)
			reach = GRAFT_REACH_ADDRESSES;
	}
	*ret = reach;
	return NULL;
}
