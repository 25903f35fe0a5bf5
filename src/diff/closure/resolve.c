// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/resolve.h"

#include "base/vec.h"
#include "diff/change/change.h"
#include "diff/closure/question.h"
#include "diff/closure/slot.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/constant/reach.h"
#include "diff/match/names.h"
#include "diff/unwind/frames.h"

static struct graft_error *
resolve(const struct graft_question *q)
{
	struct graft_diff *diff = q->closure->diff;

	bool done = false;

	if (q->ref->kind == GRAFT_REF_TLS)
		return graft_question_tls(q);
	struct graft_error *failed = graft_question_end(q, &done);
	if (failed || done)
		return failed;
	switch (graft_area_of(diff->new_image, q->ref->target)) {
	case GRAFT_AREA_CODE:
		return graft_question_code(q);
	case GRAFT_AREA_PLT:
		q->resolution->thing = GRAFT_THING_PLT;
		if (q->ref->absolute)
			return graft_question_stub(q);
		return graft_slot_resolve_plt(q->closure, q->ref,
					      q->resolution);
	case GRAFT_AREA_GOT:
		q->resolution->thing = GRAFT_THING_GOT;
		return graft_slot_resolve_got(q->closure, q->ref,
					      q->resolution);
	case GRAFT_AREA_CONSTANT:
		return graft_question_constant(q);
	case GRAFT_AREA_DATA:
		return graft_question_data(q);
	case GRAFT_AREA_NONE:
		break;
	}
	bool same = false;
	if (q->partner && q->partner->kind == q->ref->kind) {
		struct graft_error *err = graft_change_same_frame(
			diff, q->partner, q->ref, &same);
		if (err)
			return err;
	}
	if (same) {
		graft_question_put_old(q->resolution, q->partner->target);
		return NULL;
	}
	return graft_closure_find(
		q->closure, graft_question_finding(q, GRAFT_FINDING_UNRESOLVED),
		"a reference to 0x%llx, which is in no "
		"section with contents, or the end of one that changed",
		(unsigned long long)q->ref->target);
}

/** For each reference of a function the one of OLD at the same place. */
static struct graft_error *
find_partners(struct graft_diff *diff, uint32_t func, uint32_t **ret)
{
	const struct graft_func *nf = &diff->new_code->funcs[func];
	const struct graft_func_match *match = &diff->new_match[func];
	GRAFT_FREE uint32_t *partners = calloc(nf->ref_count + 1,
					       sizeof(*partners));
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t count = 0;
	if (!partners)
		return graft_error_no_memory();

	for (uint32_t i = 0; i < nf->ref_count; i++)
		partners[i] = GRAFT_NONE;
	if (match->other != GRAFT_NONE) {
		struct graft_error *err = graft_diff_align(
			diff, match->other, func, &pairs, &count);
		if (err)
			return err;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t o;
		uint32_t n;
		if (graft_insn_pair_refs(diff, &pairs[i], &o, &n))
			partners[n - nf->first_ref] = o;
	}
	*ret = GRAFT_TAKE(partners);
	return NULL;
}

struct graft_error *
graft_resolve_func(struct graft_closure *closure, uint32_t func)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_func *nf = &diff->new_code->funcs[func];
	GRAFT_FREE uint32_t *partners = NULL;
	size_t first = diff->resolution_count;
	struct graft_error *err = find_partners(diff, func, &partners);

	if (!err && nf->bad)
		err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_UNDECODABLE, func,
						nf->addr, false, NULL },
			"it holds bytes that are no instructions");
	for (uint32_t i = 0; !err && i < nf->ref_count; i++) {
		struct graft_resolution resolution = {
			.ref = nf->first_ref + i,
			.func = func,
		};
		struct graft_question q = {
			.closure = closure,
			.ref = &diff->new_code->refs[nf->first_ref + i],
			.resolution = &resolution,
		};
		if (partners[i] != GRAFT_NONE)
			q.partner = &diff->old_code->refs[partners[i]];
		err = resolve(&q);
		if (!err)
			err = graft_vec_reserve(&diff->resolutions,
						&closure->resolution_cap,
						diff->resolution_count + 1,
						sizeof(*diff->resolutions));
		if (!err)
			diff->resolutions[diff->resolution_count++] =
				resolution;
	}
	if (!err)
		err = graft_frames_carry(closure, func);
	return err ? err : graft_reach_settle(closure, first);
}

