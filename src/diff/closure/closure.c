// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/closure.h"

#include "base/vec.h"
#include "diff/closure/entry.h"
#include "diff/closure/position.h"
#include "diff/closure/resolve.h"
#include "diff/code/area.h"
#include "diff/constant/texts.h"
#include "diff/match/match.h"
#include "diff/match/names.h"
#include "diff/unwind/frames.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct graft_error *
graft_closure_find(struct graft_closure *closure, struct graft_finding finding,
		   const char *fmt, ...)
{
	struct graft_diff *diff = closure->diff;
	struct graft_error *err = graft_vec_reserve(
		&diff->findings, &closure->finding_cap, diff->finding_count + 1,
		sizeof(*diff->findings));
	if (err)
		return err;

	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&finding.text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return graft_error_no_memory();
	diff->findings[diff->finding_count++] = finding;
	return NULL;
}

static struct graft_error *
enqueue(struct graft_closure *closure, uint32_t func)
{
	struct graft_diff *diff = closure->diff;
	struct graft_func_match *match = &diff->new_match[func];

	if (match->carried)
		return NULL;
	struct graft_error *err = graft_vec_reserve(
		&closure->queue, &closure->queue_cap, closure->queue_count + 1,
		sizeof(*closure->queue));
	if (err)
		return err;
	match->carried = true;
	closure->queue[closure->queue_count++] = func;
	return NULL;
}

/** Replace all of an OLD group, if that was not done already. */
static struct graft_error *
replace_group(struct graft_closure *closure, uint32_t group)
{
	struct graft_diff *diff = closure->diff;
	struct graft_error *err = NULL;

	if (diff->old_match[group].carried)
		return NULL;
	for (uint32_t i = group; !err && i != GRAFT_NONE;
	     i = diff->old_code->funcs[i].group_next) {
		diff->old_match[i].carried = true;
		if (diff->old_match[i].other != GRAFT_NONE)
			err = enqueue(closure, diff->old_match[i].other);
	}
	return err;
}

/** Enqueue what goes with a function: its group, and that of its old self. */
static struct graft_error *
enqueue_groups(struct graft_closure *closure, uint32_t func)
{
	const struct graft_diff *diff = closure->diff;
	const struct graft_func *funcs = diff->new_code->funcs;
	uint32_t other = diff->new_match[func].other;
	struct graft_error *err = NULL;

	if (other != GRAFT_NONE)
		err = replace_group(closure,
				    diff->old_code->funcs[other].group);
	// The first of a group brings the others.
	if (!err && funcs[func].group != func)
		return enqueue(closure, funcs[func].group);
	for (uint32_t i = func; !err && i != GRAFT_NONE;
	     i = funcs[i].group_next)
		err = enqueue(closure, i);
	return err;
}

struct graft_error *
graft_closure_carry(struct graft_closure *closure, uint32_t func)
{
	// What is enqueued here is gone over here: a group may be so large that
	// recursion would run out of stack.
	size_t at = closure->queue_count;
	struct graft_error *err = enqueue(closure, func);

	for (; !err && at < closure->queue_count; at++)
		err = enqueue_groups(closure, closure->queue[at]);
	return err;
}

struct graft_error *
graft_closure_add_piece(struct graft_closure *closure, struct graft_piece piece)
{
	struct graft_diff *diff = closure->diff;
	uint64_t end = piece.addr + piece.size;

	for (size_t i = 0; i < diff->piece_count; i++) {
		struct graft_piece *p = &diff->pieces[i];
		// What OLD it stands for is not lost in what is around it.
		bool told = !piece.old_addr || p->old_addr;
		if (told && piece.addr >= p->addr && end <= p->addr + p->size) {
			p->moved &= piece.moved;
			return NULL;
		}
	}
	struct graft_error *err =
		graft_vec_reserve(&diff->pieces, &closure->piece_cap,
				  diff->piece_count + 1, sizeof(*diff->pieces));
	if (!err)
		diff->pieces[diff->piece_count++] = piece;
	return err;
}

/** Resolve the pointers in a piece. */
static struct graft_error *
resolve_pointers(struct graft_closure *closure, struct graft_piece piece)
{
	uint64_t end = piece.addr + piece.size;
	struct graft_error *err = NULL;
	size_t count;
	const struct graft_reloc *relocs =
		graft_image_relocs(closure->diff->new_image, &count);
	size_t low = 0;
	size_t high = count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (relocs[mid].addr < piece.addr)
			low = mid + 1;
		else
			high = mid;
	}
	for (; !err && low < count && relocs[low].addr < end; low++)
		err = graft_resolve_pointer(closure, &relocs[low]);
	return err;
}

