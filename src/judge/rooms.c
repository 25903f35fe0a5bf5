// SPDX-License-Identifier: Apache-2.0

#include "judge/rooms.h"

#include "base/cleanup.h"
#include "base/sorted.h"
#include "diff/area.h"

#include <stdlib.h>

/** Compilers align objects to a cache line at most. */
static const uint64_t align_max = 64;

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static void
add_taken(const struct graft_code *code, struct graft_rooms_taken *taken,
	  uint64_t addr)
{
	if (graft_area_of(code->image, addr) == GRAFT_AREA_DATA)
		taken->list[taken->count++] = addr;
}

/** Collect what pointers in data lead to, and what other modules may name. */
static void
add_named(const struct graft_code *code, struct graft_rooms_taken *taken)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);

	for (size_t i = 0; i < count; i++) {
		uint64_t base = relocs[i].symbol ? relocs[i].symbol->addr : 0;
		const struct graft_section *section =
			graft_image_section_at(code->image, relocs[i].addr);
		// __dso_handle leads to itself; the start files have it first, but
		// for one word of programs.
		if (section && relocs[i].addr - section->addr <= 8 &&
		    base + (uint64_t)relocs[i].addend == relocs[i].addr)
			continue;
		if (!relocs[i].symbol || relocs[i].symbol->defined)
			add_taken(code, taken,
				  base + (uint64_t)relocs[i].addend);
	}
	const struct graft_symbol *symbols = graft_image_symbols(code->image,
								 &count);
	for (size_t i = 0; i < count; i++) {
		// A local name takes nothing.
		if (symbols[i].defined && symbols[i].dynamic &&
		    symbols[i].type == STT_OBJECT)
			add_taken(code, taken, symbols[i].addr);
	}
}

/** Collect the addresses of writable data that are taken in a build. */
static struct graft_error *
collect_taken(const struct graft_code *code, struct graft_rooms_taken *taken)
{
	size_t relocs;
	size_t symbols;
	(void)graft_image_relocs(code->image, &relocs);
	(void)graft_image_symbols(code->image, &symbols);
	taken->list = calloc(code->ref_count + relocs + symbols + 1,
			     sizeof(*taken->list));
	if (!taken->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		// The end of one thing is no place in the next.
		if (ref->kind == GRAFT_REF_ADDRESS && !ref->end_of &&
		    !ref->clones)
			add_taken(code, taken, ref->target);
	}
	add_named(code, taken);
	if (taken->count)
		qsort(taken->list, taken->count, sizeof(*taken->list), compare);
	return NULL;
}

struct graft_error *
graft_rooms_init(const struct graft_diff *diff,
		 const struct graft_anchors *anchors, struct graft_rooms *ret)
{
	GRAFT_CLEANUP(graft_rooms_deinit)
	struct graft_rooms rooms = { .diff = diff, .anchors = anchors };

	rooms.olds = calloc(anchors->count + 1, sizeof(*rooms.olds));
	if (!rooms.olds)
		return graft_error_no_memory();
	for (size_t i = 0; i < anchors->count; i++)
		rooms.olds[rooms.old_count++] = anchors->list[i].old_addr;
	if (rooms.old_count)
		qsort(rooms.olds, rooms.old_count, sizeof(*rooms.olds),
		      compare);
	struct graft_error *err = collect_taken(diff->old_code,
						&rooms.old_taken);
	if (!err)
		err = collect_taken(diff->new_code, &rooms.new_taken);
	if (err)
		return err;
	*ret = rooms;
	rooms = (struct graft_rooms){ 0 };
	return NULL;
}

void
graft_rooms_deinit(struct graft_rooms *rooms)
{
	free(rooms->olds);
	free(rooms->old_taken.list);
	free(rooms->new_taken.list);
	*rooms = (struct graft_rooms){ 0 };
}

static uint64_t
end_of(const struct graft_section *section)
{
	return section->addr + section->size;
}

