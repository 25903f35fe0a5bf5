// SPDX-License-Identifier: Apache-2.0

#include "judge/data/rooms.h"

#include "base/cleanup.h"
#include "base/sorted.h"
#include "diff/code/area.h"

#include <stdlib.h>

/** Compilers align objects to a cache line at most. */
static const uint64_t align_max = 64;
/** How often what is known of one end is asked for the other. */
static const int rounds_max = 8;
/** Linkers align the end of a section to a word at most. */
static const uint64_t end_align = 8;

static int
compare(const void *a, const void *b)
{
	const struct graft_anchor *x = a;
	const struct graft_anchor *y = b;

	return (x->old_addr > y->old_addr) - (x->old_addr < y->old_addr);
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
		rooms.olds[rooms.old_count++] = anchors->list[i];
	if (rooms.old_count)
		qsort(rooms.olds, rooms.old_count, sizeof(*rooms.olds),
		      compare);
	struct graft_error *err = graft_taken_collect(diff->old_code,
						      &rooms.old_taken);
	if (!err)
		err = graft_taken_collect(diff->new_code, &rooms.new_taken);
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
	graft_taken_deinit(&rooms->old_taken);
	graft_taken_deinit(&rooms->new_taken);
	*rooms = (struct graft_rooms){ 0 };
}

static uint64_t
end_of(const struct graft_section *section)
{
	return section->addr + section->size;
}

/** How many OLD addresses of anchors are below @p addr? */
static size_t
count_below(const struct graft_rooms *rooms, uint64_t addr)
{
	return GRAFT_SORTED_BELOW(rooms->olds, rooms->old_count, old_addr,
				  addr);
}

/** Find the anchor behind an address in OLD, or the end of the section. */
static uint64_t
old_behind(const struct graft_rooms *rooms, uint64_t addr)
{
	size_t at = count_below(rooms, addr + 1);
	uint64_t end = end_of(rooms->anchors->old_section);

	return at < rooms->old_count && rooms->olds[at].old_addr < end
		       ? rooms->olds[at].old_addr
		       : end;
}