/** Carry what changed, and go on until nothing more is needed. */
static struct graft_error *
carry_all(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	struct graft_error *err = NULL;

	for (uint32_t n = 0; !err && n < diff->new_code->func_count; n++) {
		if (diff->new_match[n].other != GRAFT_NONE &&
		    diff->new_match[n].change)
			err = graft_closure_carry(closure, n);
	}
	// A chain of pointers may be as long as the file: pieces wait in line
	// like functions do.
	size_t func = 0;
	size_t piece = 0;
	while (!err &&
	       (func < closure->queue_count || piece < diff->piece_count)) {
		if (func < closure->queue_count)
			err = graft_resolve_func(closure,
						 closure->queue[func++]);
		else
			err = resolve_pointers(closure, diff->pieces[piece++]);
	}
	return err;
}

static int
by_value(const void *x, const void *y)
{
	const uint32_t *a = x;
	const uint32_t *b = y;

	return (*a > *b) - (*a < *b);
}

static int
by_pointer(const void *x, const void *y)
{
	const struct graft_pointer *a = x;
	const struct graft_pointer *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

/** Put the results in order; pieces that overlap made some pointers twice. */
static void
put_in_order(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	size_t kept = 0;

	diff->carried = GRAFT_TAKE(closure->queue);
	diff->carried_count = closure->queue_count;
	if (diff->carried_count)
		qsort(diff->carried, diff->carried_count,
		      sizeof(*diff->carried), by_value);
	for (size_t i = 0; i < diff->carried_count; i++)
		diff->added_count += diff->new_match[diff->carried[i]].other ==
				     GRAFT_NONE;
	if (diff->pointer_count)
		qsort(diff->pointers, diff->pointer_count,
		      sizeof(*diff->pointers), by_pointer);
	for (size_t i = 0; i < diff->pointer_count; i++) {
		if (kept == 0 || diff->pointers[kept - 1].new_addr !=
					 diff->pointers[i].new_addr)
			diff->pointers[kept++] = diff->pointers[i];
	}
	diff->pointer_count = kept;
}

/**
 * Callers from outside come by symbol: each exported name must lead to
 * functions that match, or OLD folded two into one.
 */
static struct graft_error *
check_exports(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	size_t count;
	const struct graft_symbol *symbols =
		graft_image_symbols(diff->new_image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *symbol = &symbols[i];
		if (!symbol->dynamic || !symbol->defined ||
		    (symbol->type != STT_FUNC && symbol->type != STT_GNU_IFUNC))
			continue;
		const struct graft_symbol *old_symbol =
			graft_names_old(diff->names, symbol);
		if (!old_symbol)
			continue;
		uint32_t n = graft_code_func_at(diff->new_code, symbol->addr);
		uint32_t o = graft_code_func_at(diff->old_code,
						old_symbol->addr);
		if (n == GRAFT_NONE || o == GRAFT_NONE ||
		    diff->new_match[n].other == o)
			continue;
		if (!diff->old_match[o].carried &&
		    !diff->new_match[n].carried &&
		    graft_match_same_form(diff, o, n))
			continue;
		struct graft_error *err = graft_closure_find(
			closure,
			(struct graft_finding){ GRAFT_FINDING_FOLDED, n,
						symbol->addr, false, NULL },
			"the exported name %s leads to a function that stands "
			"for another one in the old build",
			symbol->name);
		if (err)
			return err;
	}
	return NULL;
}

/** Code with absolute addresses in it that the loader writes cannot be moved. */
static struct graft_error *
check_position(struct graft_closure *closure)
{
	struct graft_diff *diff = closure->diff;
	struct graft_finding finding = { GRAFT_FINDING_POSITION, GRAFT_NONE, 0,
					 false, NULL };
	size_t count;

	struct graft_error *err = graft_position_check(closure);
	if (err || diff->carried_count == 0 ||
	    graft_image_is_fixed(diff->new_image) ||
	    graft_image_is_fixed(diff->old_image))
		return err;
	const struct graft_reloc *relocs = graft_image_relocs(diff->new_image,
							      &count);
	for (size_t i = 0; i < count; i++) {
		if (graft_area_of(diff->new_image, relocs[i].addr) !=
		    GRAFT_AREA_CODE)
			continue;
		finding.addr = relocs[i].addr;
		return graft_closure_find(closure, finding,
					  "code is relocated at 0x%llx",
					  (unsigned long long)finding.addr);
	}
	return NULL;
}

struct graft_error *
graft_closure_make(struct graft_diff *diff)
{
	struct graft_closure closure = { .diff = diff };
	struct graft_error *err = carry_all(&closure);

	if (!err) {
		put_in_order(&closure);
		err = graft_entry_find(&closure);
	}
	if (!err)
		err = graft_frames_make(&closure);
	if (!err)
		err = check_exports(&closure);
	if (!err)
		err = check_position(&closure);
	free(closure.queue);
	graft_text_index_free(closure.texts);
	graft_inlined_deinit(&closure.inlined);
	return err;
}