/**
 * Find where the constant that a pointer leads to may end.
 *
 * From every start that a reach goes over, it goes to the same end: the rows of
 * one table, each named by a pointer, are gone over once.
 */
static uint64_t
reach_end(struct graft_closure *closure, uint64_t addr)
{
	const struct graft_code *code = closure->diff->new_code;
	bool inside = addr > closure->reach_start &&
		      addr < closure->reach_end &&
		      graft_code_next_start(code, addr - 1) == addr;

	if (!inside) {
		closure->reach_start = addr;
		closure->reach_end = graft_reach_end(code, addr);
	}
	return closure->reach_end;
}

/** Resolve a pointer to a constant: the same one of OLD, or it is carried. */
static struct graft_error *
resolve_inner_constant(const struct graft_question *q)
{
	uint64_t target = q->ref->target;
	bool done = false;
	uint64_t old_addr;
	struct graft_error *err = graft_question_find_constant(q, 0, &old_addr,
							       &done);

	if (err || done)
		return err;
	q->resolution->place = GRAFT_PLACE_NEW;
	return graft_closure_add_piece(
		q->closure,
		(struct graft_piece){
			.addr = target,
			.size = reach_end(q->closure, target) - target,
			.thing = GRAFT_THING_CONSTANT,
			.old_addr = old_addr,
		});
}

/** Resolve the address that a pointer inside the module holds. */
static struct graft_error *
resolve_inner(struct graft_closure *closure, const struct graft_reloc *reloc,
	      uint64_t target, struct graft_pointer *pointer)
{
	// A pointer is like a `lea` that stands in data.
	struct graft_ref ref = { .target = target,
				 .at = reloc->addr,
				 .width = 8,
				 .kind = GRAFT_REF_ADDRESS };
	struct graft_resolution resolution = { .func = GRAFT_NONE };
	struct graft_question q = { .closure = closure,
				    .ref = &ref,
				    .resolution = &resolution };
	struct graft_error *err = NULL;
	struct graft_diff *diff = closure->diff;

	switch (graft_area_of(diff->new_image, target)) {
	case GRAFT_AREA_CODE:
		err = graft_question_code(&q);
		break;
	case GRAFT_AREA_CONSTANT:
		err = resolve_inner_constant(&q);
		break;
	case GRAFT_AREA_DATA:
		err = graft_question_data(&q);
		break;
	default:
		err = graft_closure_find(
			closure,
			graft_question_finding(&q, GRAFT_FINDING_UNRESOLVED),
			"a carried pointer goes to 0x%llx",
			(unsigned long long)target);
		break;
	}
	pointer->place = resolution.place;
	pointer->value = resolution.place == GRAFT_PLACE_OLD
				 ? resolution.old_addr
				 : target;
	return err;
}

struct graft_error *
graft_resolve_pointer(struct graft_closure *closure,
		      const struct graft_reloc *reloc)
{
	struct graft_diff *diff = closure->diff;
	struct graft_pointer pointer = { .new_addr = reloc->addr };
	struct graft_error *err = NULL;

	switch (reloc->type) {
	case R_X86_64_RELATIVE:
		err = resolve_inner(closure, reloc, (uint64_t)reloc->addend,
				    &pointer);
		break;
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_64:
		if (reloc->symbol && reloc->symbol->defined &&
		    !graft_names_old(diff->names, reloc->symbol)) {
			// Defined here, and only in NEW.
			err = resolve_inner(closure, reloc, reloc->symbol->addr,
					    &pointer);
			break;
		}
		pointer.symbol = reloc->symbol;
		// GLOB_DAT and JUMP_SLOT ignore the addend (psABI, table 4.10).
		if (reloc->type == R_X86_64_64)
			pointer.value = (uint64_t)reloc->addend;
		break;
	default:
		err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_UNRESOLVED,
						GRAFT_NONE, reloc->addr, false,
						NULL },
			"a carried pointer has relocation type %u",
			reloc->type);
		break;
	}
	if (!err)
		err = graft_vec_reserve(&diff->pointers, &closure->pointer_cap,
					diff->pointer_count + 1,
					sizeof(*diff->pointers));
	if (!err)
		diff->pointers[diff->pointer_count++] = pointer;
	return err;
}