/** Find the anchor before an address in OLD, or the section's start. */
static uint64_t
old_before(const struct graft_rooms *rooms, uint64_t addr)
{
	size_t at = count_below(rooms, addr);
	uint64_t start = rooms->anchors->old_section->addr;

	return at > 0 && rooms->olds[at - 1].old_addr > start
		       ? rooms->olds[at - 1].old_addr
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

static uint64_t
align_of(uint64_t addr)
{
	uint64_t align = addr & -addr;

	return align && align < align_max ? align : align_max;
}

/**
 * The bytes that alignment may have left free before an end of room: that of
 * what stands there, which is no larger than where it stands on either side, or
 * the linker's of a section's end.
 */
static uint64_t
padding_before(const struct graft_section *section, uint64_t end,
	       uint64_t other)
{
	uint64_t align = align_of(end);
	uint64_t there = align_of(other);

	if (end == end_of(section))
		return end_align;
	return there < align ? there : align;
}

/** The room of the last object of a block, on both sides. */
struct room {
	uint64_t was;
	uint64_t is;
	/** Where it ends. */
	uint64_t old_end;
	uint64_t new_end;
	/** Where what stands there is on the other side; 0: nobody knows. */
	uint64_t old_end_is;
	uint64_t new_end_was;
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
	size_t behind = count_below(rooms, room.old_end);
	if (behind < rooms->old_count &&
	    rooms->olds[behind].old_addr == room.old_end)
		room.old_end_is = rooms->olds[behind].new_addr;
	if (i + 1 < a->count)
		room.new_end_was = a->list[i + 1].old_addr;
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
	uint64_t is_used = graft_taken_used_end(&rooms->new_taken, new_front,
						room.new_end);
	uint64_t was_used = graft_taken_used_end(&rooms->old_taken, old_front,
						 room.old_end);

	// An address of which all is known that becomes of it is a name, too.
	return is_used <= room.new_end && was_used <= room.old_end &&
	       is_used <= a->list[i].new_addr + room.was;
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
		return room.was - room.is <
		       padding_before(rooms->anchors->old_section, room.old_end,
				      room.old_end_is);
	// Where no code changed, none reaches farther than before.
	return rooms->diff->carried_count == 0 &&
	       room.is - room.was < padding_before(rooms->anchors->new_section,
						   room.new_end,
						   room.new_end_was);
}

/** What moved as a whole. */
struct block {
	uint64_t new_addr;
	uint64_t old_addr;
	/** Index of its first anchor. */
	size_t anchor;
	/** Something in it has its address taken, and may go on behind it. */
	bool open;
	/** What goes on ends before the lock that stands here. */
	uint64_t new_lock;
	uint64_t old_lock;
};

/** Look whether a block may go on behind its room, and where that surely ends. */
static void
look_behind(const struct graft_rooms *rooms, const struct room *room,
	    struct block *block)
{
	uint64_t is_last = block->new_addr;
	uint64_t was_last = block->old_addr;
	bool is_open = graft_taken_goes_on(&rooms->new_taken, block->new_addr,
					   room->new_end, &is_last);
	bool was_open = graft_taken_goes_on(&rooms->old_taken, block->old_addr,
					    room->old_end, &was_last);

	block->open = is_open || was_open;
	block->new_lock = graft_taken_lock_behind(&rooms->new_taken, is_last);
	block->old_lock = graft_taken_lock_behind(&rooms->old_taken, was_last);
}

/** Cut the anchors into blocks, in the order of NEW. */
static size_t
cut(const struct graft_rooms *rooms, struct block *blocks)
{
	const struct graft_anchors *a = rooms->anchors;
	size_t count = 0;

	for (size_t i = 0, end; i < a->count; i = end) {
		for (end = i + 1; joins(rooms, end); end++)
			;
		struct room room = room_of(rooms, end - 1);
		struct block *block = &blocks[count++];
		*block = (struct block){ .new_addr = a->list[i].new_addr,
					 .old_addr = a->list[i].old_addr,
					 .anchor = i };
		look_behind(rooms, &room, block);
	}
	return count;
}

/** Where what goes on behind a block surely ends, on both sides. */
struct limits {
	uint64_t new_end;
	uint64_t old_end;
};

static void
lower(uint64_t *limit, uint64_t addr)
{
	if (addr < *limit)
		*limit = addr;
}

/**
 * Find where what is open in a block ends: before a lock, and before what is in
 * front of it on the other side. What stands behind the end on one side is
 * another thing, before which it ends on the other side too.
 */
static struct limits
limits_of(const struct block *blocks, size_t count, size_t at)
{
	const struct block *p = &blocks[at];
	struct limits limits = { p->new_lock, p->old_lock };
	struct limits last;
	int rounds = 0;

	do {
		last = limits;
		for (size_t i = 0; i < count; i++) {
			const struct block *q = &blocks[i];
			bool other = q->new_addr >= limits.new_end ||
				     q->old_addr >= limits.old_end ||
				     q->new_addr < p->new_addr ||
				     q->old_addr < p->old_addr;
			if (other && q->new_addr > p->new_addr)
				lower(&limits.new_end, q->new_addr);
			if (other && q->old_addr > p->old_addr)
				lower(&limits.old_end, q->old_addr);
		}
		// Earlier there is only less that is known.
	} while (++rounds < rounds_max && (last.new_end != limits.new_end ||
					   last.old_end != limits.old_end));
	return limits;
}

/** Find where an object of a build begins of which a reference shows a stretch. */
static uint64_t
stretch_of(const struct graft_ref *ref, uint64_t *len_ret)
{
	if (ref->kind != GRAFT_REF_ADDRESS)
		return (*len_ret = 0);
	*len_ret = ref->end_of ? ref->target - ref->end_of : ref->span;
	return ref->end_of ? ref->end_of : ref->target;
}

/**
 * Find what stands where code shows that all is one object, and stood otherwise
 * to the rest of it.
 *
 * @param[in] side The code of one build.
 * @return Index of the anchor, or the number of anchors.
 */
static size_t
find_torn(const struct graft_rooms *rooms, const struct graft_code *side)
{
	const struct graft_anchors *a = rooms->anchors;
	bool old = side == rooms->diff->old_code;

	for (size_t r = 0; r < side->ref_count; r++) {
		const struct graft_anchor *first = NULL;
		uint64_t len;
		uint64_t start = stretch_of(&side->refs[r], &len);
		for (size_t i = 0; len && i < a->count; i++) {
			const struct graft_anchor *at = &a->list[i];
			uint64_t addr = old ? at->old_addr : at->new_addr;
			if (addr - start >= len)
				continue;
			if (!first)
				first = at;
			if (at->new_addr - first->new_addr !=
			    at->old_addr - first->old_addr)
				return i;
		}
	}
	return a->count;
}

/** Look for what may have moved inside of what goes on behind its block. */
static struct graft_error *
find_behind(const struct graft_rooms *rooms, bool *found_ret, size_t *ret)
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
		struct limits limits = limits_of(blocks, count, p);
		for (size_t q = p + 1; q < count; q++) {
			if (blocks[q].old_addr < blocks[p].old_addr ||
			    blocks[q].old_addr >= limits.old_end ||
			    blocks[q].new_addr >= limits.new_end ||
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

struct graft_error *
graft_rooms_find_mixed(const struct graft_rooms *rooms, bool *found_ret,
		       size_t *ret)
{
	const struct graft_code *const sides[] = { rooms->diff->new_code,
						   rooms->diff->old_code };

	for (int i = 0; i < 2; i++) {
		size_t torn = find_torn(rooms, sides[i]);
		if (torn == rooms->anchors->count)
			continue;
		*found_ret = true;
		*ret = torn;
		return NULL;
	}
	return find_behind(rooms, found_ret, ret);
}