/** Find the anchor behind an address in OLD, or the end of the section. */
static uint64_t
old_behind(const struct graft_rooms *rooms, uint64_t addr)
{
	size_t at = graft_sorted_up_to(rooms->olds, rooms->old_count, addr);
	uint64_t end = end_of(rooms->anchors->old_section);

	return at < rooms->old_count && rooms->olds[at] < end ? rooms->olds[at]
							      : end;
}

/** Find the anchor before an address in OLD, or the section's start. */
static uint64_t
old_before(const struct graft_rooms *rooms, uint64_t addr)
{
	size_t at = graft_sorted_below(rooms->olds, rooms->old_count, addr);
	uint64_t start = rooms->anchors->old_section->addr;

	return at > 0 && rooms->olds[at - 1] > start ? rooms->olds[at - 1]
						     : start;
}

bool
graft_rooms_follows(const struct graft_rooms *rooms, size_t i)
{
	const struct graft_anchors *a = rooms->anchors;
	uint64_t old_end = end_of(a->old_section);
	uint64_t next = i < a->count ? a->list[i].old_addr : old_end;

	if (i == 0)
		return old_before(rooms, next) == a->old_section->addr;
	return old_behind(rooms, a->list[i - 1].old_addr) == next;
}

/** Does an anchor follow the one before it, at the same distance? */
static bool
joins(const struct graft_rooms *rooms, size_t i)
{
	const struct graft_anchor *list = rooms->anchors->list;

	return i > 0 && i < rooms->anchors->count &&
	       graft_rooms_follows(rooms, i) &&
	       list[i].new_addr - list[i - 1].new_addr ==
		       list[i].old_addr - list[i - 1].old_addr;
}

/** Find the first anchor of the block that ends with the anchor @p i. */
static size_t
block_of(const struct graft_rooms *rooms, size_t i)
{
	while (joins(rooms, i))
		i--;
	return i;
}

/** Does anybody take an address behind @p start and before @p end? */
static bool
is_taken(const struct graft_rooms_taken *taken, uint64_t start, uint64_t end)
{
	size_t at = graft_sorted_up_to(taken->list, taken->count, start);

	return at < taken->count && taken->list[at] < end;
}

/** The bytes that the next thing's alignment may have left free before it. */
static uint64_t
padding_before(uint64_t addr)
{
	uint64_t align = addr & -addr;

	return align && align < align_max ? align : align_max;
}

/** The room of the last object of a block, on both sides. */
struct room {
	uint64_t was;
	uint64_t is;
	/** Where it ends. */
	uint64_t old_end;
	uint64_t new_end;
};

static struct room
room_of(const struct graft_rooms *rooms, size_t i)
{
	const struct graft_anchors *a = rooms->anchors;
	const struct graft_anchor *at = &a->list[i];
	uint64_t mark = graft_code_next_mark(rooms->diff->old_code,
					     at->old_addr);
	struct room room = {
		.new_end = i + 1 < a->count ? a->list[i + 1].new_addr
					    : end_of(a->new_section),
		.old_end = old_behind(rooms, at->old_addr),
	};

	// What is in OLD alone has its place there too.
	if (mark < room.old_end)
		room.old_end = mark;
	room.was = room.old_end - at->old_addr;
	room.is = room.new_end - at->new_addr;
	return room;
}

bool
graft_rooms_is_named_only(const struct graft_rooms *rooms, size_t i)
{
	const struct graft_anchors *a = rooms->anchors;
	size_t first = block_of(rooms, i);
	struct room room = room_of(rooms, i);
	uint64_t new_front = first ? a->list[first - 1].new_addr
				   : a->new_section->addr - 1;
	uint64_t old_front = old_before(rooms, a->list[first].old_addr);

	if (old_front == a->old_section->addr)
		old_front--;
	return !is_taken(&rooms->new_taken, new_front, room.new_end) &&
	       !is_taken(&rooms->old_taken, old_front, room.old_end);
}

