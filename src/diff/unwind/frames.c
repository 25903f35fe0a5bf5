// SPDX-License-Identifier: Apache-2.0

#include "diff/unwind/frames.h"

#include "base/vec.h"
#include "diff/change/change.h"
#include "diff/code/throws.h"
#include "diff/unwind/frame_table.h"
#include "diff/unwind/lsda.h"

#include <string.h>

void
graft_frames_free(struct graft_frames *frames)
{
	if (!frames)
		return;
	graft_eh_slots_deinit(&frames->old_slots);
	free(frames->slots);
	free(frames->bytes);
	free(frames->fixes);
	free(frames);
}

static struct graft_error *
find(struct graft_closure *closure, uint32_t func, const char *what)
{
	const struct graft_code *code = closure->diff->new_code;

	return graft_closure_find(
		closure,
		(struct graft_finding){ GRAFT_FINDING_UNWIND, func,
					code->funcs[func].addr, false, NULL },
		"%s", what);
}

/** The frames of a diff, made when they are first needed. */
static struct graft_error *
frames_of(struct graft_diff *diff, struct graft_frames **ret)
{
	struct graft_error *err = NULL;

	if (!diff->frames) {
		diff->frames = calloc(1, sizeof(*diff->frames));
		if (!diff->frames)
			return graft_error_no_memory();
		err = graft_eh_slots_find(diff->old_image,
					  &diff->frames->old_slots);
	}
	*ret = diff->frames;
	return err;
}

/** Find what is known of a slot of NEW, or NULL. */
static const struct graft_frame_slot *
find_slot(const struct graft_frames *frames, uint64_t new_slot)
{
	for (size_t i = 0; i < frames->slot_count; i++) {
		if (frames->slots[i].new_slot == new_slot)
			return &frames->slots[i];
	}
	return NULL;
}

/** Is it a relocation that puts an address into a slot? */
static bool
is_address(const struct graft_reloc *reloc)
{
	return reloc && (reloc->type == R_X86_64_64 ||
			 reloc->type == R_X86_64_GLOB_DAT ||
			 reloc->type == R_X86_64_RELATIVE);
}

/** Find the slot of OLD that holds the same, or carry the new one. */
static struct graft_error *
settle_slot(struct graft_closure *closure, uint32_t func,
	    struct graft_frames *frames, uint64_t new_slot)
{
	struct graft_diff *diff = closure->diff;
	struct graft_frame_slot slot = { .new_slot = new_slot };

	if (find_slot(frames, new_slot))
		return NULL;
	if (!is_address(graft_image_reloc_at(diff->new_image, new_slot)))
		return find(closure, func,
			    "a slot that its tables name has no relocation");
	for (size_t i = 0; i < frames->old_slots.count; i++) {
		bool same = false;
		struct graft_error *err = graft_change_same_slot(
			diff, frames->old_slots.addrs[i], new_slot, &same);
		if (err)
			return err;
		if (!same)
			continue;
		slot.old_slot = frames->old_slots.addrs[i];
		break;
	}
	struct graft_error *err = graft_vec_reserve(
		&frames->slots, &frames->slot_cap, frames->slot_count + 1,
		sizeof(*frames->slots));
	if (err)
		return err;
	frames->slots[frames->slot_count++] = slot;
	if (slot.old_slot)
		return NULL;
	return graft_closure_add_piece(closure,
				       (struct graft_piece){
					       .addr = new_slot,
					       .size = 8,
					       .thing = GRAFT_THING_GOT,
				       });
}

struct graft_error *
graft_frames_add_fix(struct graft_frames *frames, uint64_t field,
		     uint64_t new_slot)
{
	const struct graft_frame_slot *slot = find_slot(frames, new_slot);
	// A slot that is carried lies as far away as NEW's linker put it.
	if (!slot || !slot->old_slot)
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&frames->fixes, &frames->fix_cap, frames->fix_count + 1,
		sizeof(*frames->fixes));
	if (!err)
		frames->fixes[frames->fix_count++] = (struct graft_frame_fix){
			.new_addr = field,
			.new_slot = new_slot,
			.old_slot = slot->old_slot,
		};
	return err;
}

/** Settle the types that language-specific data name. */
static struct graft_error *
settle_types(struct graft_closure *closure, uint32_t func,
	     struct graft_frames *frames, const struct graft_lsda *lsda)
{
	struct graft_error *err = NULL;

