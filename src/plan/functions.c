// SPDX-License-Identifier: Apache-2.0

// .eh_frame_hdr:
//
//       0  version u8, 1             1  encoding of the address of .eh_frame
//       2  encoding of the count     3  encoding of the table
//       4  address s32               8  count u32
//      12  function s32, FDE s32: both count from the header; ascending
//
// An FDE: length u32, distance to the CIE u32, function s32 (counts from here),
// length of the function u32.

#include "plan/functions.h"

#include <stdlib.h>
#include <string.h>

enum {
	HEADER_SIZE = 12,
	ROW_SIZE = 8,
	FDE_SIZE = 16,
	/** DW_EH_PE_pcrel | sdata4, udata4, datarel | sdata4. */
	POINTER_ENCODING = 0x1b,
	COUNT_ENCODING = 0x03,
	TABLE_ENCODING = 0x3b,
	COUNT_MAX = 1 << 22,
	FRAMES_MAX = 256 << 20,
};

/** Memory of the target. */
struct piece {
	uint64_t addr;
	size_t len;
	uint8_t *bytes;
};

static void
piece_deinit(struct piece *piece)
{
	free(piece->bytes);
}

/** Read memory; without bytes if it is not there. */
GRAFT_MUST_CHECK static struct graft_error *
read_piece(struct graft_target *target, uint64_t addr, size_t len,
	   struct piece *ret)
{
	*ret = (struct piece){ .addr = addr, .len = len };
	GRAFT_FREE uint8_t *bytes = malloc(len + 1);
	if (!bytes)
		return graft_error_no_memory();
	bool there;
	struct graft_error *err = graft_target_try_read(target, addr, bytes,
							len, &there);
	if (!err && there)
		ret->bytes = GRAFT_TAKE(bytes);
	return err;
}

static uint64_t
load32(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof(value));
	return (uint64_t)(int64_t)value;
}

static bool
is_header(const uint8_t *bytes)
{
	return bytes[0] == 1 && bytes[1] == POINTER_ENCODING &&
	       bytes[2] == COUNT_ENCODING && bytes[3] == TABLE_ENCODING;
}

/** Find the memory that all FDEs of a table lie in. */
static bool
find_frames(const struct piece *table, uint64_t header, uint64_t *start_ret,
	    uint64_t *end_ret)
{
	uint64_t start = UINT64_MAX;
	uint64_t end = 0;

	for (size_t off = 0; off + ROW_SIZE <= table->len; off += ROW_SIZE) {
		uint64_t fde = header + load32(table->bytes + off + 4);
		start = fde < start ? fde : start;
		end = fde > end ? fde : end;
	}
	*start_ret = start;
	*end_ret = end + FDE_SIZE;
	return start < end + FDE_SIZE && end - start < FRAMES_MAX;
}

/** Take the functions of a table; those that do not fit are left out. */
static size_t
take(const struct piece *table, const struct piece *frames, uint64_t header,
     struct graft_range *ranges)
{
	uint64_t last = 0;
	size_t count = 0;

	for (size_t off = 0; off + ROW_SIZE <= table->len; off += ROW_SIZE) {
		uint64_t func = header + load32(table->bytes + off);
		uint64_t fde = header + load32(table->bytes + off + 4);
		const uint8_t *bytes = frames->bytes + (fde - frames->addr);
		uint64_t len = load32(bytes + 12) & UINT32_MAX;
		uint64_t there = fde + 8 + load32(bytes + 8);
		if (there != func || func < last || !len)
			continue;
		ranges[count++] = (struct graft_range){ func, func + len };
		last = func + len;
	}
	return count;
}

struct graft_error *
graft_functions_read(struct graft_target *target,
		     const struct graft_module *module,
		     struct graft_range **ret, size_t *count_ret)
{
	GRAFT_CLEANUP(piece_deinit) struct piece front = { 0 };
	GRAFT_CLEANUP(piece_deinit) struct piece table = { 0 };
	GRAFT_CLEANUP(piece_deinit) struct piece frames = { 0 };
	uint64_t header = module->frame_header;
	uint64_t start;
	uint64_t end;

	*ret = NULL;
	*count_ret = 0;
	if (!header)
		return NULL;
	struct graft_error *err = read_piece(target, header, HEADER_SIZE,
					     &front);
	if (err || !front.bytes || !is_header(front.bytes))
		return err;
	size_t count = load32(front.bytes + 8) & UINT32_MAX;
	if (!count || count > COUNT_MAX)
		return NULL;
	err = read_piece(target, header + HEADER_SIZE, count * ROW_SIZE,
			 &table);
	if (err || !table.bytes || !find_frames(&table, header, &start, &end))
		return err;
	err = read_piece(target, start, end - start, &frames);
	if (err || !frames.bytes)
		return err;
	GRAFT_FREE struct graft_range *ranges = calloc(count, sizeof(*ranges));
	if (!ranges)
		return graft_error_no_memory();
	*count_ret = take(&table, &frames, header, ranges);
	*ret = GRAFT_TAKE(ranges);
	return NULL;
}
