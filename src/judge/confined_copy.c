// SPDX-License-Identifier: Apache-2.0

// Objects that are copied between frames and other memory: a copy outlives the
// frame, with the layout that the object had.

#include "judge/confined_search.h"

#include "base/vec.h"

enum {
	/** So many bytes at once are no single member: an object is copied. */
	WIDE = 16,
};

bool
graft_confined_is_memory(const struct graft_confined_run *run,
			 const struct graft_op *op, int64_t *ret)
{
	const struct graft_code *code = run->all->code;
	uint32_t ref = code->insns[op->insn].ref;
	const struct graft_section *section = NULL;

	*ret = op->disp;
	if (!op->has_ref)
		return true;
	if (ref == GRAFT_NONE)
		return false;
	*ret = (int64_t)code->refs[ref].target;
	section = graft_image_section_at(code->image, code->refs[ref].target);
	return section && graft_section_is_writable(section);
}

/** Note that a word is copied, once. */
static void
copied(struct graft_confined_run *run, const struct graft_confined_copy *copy)
{
	struct graft_confined *all = run->all;

	for (size_t i = 0; i < all->copy_count; i++) {
		const struct graft_confined_copy *other = &all->copies[i];
		if (other->who == copy->who && other->off == copy->off &&
		    other->distance == copy->distance &&
		    other->out == copy->out)
			return;
	}
	if (run->err)
		return;
	run->err = graft_vec_reserve(&all->copies, &all->copy_cap,
				     all->copy_count + 1, sizeof(*all->copies));
	if (!run->err)
		all->copies[all->copy_count++] = *copy;
}

void
graft_confined_note_copy(struct graft_confined_run *run,
			 const struct graft_op *op,
			 const struct graft_confined_value *value,
			 const struct graft_confined_value *place)
{
	bool to_frame = place->kind == GRAFT_CONFINED_OWN ||
			place->kind == GRAFT_CONFINED_FRAME;
	uint32_t own = run->body->func;
	struct graft_confined_copy copy = { .out = !to_frame };
	int64_t at;

	if (value->kind == GRAFT_CONFINED_CONTENT && !to_frame) {
		(void)graft_confined_is_memory(run, op, &at);
		copy.who = value->who;
		copy.off = value->off;
		copy.distance = at - value->off;
	} else if (value->kind == GRAFT_CONFINED_MEMORY && to_frame) {
		copy.who = place->kind == GRAFT_CONFINED_OWN ? own : place->who;
		copy.off = place->off;
		copy.distance = (int64_t)value->off - place->off;
	} else {
		return;
	}
	if (op->mem_size >= WIDE || place->vague || value->vague)
		graft_confined_mark(run, &(struct graft_confined_value){
						 .kind = GRAFT_CONFINED_FRAME,
						 .who = copy.who,
						 .base = copy.off });
	else
		copied(run, &copy);
}