	for (uint64_t i = 1; !err && i <= lsda->type_count; i++) {
		uint64_t field;
		bool indirect;
		uint64_t slot = graft_lsda_type(lsda, i, &field, &indirect);
		if (!slot)
			continue;
		if (!indirect || lsda->type_encoding != 0x9b)
			return find(
				closure, func,
				"the types that it catches are named in a way that is not known");
		err = settle_slot(closure, func, frames, slot);
		if (!err)
			err = graft_frames_add_fix(frames, field, slot);
	}
	return err;
}

/** Do all landing pads lie in the function itself? */
static bool
lands_inside(const struct graft_lsda *lsda, const struct graft_extent *extent)
{
	if (lsda->pad_base != extent->addr)
		return false;
	for (size_t i = 0; i < lsda->site_count; i++) {
		if (lsda->sites[i].pad >= extent->size)
			return false;
	}
	return true;
}

struct graft_error *
graft_frames_carry(struct graft_closure *closure, uint32_t func)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_func *f = &diff->new_code->funcs[func];
	const struct graft_extent *extent = f->extent;
	struct graft_frames *frames;

	// An extent that is several functions is done with the first.
	if (!extent || !extent->lsda || extent->addr != f->addr)
		return NULL;
	GRAFT_CLEANUP(graft_lsda_deinit) struct graft_lsda lsda = { 0 };
	struct graft_error *err = frames_of(diff, &frames);
	if (err)
		return err;
	err = graft_lsda_read(diff->new_image, extent, &lsda);
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	if (err) {
		struct graft_error *more = find(closure, func,
						graft_error_message(err));
		graft_error_free(err);
		return more;
	}
	if (!lands_inside(&lsda, extent))
		return find(closure, func,
			    "an exception lands outside of the function");
	if (!extent->personality || !extent->personality_indirect)
		return find(closure, func,
			    "its personality routine is named without a slot");
	err = graft_closure_add_piece(closure,
				      (struct graft_piece){
					      .addr = lsda.addr,
					      .size = lsda.len,
					      .thing = GRAFT_THING_CONSTANT,
				      });
	if (!err)
		err = settle_slot(closure, func, frames, extent->personality);
	return err ? err : settle_types(closure, func, frames, &lsda);
}

/**
 * See that no function of OLD lands in the middle of another one that is
 * replaced: a jump at its start would not catch that.
 */
static struct graft_error *
check_landings(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	size_t count;
	const struct graft_extent *extents =
		graft_image_extents(diff->old_image, &count);

	for (size_t i = 0; i < count; i++) {
		GRAFT_CLEANUP(graft_lsda_deinit) struct graft_lsda lsda = { 0 };
		if (!extents[i].lsda)
			continue;
		struct graft_error *err = graft_lsda_read(diff->old_image,
							  &extents[i], &lsda);
		if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
			return err;
		bool inside = !err && lands_inside(&lsda, &extents[i]);
		graft_error_free(err);
		if (inside)
			continue;
		struct graft_finding finding = { GRAFT_FINDING_UNWIND,
						 GRAFT_NONE, extents[i].addr,
						 true, NULL };
		return graft_closure_find(
			closure, finding,
			"a function of OLD may land in another one");
	}
	return NULL;
}

/** May an exception pass through anything that is carried? */
static struct graft_error *
are_needed(const struct graft_diff *diff, bool *ret)
{
	*ret = false;
	if (diff->carried_count == 0 || (!graft_throws_known(diff->new_image) &&
					 !graft_throws_known(diff->old_image)))
		return NULL;
	GRAFT_FREE bool *may = NULL;
	struct graft_error *err = graft_throws_make(diff->new_code, &may);

	for (size_t i = 0; !err && i < diff->carried_count; i++) {
		const struct graft_extent *extent =
			diff->new_code->funcs[diff->carried[i]].extent;
		*ret |= may[diff->carried[i]] || (extent && extent->lsda);
	}
	return err;
}

static int
by_field(const void *x, const void *y)
{
	const struct graft_frame_fix *a = x;
	const struct graft_frame_fix *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

struct graft_error *
graft_frames_make(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	struct graft_frames *frames;
	bool needed;
	const char *why = NULL;
	struct graft_error *err = are_needed(diff, &needed);

	if (!err && diff->carried_count)
		err = check_landings(closure);
	if (err || !needed)
		return err;
	err = frames_of(diff, &frames);
	if (!err)
		err = graft_frame_table_make(diff, frames, &why);
	if (err)
		return err;
	if (why)
		return find(closure, diff->carried[0], why);
	if (frames->fix_count)
		qsort(frames->fixes, frames->fix_count, sizeof(*frames->fixes),
		      by_field);
	return NULL;
}
