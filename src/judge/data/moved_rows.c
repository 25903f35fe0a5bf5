// SPDX-License-Identifier: Apache-2.0

#include "judge/data/moved_rows.h"

#include "diff/code/area.h"
#include "diff/code/table.h"
#include "diff/constant/constant.h"

#include <string.h>

enum {
	UNIT = 8,
	/** Most rows that are compared with each other. */
	ROWS_MAX = 256,
	/** Fewer have no order. */
	ROWS_MIN = 2,
	ROW_MIN = 2,
	DISTANCE = 4,
};

/** One side. */
struct side {
	const struct graft_image *image;
	uint64_t addr;
	uint64_t size;
	/** Bytes of a row that are compared. */
	uint64_t width;
	uint64_t count;
	bool distances;
};

static struct side
side_of(const struct graft_code *code, const struct graft_table_rows *rows)
{
	uint64_t extent = graft_constant_extent(code, rows->addr);
	bool whole = extent % rows->size == 0 || rows->width > rows->size;
	uint64_t width = whole ? rows->size : rows->width;
	uint64_t count = extent < width ? 0 : (extent - width) / rows->size + 1;

	return (struct side){
		.image = code->image,
		.addr = rows->addr,
		.size = rows->size,
		.width = width,
		.count = count < ROWS_MAX ? count : ROWS_MAX,
		.distances = rows->distances && rows->size == DISTANCE,
	};
}

static const uint8_t *
bytes_of(const struct side *side, uint64_t row, uint64_t *addr_ret)
{
	*addr_ret = side->addr + row * side->size;
	return graft_image_bytes(side->image, *addr_ret, side->width);
}

/** Say whether two rows of one build say the same. */
static bool
is_twice(const struct side *side, uint64_t a, uint64_t b)
{
	uint64_t first;
	uint64_t second;
	const uint8_t *x = bytes_of(side, a, &first);
	const uint8_t *y = bytes_of(side, b, &second);

	if (!x || !y)
		return true;
	for (uint64_t off = 0; off < side->width; off++) {
		const struct graft_reloc *p = graft_image_reloc_at(side->image,
								   first + off);
		const struct graft_reloc *q =
			graft_image_reloc_at(side->image, second + off);
		if (!p != !q)
			return false;
		if (p && (p->addend != q->addend || p->symbol != q->symbol))
			return false;
	}
	return memcmp(x, y, side->width) == 0;
}

static bool
is_unique(const struct side *side, uint64_t row)
{
	for (uint64_t i = 0; i < side->count; i++) {
		if (i != row && is_twice(side, i, row))
			return false;
	}
	return true;
}

/** Say whether a row says nothing. */
static bool
is_empty(const struct side *side, uint64_t row)
{
	uint64_t addr;
	const uint8_t *bytes = bytes_of(side, row, &addr);

	for (uint64_t off = 0; bytes && off < side->width; off++) {
		if (bytes[off] || graft_image_reloc_at(side->image, addr + off))
			return false;
	}
	return true;
}

/** Get what a row of distances leads to; 0 if it is no constant. */
static uint64_t
target_of(const struct side *side, const uint8_t *bytes)
{
	int32_t distance;

	memcpy(&distance, bytes, sizeof(distance));
	uint64_t target = side->addr + (uint64_t)(int64_t)distance;
	return graft_area_of(side->image, target) == GRAFT_AREA_CONSTANT
		       ? target
		       : 0;
}

/** Compare what two rows of distances lead to. */
static struct graft_error *
is_same_target(const struct graft_diff *diff, const struct side *o,
	       const uint8_t *ob, const struct side *n, const uint8_t *nb,
	       bool *ret)
{
	uint64_t was = target_of(o, ob);
	uint64_t is = target_of(n, nb);

	*ret = false;
	if (!was || !is)
		return NULL;
	return graft_constant_equal(diff, was, is, 0, ret);
}

/** Compare a row of OLD with one of NEW. */
static struct graft_error *
is_same(const struct graft_diff *diff, const struct side *o, uint64_t i,
	const struct side *n, uint64_t j, bool *ret)
{
	uint64_t old_addr;
	uint64_t new_addr;
	const uint8_t *ob = bytes_of(o, i, &old_addr);
	const uint8_t *nb = bytes_of(n, j, &new_addr);
	struct graft_error *err = NULL;

	*ret = ob && nb;
	if (*ret && (o->distances || n->distances))
		return is_same_target(diff, o, ob, n, nb, ret);
	for (uint64_t off = 0; !err && *ret && off < o->width; off++) {
		const struct graft_reloc *p =
			graft_image_reloc_at(o->image, old_addr + off);
		const struct graft_reloc *q =
			graft_image_reloc_at(n->image, new_addr + off);
		if (!p && !q) {
			*ret = ob[off] == nb[off];
		} else if (p && q) {
			err = graft_constant_same_pointer(diff, p, q, ret);
			off += UNIT - 1;
		} else {
			*ret = false;
		}
	}
	return err;
}

/** Find where in NEW a row of OLD stands; its own place first. */
static struct graft_error *
find_row(const struct graft_diff *diff, const struct side *o, uint64_t row,
	 const struct side *n, uint64_t *ret)
{
	bool same = false;

	*ret = row;
	if (row < n->count) {
		struct graft_error *err = is_same(diff, o, row, n, row, &same);
		if (err || same)
			return err;
	}
	for (uint64_t j = 0; j < n->count; j++) {
		struct graft_error *err = is_same(diff, o, row, n, j, &same);
		if (err)
			return err;
		if (same) {
			*ret = j;
			return NULL;
		}
	}
	return NULL;
}

static bool
is_jump_table(const struct graft_code *code, uint64_t addr)
{
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (ref->target != addr)
			continue;
		uint32_t func = graft_code_func_at(code, ref->at);
		if (func != GRAFT_NONE &&
		    graft_table_count(code, func, addr, ROWS_MAX))
			return true;
	}
	return false;
}

struct graft_error *
graft_rows_moved(const struct graft_diff *diff,
		 const struct graft_table_rows *o,
		 const struct graft_table_rows *n, bool *ret,
		 uint64_t *from_ret, uint64_t *to_ret)
{
	*ret = false;
	if (o->size != n->size || o->size < ROW_MIN)
		return NULL;
	struct side was = side_of(diff->old_code, o);
	struct side is = side_of(diff->new_code, n);
	// Padding behind one of them makes it no whole number.
	if (was.width != is.width)
		was.width = is.width = o->width < o->size ? o->width : o->size;
	if (was.count < ROWS_MIN || is.count < ROWS_MIN ||
	    is_jump_table(diff->new_code, n->addr))
		return NULL;
	for (uint64_t i = 0; i < was.count; i++) {
		uint64_t to;
		if (is_empty(&was, i) || !is_unique(&was, i))
			continue;
		struct graft_error *err = find_row(diff, &was, i, &is, &to);
		if (err)
			return err;
		if (to == i || !is_unique(&is, to))
			continue;
		*ret = true;
		*from_ret = i;
		*to_ret = to;
		return NULL;
	}
	return NULL;
}
