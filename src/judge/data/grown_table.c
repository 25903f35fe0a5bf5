// SPDX-License-Identifier: Apache-2.0

#include "judge/data/grown_table.h"

#include "diff/constant/constant.h"
#include "diff/match/data.h"

#include <string.h>

enum {
	UNIT = 8,
	/** Longest row. */
	ROW_MAX = 128,
	/** Most rows. */
	ROWS_MAX = 4096,
	/** Fewer rows show no regularity. */
	ROWS_MIN = 2,
};

/** Rows of one side. */
struct rows {
	const struct graft_image *image;
	uint64_t addr;
	/** Bytes of a row, and where in it the pointer stands. */
	uint64_t size;
	uint64_t pointer;
};

static const uint8_t zeroes[ROW_MAX];

static bool
is_pointer(const struct graft_image *image, uint64_t addr)
{
	const struct graft_reloc *reloc = graft_image_reloc_at(image, addr);

	return reloc && reloc->type == R_X86_64_RELATIVE && !reloc->symbol;
}

/** Find how long rows are: as far as the first two pointers are apart. */
static bool
measure(struct rows *rows)
{
	uint64_t first = 0;

	while (first < ROW_MAX && !is_pointer(rows->image, rows->addr + first))
		first += UNIT;
	uint64_t next = first + UNIT;
	while (next < first + ROW_MAX &&
	       !is_pointer(rows->image, rows->addr + next))
		next += UNIT;
	rows->pointer = first;
	rows->size = next - first;
	return rows->size < ROW_MAX && first < rows->size;
}

/** Is there a row that ends the table? */
static bool
is_end(const struct rows *rows, uint64_t row)
{
	uint64_t addr = rows->addr + row * rows->size;
	const uint8_t *bytes = graft_image_bytes(rows->image, addr, rows->size);

	for (uint64_t off = 0; off < rows->size; off += UNIT) {
		if (graft_image_reloc_at(rows->image, addr + off))
			return false;
	}
	return bytes && memcmp(bytes, zeroes, rows->size) == 0;
}

/** Count the rows with a pointer. */
static uint64_t
count_rows(const struct rows *rows)
{
	uint64_t row = 0;

	while (row < ROWS_MAX &&
	       is_pointer(rows->image,
			  rows->addr + row * rows->size + rows->pointer))
		row++;
	return row;
}

/**
 * Count the rows of OLD: up to the one that ends the table, or up to what NEW has
 * behind the one that ends it there. If that were a part of the table, NEW would
 * have its end in the middle of it.
 *
 * @param[in] new_end Where that row of NEW begins.
 */
static uint64_t
count_old_rows(const struct graft_diff *diff, const struct rows *was,
	       uint64_t new_end)
{
	uint64_t count = count_rows(was);
	uint64_t next = graft_code_next_start(diff->new_code,
					      new_end + was->size - 1);
	uint64_t old_next;

	// Rows of one length may follow in another table.
	if (graft_data_map_agreed(diff, next, &old_next) &&
	    old_next > was->addr && (old_next - was->addr) % was->size == 0 &&
	    (old_next - was->addr) / was->size <= count)
		return (old_next - was->addr) / was->size;
	return is_end(was, count) ? count : 0;
}

/** Compare one unit of two rows. */
static struct graft_error *
same_unit(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	  bool *ret)
{
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_addr);

	*ret = false;
	if (o && n)
		return graft_constant_same_pointer(diff, o, n, ret);
	const uint8_t *ob = graft_image_bytes(diff->old_image, old_addr, UNIT);
	const uint8_t *nb = graft_image_bytes(diff->new_image, new_addr, UNIT);
	*ret = !o && !n && ob && nb && memcmp(ob, nb, UNIT) == 0;
	return NULL;
}

struct graft_error *
graft_table_has_grown(const struct graft_diff *diff, uint64_t old_addr,
		      uint64_t new_addr, bool *ret)
{
	struct rows was = { .image = diff->old_image, .addr = old_addr };
	struct rows is = { .image = diff->new_image, .addr = new_addr };
	struct graft_error *err = NULL;
	bool same = true;

	*ret = false;
	if (old_addr % UNIT || new_addr % UNIT || !measure(&was) ||
	    !measure(&is) || was.size != is.size || was.pointer != is.pointer)
		return NULL;
	uint64_t new_count = count_rows(&is);
	if (!is_end(&is, new_count))
		return NULL;
	uint64_t count = count_old_rows(diff, &was,
					new_addr + new_count * is.size);
	if (count < ROWS_MIN || new_count <= count)
		return NULL;
	for (uint64_t off = 0; !err && same && off < count * was.size;
	     off += UNIT)
		err = same_unit(diff, old_addr + off, new_addr + off, &same);
	if (!err)
		*ret = same;
	return err;
}
