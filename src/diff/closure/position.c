// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/position.h"

#include "diff/code/area.h"

#include <string.h>

/** Note something about a build as a whole. */
static struct graft_error *
note(struct graft_closure *closure, const char *what)
{
	struct graft_finding finding = { GRAFT_FINDING_POSITION, GRAFT_NONE, 0,
					 false, NULL };

	return graft_closure_find(closure, finding,
				  "the file is linked to a fixed address (no "
				  "PIE), and %s; build it as PIE, or link it "
				  "with --emit-relocs and do not strip it",
				  what);
}

/** Do two builds have the same contents at the same places, but for notes? */
static bool
is_all_the_same(const struct graft_diff *diff)
{
	size_t old_count;
	size_t new_count;
	const struct graft_section *o = graft_image_sections(diff->old_image,
							     &old_count);
	const struct graft_section *n = graft_image_sections(diff->new_image,
							     &new_count);

	if (old_count != new_count)
		return false;
	for (size_t i = 0; i < new_count; i++) {
		if (o[i].addr != n[i].addr || o[i].size != n[i].size ||
		    strcmp(o[i].name, n[i].name) != 0 ||
		    !o[i].bytes != !n[i].bytes)
			return false;
		if (n[i].bytes && n[i].type != SHT_NOTE &&
		    memcmp(o[i].bytes, n[i].bytes, n[i].size) != 0)
			return false;
	}
	return true;
}

static const char *
bound_text(uint8_t bound)
{
	switch (bound) {
	case GRAFT_BOUND_FOLDED:
		return "an absolute address is part of an operand, which is "
		       "not followed; build it as PIE";
	case GRAFT_BOUND_NUMBER:
	case GRAFT_BOUND_DROPPED:
		return "it holds a number that would be an address, and no "
		       "relocation says whether it is one";
	case GRAFT_BOUND_DISTANCE:
		return "it reckons from the GOT where functions and data are, "
		       "or calls through addresses of 64 bits, which no rule "
		       "can follow; build it without -mcmodel=medium or large";
	default:
		return "a relocation is at no operand, or leads to no address";
	}
}

/** Note what ties functions of one side to their place. */
static struct graft_error *
check_side(struct graft_closure *closure, bool in_old)
{
	const struct graft_diff *diff = closure->diff;
	const struct graft_code *code = in_old ? diff->old_code
					       : diff->new_code;
	const struct graft_func_match *match = in_old ? diff->old_match
						      : diff->new_match;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < code->func_count; i++) {
		const struct graft_func *f = &code->funcs[i];
		// What contradicts itself is not to be trusted elsewhere.
		bool counts = match[i].carried || match[i].change ||
			      f->bound >= GRAFT_BOUND_DROPPED;
		// Findings are about functions of NEW.
		uint32_t func = in_old ? match[i].other : i;
		if (!f->bound || !counts ||
		    (in_old && func != GRAFT_NONE &&
		     diff->new_code->funcs[func].bound == f->bound))
			continue;
		err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_POSITION, func,
						f->bound_at, in_old, NULL },
			"%s", bound_text(f->bound));
	}
	return err;
}

/** Note words of a carried constant that would be pointers, and no relocation says
 * whether they are. */
static struct graft_error *
check_constants(struct graft_closure *closure)
{
	const struct graft_diff *diff = closure->diff;
	const struct graft_image *image = diff->new_image;

	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		uint64_t at = (piece->addr + 7) & ~(uint64_t)7;
		for (; at + 8 <= piece->addr + piece->size; at += 8) {
			const uint8_t *bytes = graft_image_bytes(image, at, 8);
			uint64_t value = 0;
			for (size_t k = 0; bytes && k < 8; k++)
				value |= (uint64_t)bytes[k] << (8 * k);
			if (!graft_image_section_at(image, value) ||
			    graft_image_reloc_at(image, at))
				continue;
			return graft_closure_find(
				closure,
				(struct graft_finding){ GRAFT_FINDING_POSITION,
							GRAFT_NONE, at, false,
							NULL },
				"a constant holds a number that would be an "
				"address, and no relocation says whether it is "
				"one");
		}
	}
	return NULL;
}

struct graft_error *
graft_position_check(struct graft_closure *closure)
{
	const struct graft_diff *diff = closure->diff;
	const char *old_fault = graft_image_fixed_fault(diff->old_image);
	const char *new_fault = graft_image_fixed_fault(diff->new_image);

	if (graft_image_is_fixed(diff->old_image) !=
	    graft_image_is_fixed(diff->new_image))
		return note(closure, "the other build is not");
	if (old_fault || new_fault)
		return is_all_the_same(diff)
			       ? NULL
			       : note(closure,
				      new_fault ? new_fault : old_fault);
	// What is the same needs no hotpatch, whatever it is.
	if (is_all_the_same(diff))
		return NULL;
	struct graft_error *err = check_side(closure, true);
	if (!err)
		err = check_side(closure, false);
	// In a file that may stand anywhere relocations are whole, or it would not run.
	return err || !graft_image_is_fixed(diff->new_image)
		       ? err
		       : check_constants(closure);
}
