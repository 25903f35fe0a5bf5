// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/reach.h"

#include "base/cleanup.h"
#include "base/sorted.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/constant/spread.h"

#include <string.h>

enum {
	/**
	 * Tables of pointers stand one beside the other by the thousand, and
	 * each is named. There, only an address this near is taken for one of
	 * the same table (a member of a row, the row before the first).
	 */
	ROW_MAX = 32,
	/** Fewer bytes with a NUL at their end may as well be a number. */
	CLOSED_MIN = 8,
	/** Tables of distances are made of 32-bit numbers. */
	DISTANCE_ALIGN = 4,
};

/** Is there a jump table at @p addr? */
static bool
is_table(const struct graft_code *code, uint64_t addr)
{
	size_t at = graft_sorted_below(code->tables, code->table_count, addr);

	return at < code->table_count && code->tables[at] == addr;
}

/** Does a table of distances to texts and the like start at @p addr? */
static bool
is_spread(const struct graft_code *code, uint64_t addr)
{
	size_t at = graft_sorted_below(code->spreads, code->spread_count, addr);

	return at < code->spread_count && code->spreads[at] == addr;
}

/** Is there text, and nothing but zeroes behind it up to @p end? */
static bool
is_all_text(const struct graft_code *code, uint64_t addr, uint64_t end)
{
	uint64_t len;

	const char *text = graft_constant_text(code->image, addr, &len);
	if (!text || !graft_constant_is_sure(text, len))
		return false;
	if (addr + len >= end)
		return true;
	const uint8_t *bytes = graft_image_bytes(code->image, addr + len,
						 end - addr - len);
	for (uint64_t i = 0; bytes && i < end - addr - len; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return bytes != NULL;
}

/** Are there bytes in any script, and one NUL, right before @p end? */
static bool
is_closed(const struct graft_code *code, uint64_t addr, uint64_t end)
{
	const uint8_t *bytes = graft_image_bytes(code->image, addr, end - addr);

	return bytes && end - addr >= CLOSED_MIN &&
	       memchr(bytes, 0, end - addr) == bytes + (end - addr - 1);
}

/**
 * Is there text up to the next thing that is named, or to @p end?
 *
 * Text that is not ASCII, and no other bytes, is known by its one NUL.
 */
static bool
is_text(const struct graft_code *code, uint64_t addr, uint64_t end)
{
	uint64_t len;

	if (is_closed(code, addr, end))
		return true;
	if (!graft_constant_text(code->image, addr, &len))
		return false;
	uint64_t mark = graft_code_next_mark(code, addr + len - 1);
	return is_all_text(code, addr, mark < end ? mark : end);
}

/** Find the next start, or the end of the section. */
static uint64_t
next_of(const struct graft_code *code, const struct graft_section *section,
	uint64_t addr)
{
	uint64_t next = graft_code_next_start(code, addr);
	uint64_t end = section->addr + section->size;

	return next < end ? next : end;
}

/**
 * Does a table of distances start at @p next that is no member of what is at
 * @p addr?
 *
 * Code that adds distances to the start of a table shows no more than a place: a
 * member of an object is such a place, too. But an object that holds numbers is
 * aligned as they are; what is not, and is no member of something in front, is not
 * that object.
 */
static bool
is_spread_alone(const struct graft_code *code,
		const struct graft_section *section, uint64_t addr,
		uint64_t next)
{
	if (!is_spread(code, next) || addr % DISTANCE_ALIGN == 0)
		return false;
	size_t low = graft_sorted_below(code->starts, code->start_count, addr);
	uint64_t unused;
	return low == 0 || code->starts[low - 1] < section->addr ||
	       !graft_reach_goes_on(code, code->starts[low - 1], &unused);
}

bool
graft_reach_goes_on(const struct graft_code *code, uint64_t addr,
		    uint64_t *next_ret)
{
	const struct graft_section *section =
		graft_image_section_at(code->image, addr);

	*next_ret = addr;
	if (!section)
		return false;
	uint64_t end = section->addr + section->size;
	uint64_t next = next_of(code, section, addr);
	*next_ret = next;
	if (next == end || is_table(code, next) || is_table(code, addr))
		return false;
	const struct graft_symbol *symbol = graft_image_object_at(code->image,
								  addr);
	if (symbol)
		return symbol->addr + symbol->size > next;
	if (is_spread_alone(code, section, addr, next))
		return false;
	// Somebody takes the address of the end of this text.
	uint64_t len;
	if (graft_constant_text(code->image, addr, &len) && len > next - addr)
		return true;
	if (section->flags & SHF_WRITE)
		return next - addr <= ROW_MAX;
	return !is_text(code, addr, next) &&
	       !is_text(code, next, next_of(code, section, next));
}

uint64_t
graft_reach_end(const struct graft_code *code, uint64_t addr)
{
	uint64_t next;

	while (graft_reach_goes_on(code, addr, &next))
		addr = next;
	return next;
}

/** Find the section that an address is in, or that it is the end of. */
static const struct graft_section *
section_before(const struct graft_image *image, uint64_t addr)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (section && section->addr != addr)
		return section;
	const struct graft_section *before = graft_image_section_at(image,
								    addr - 1);
	return before && graft_area_of_section(before) == GRAFT_AREA_CONSTANT &&
			       graft_area_of_section(section) == GRAFT_AREA_NONE
		       ? before
		       : section;
}