bool
graft_rooms_fits(const struct graft_rooms *rooms, size_t i, uint64_t *was_ret,
		 uint64_t *is_ret)
{
	struct room room = room_of(rooms, i);

	*was_ret = room.was;
	*is_ret = room.is;
	if (graft_rooms_is_named_only(rooms, i))
		return true;
	if (room.is <= room.was)
		return room.was - room.is < padding_before(room.old_end);
	// Where no code changed, none reaches farther than before.
	return rooms->diff->carried_count == 0 &&
	       room.is - room.was < padding_before(room.new_end);
}

/** May an object with a taken address in a stretch go on behind it? */
static bool
goes_on(const struct graft_image *image, const struct graft_rooms_taken *taken,
	uint64_t start, uint64_t end)
{
	for (size_t i =
		     graft_sorted_up_to(taken->list, taken->count, start - 1);
	     i < taken->count && taken->list[i] < end; i++) {
		uint64_t addr = taken->list[i];
		const struct graft_symbol *symbol = graft_image_symbol_at(image,
									  addr);
		bool sized = symbol && symbol->type == STT_OBJECT &&
			     addr - symbol->addr < symbol->size;
		if (!sized || symbol->addr + symbol->size > end)
			return true;
	}
	return false;
}

/** What moved as a whole. */
struct block {
	uint64_t new_addr;
	uint64_t old_addr;
	/** Index of its first anchor. */
	size_t anchor;
	/** Something in it has its address taken, and may go on behind it. */
	bool open;
};

/** Cut the anchors into blocks, in the order of NEW. */
static size_t
cut(const struct graft_rooms *rooms, struct block *blocks)
{
	const struct graft_anchors *a = rooms->anchors;
	const struct graft_diff *diff = rooms->diff;
	size_t count = 0;

	for (size_t i = 0, end; i < a->count; i = end) {
		for (end = i + 1; joins(rooms, end); end++)
			;
		struct room room = room_of(rooms, end - 1);
		blocks[count++] = (struct block){
			.new_addr = a->list[i].new_addr,
			.old_addr = a->list[i].old_addr,
			.anchor = i,
			.open = goes_on(diff->new_image, &rooms->new_taken,
					a->list[i].new_addr, room.new_end) ||
				goes_on(diff->old_image, &rooms->old_taken,
					a->list[i].old_addr, room.old_end),
		};
	}
	return count;
}

/** Find where in OLD the first block behind another stands that is in front of
 * it in NEW: what is open ends before that. */
static uint64_t
old_limit(const struct block *blocks, size_t at)
{
	uint64_t limit = UINT64_MAX;

	for (size_t i = 0; i < at; i++) {
		if (blocks[i].old_addr > blocks[at].old_addr &&
		    blocks[i].old_addr < limit)
			limit = blocks[i].old_addr;
	}
	return limit;
}

struct graft_error *
graft_rooms_find_mixed(const struct graft_rooms *rooms, bool *found_ret,
		       size_t *ret)
{
	GRAFT_FREE struct block *blocks = calloc(rooms->anchors->count + 1,
						 sizeof(*blocks));
	if (!blocks)
		return graft_error_no_memory();

	size_t count = cut(rooms, blocks);
	*found_ret = false;
	for (size_t p = 0; p < count; p++) {
		if (!blocks[p].open)
			continue;
		uint64_t limit = old_limit(blocks, p);
		for (size_t q = p + 1;
		     q < count && blocks[q].old_addr > blocks[p].old_addr;
		     q++) {
			if (blocks[q].old_addr >= limit ||
			    blocks[q].new_addr - blocks[p].new_addr ==
				    blocks[q].old_addr - blocks[p].old_addr)
				continue;
			*found_ret = true;
			*ret = blocks[q].anchor;
			return NULL;
		}
	}
	return NULL;
}