uint64_t
graft_reach_start(const struct graft_code *code, uint64_t addr)
{
	const struct graft_section *section = section_before(code->image, addr);

	if (!section)
		return addr;
	size_t low = graft_sorted_below(code->starts, code->start_count, addr);
	uint64_t start = section->addr;
	// Text among text is text of its own.
	if (low > 0 && is_all_text(code, code->starts[low - 1], addr) &&
	    is_text(code, addr, next_of(code, section, addr)))
		return addr;
	while (low > 0 && code->starts[low - 1] >= section->addr) {
		uint64_t next;
		start = code->starts[--low];
		if (low == 0 || code->starts[low - 1] < section->addr ||
		    !graft_reach_goes_on(code, code->starts[low - 1], &next))
			break;
	}
	return start;
}

static const struct graft_ref *
ref_of(const struct graft_closure *closure, uint32_t resolution)
{
	const struct graft_diff *diff = closure->diff;

	return &diff->new_code->refs[diff->resolutions[resolution].ref];
}

/** May the reference be the address, or the end, of a constant? */
static bool
is_candidate(const struct graft_closure *closure, uint32_t resolution)
{
	const struct graft_ref *ref = ref_of(closure, resolution);
	const struct graft_image *image = closure->diff->new_image;

	if (ref->kind != GRAFT_REF_ADDRESS)
		return false;
	switch (graft_area_of(image, ref->target)) {
	case GRAFT_AREA_CODE:
	case GRAFT_AREA_PLT:
	case GRAFT_AREA_DATA:
		return false;
	default:
		return true;
	}
}

/** Put indexes of resolutions in the order of their targets. */
static void
sort_by_target(const struct graft_closure *closure, uint32_t *at, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap /= 2) {
		for (size_t i = gap; i < count; i++) {
			uint32_t moving = at[i];
			uint64_t target = ref_of(closure, moving)->target;
			size_t k = i;
			for (; k >= gap &&
			       ref_of(closure, at[k - gap])->target > target;
			     k -= gap)
				at[k] = at[k - gap];
			at[k] = moving;
		}
	}
}

/** Do all of them go to OLD, as far apart as in NEW, or all to the shadow? */
static bool
is_one_copy(const struct graft_closure *closure, const uint32_t *at,
	    size_t count)
{
	const struct graft_resolution *all = closure->diff->resolutions;
	const struct graft_resolution *first = &all[at[0]];
	uint64_t target = ref_of(closure, at[0])->target;

	for (size_t i = 1; i < count; i++) {
		const struct graft_resolution *r = &all[at[i]];
		if (r->place != first->place)
			return false;
		if (r->place == GRAFT_PLACE_OLD &&
		    r->old_addr - first->old_addr !=
			    ref_of(closure, at[i])->target - target)
			return false;
	}
	return true;
}

/** Let some resolutions go to the shadow, which holds all of [start, end). */
static struct graft_error *
move_to_shadow(struct graft_closure *closure, const uint32_t *at, size_t count,
	       uint64_t end)
{
	struct graft_diff *diff = closure->diff;
	struct graft_piece piece = { .addr = ref_of(closure, at[0])->target,
				     .thing = GRAFT_THING_CONSTANT };

	piece.size = end - piece.addr;
	if (diff->resolutions[at[0]].place == GRAFT_PLACE_OLD) {
		piece.moved = true;
		piece.old_addr = diff->resolutions[at[0]].old_addr;
		piece.old_size = graft_constant_extent(diff->old_code,
						       piece.old_addr);
	}
	for (size_t i = 0; i < count; i++) {
		struct graft_resolution *r = &diff->resolutions[at[i]];
		struct graft_question q = { .closure = closure,
					    .ref = ref_of(closure, at[i]),
					    .resolution = r };
		// What is not settled stays so.
		if (r->place != GRAFT_PLACE_OLD)
			continue;
		r->place = GRAFT_PLACE_NEW;
		r->old_addr = 0;
		struct graft_error *err = graft_spread_carry(
			&q, graft_spread_count(diff->new_code, q.ref));
		if (err)
			return err;
	}
	if (graft_area_of(diff->new_image, piece.addr) != GRAFT_AREA_CONSTANT)
		return NULL;
	return graft_closure_add_piece(closure, piece);
}

struct graft_error *
graft_reach_settle(struct graft_closure *closure, size_t first)
{
	struct graft_diff *diff = closure->diff;
	size_t most = diff->resolution_count - first;
	struct graft_error *err = NULL;
	size_t count = 0;
	GRAFT_FREE uint32_t *at = calloc(most + 1, sizeof(*at));
	if (!at)
		return graft_error_no_memory();

	for (size_t i = first; i < diff->resolution_count; i++) {
		if (is_candidate(closure, (uint32_t)i))
			at[count++] = (uint32_t)i;
	}
	sort_by_target(closure, at, count);
	for (size_t i = 0, end; !err && i < count; i = end) {
		uint64_t reach = graft_reach_end(
			diff->new_code, ref_of(closure, at[i])->target);
		for (end = i + 1;
		     end < count && ref_of(closure, at[end])->target <= reach;
		     end++) {
			uint64_t target = ref_of(closure, at[end])->target;
			uint64_t more = graft_reach_end(diff->new_code, target);
			// What follows the section is another thing.
			if (more > reach &&
			    graft_image_section_at(diff->new_image, target) ==
				    graft_image_section_at(
					    diff->new_image,
					    ref_of(closure, at[i])->target))
				reach = more;
		}
		if (end - i > 1 && !is_one_copy(closure, at + i, end - i))
			err = move_to_shadow(closure, at + i, end - i, reach);
	}
	return err;
}
