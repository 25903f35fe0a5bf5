// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/twin.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "judge/flow/parts.h"

#include <stdio.h>
#include <string.h>

/** Most cells of one table: a stretch of 4000 by 4000 instructions. */
static const uint64_t cells_max = 16U << 20;

enum {
	SCORE_SHAPE = 6,
	SCORE_IMM_DIFFERS = 40,
	SCORE_DISP_DIFFERS = 30,
	SCORE_REGS_DIFFER = 60,
	SCORE_SAME = 100,
};

enum step {
	STEP_NONE,
	STEP_OLD,
	STEP_NEW,
	STEP_BOTH,
};

/** A stretch of both sides between two pairs. */
struct gap {
	uint32_t o;
	uint32_t o_end;
	uint32_t n;
	uint32_t n_end;
	/** Least score of two that are paired. */
	int least;
};

/** Instructions of a stretch that have no counterpart yet. */
struct left {
	uint32_t *at;
	size_t count;
};

static int
score(const struct graft_twin *twin, const struct graft_op *o,
      const struct graft_op *n)
{
	if (o->shape != n->shape || o->has_ref != n->has_ref)
		return 0;
	bool frame = graft_op_in_frame(&twin->old_ops, o) &&
		     graft_op_in_frame(&twin->new_ops, n);
	bool disp = o->has_ref || frame || o->disp == n->disp;
	bool imm = o->imm == n->imm;
	bool regs = o->regs == n->regs;

	if (regs && disp && imm)
		return SCORE_SAME;
	if (disp && imm)
		return SCORE_REGS_DIFFER;
	if (regs && disp)
		return SCORE_IMM_DIFFERS;
	if (regs && imm)
		return SCORE_DISP_DIFFERS;
	return SCORE_SHAPE;
}

static struct graft_error *
add_pair(struct graft_twin *twin, size_t *cap, uint32_t o, uint32_t n)
{
	struct graft_error *err = graft_vec_reserve(
		&twin->pairs, cap, twin->count + 1, sizeof(*twin->pairs));
	if (err)
		return err;
	twin->pairs[twin->count++] = (struct graft_twin_pair){ .o = o, .n = n };
	twin->old_paired[o] = true;
	twin->new_paired[n] = true;
	return NULL;
}

/**
 * Fill the table from its end: steps[i][j] says how the best alignment of what
 * begins at (i, j) goes on.
 */
static void
fill_steps(const struct graft_twin *twin, const struct left *old_left,
	   const struct left *new_left, uint32_t *row, uint8_t *steps)
{
	size_t width = new_left->count;

	memset(row, 0, (width + 1) * sizeof(*row));
	for (size_t i = old_left->count; i-- > 0;) {
		const struct graft_op *o = &twin->old_ops.ops[old_left->at[i]];
		uint32_t diagonal = 0;
		for (size_t j = width; j-- > 0;) {
			const struct graft_op *n =
				&twin->new_ops.ops[new_left->at[j]];
			uint32_t points = (uint32_t)score(twin, o, n);
			uint32_t below = row[j];
			uint32_t best = below;
			uint8_t step = STEP_OLD;
			if (row[j + 1] > best) {
				best = row[j + 1];
				step = STEP_NEW;
			}
			if (points && diagonal + points >= best) {
				best = diagonal + points;
				step = STEP_BOTH;
			}
			diagonal = below;
			row[j] = best;
			steps[i * width + j] = step;
		}
	}
}

/** Add the pairs of a table. */
static struct graft_error *
walk_steps(struct graft_twin *twin, size_t *cap, const struct left *old_left,
	   const struct left *new_left, const uint8_t *steps, int least)
{
	struct graft_error *err = NULL;
	size_t i = 0;
	size_t j = 0;

	while (!err && i < old_left->count && j < new_left->count) {
		uint8_t step = steps[i * new_left->count + j];
		uint32_t o = old_left->at[i];
		uint32_t n = new_left->at[j];
		if (step == STEP_BOTH && score(twin, &twin->old_ops.ops[o],
					       &twin->new_ops.ops[n]) >= least)
			err = add_pair(twin, cap, o, n);
		i += step != STEP_NEW;
		j += step != STEP_OLD;
	}
	return err;
}

/** List what has no counterpart in a stretch; false if there is no memory. */
static bool
list_left(const bool *paired, uint32_t start, uint32_t end, struct left *ret)
{
	ret->at = calloc((size_t)end - start + 1, sizeof(*ret->at));
	for (uint32_t i = start; ret->at && i < end; i++) {
		if (!paired[i])
			ret->at[ret->count++] = i;
	}
	return ret->at != NULL;
}

static struct graft_error *
align_left(struct graft_twin *twin, size_t *cap, const struct left *old_left,
	   const struct left *new_left, int least)
{
	size_t height = old_left->count;
	size_t width = new_left->count;

	if (height == 0 || width == 0)
		return NULL;
	if ((uint64_t)height * width > cells_max) {
		twin->partial = true;
		return NULL;
	}
	GRAFT_FREE uint8_t *steps = malloc(height * width);
	GRAFT_FREE uint32_t *row = calloc(width + 1, sizeof(*row));
	if (!steps || !row)
		return graft_error_no_memory();
	fill_steps(twin, old_left, new_left, row, steps);
	return walk_steps(twin, cap, old_left, new_left, steps, least);
}

static struct graft_error *
align_gap(struct graft_twin *twin, size_t *cap, const struct gap *gap)
{
	struct left old_left = { 0 };
	struct left new_left = { 0 };
	struct graft_error *err = NULL;

	if (list_left(twin->old_paired, gap->o, gap->o_end, &old_left) &&
	    list_left(twin->new_paired, gap->n, gap->n_end, &new_left))
		err = align_left(twin, cap, &old_left, &new_left, gap->least);
	else
		err = graft_error_no_memory();
	free(old_left.at);
	free(new_left.at);
	return err;
}

/** Pair the stretch up to two instructions, and them. */
static struct graft_error *
advance(struct graft_twin *twin, size_t *cap, struct gap *gap, uint32_t o,
	uint32_t n, bool pair)
{
	if (o < gap->o || n < gap->n)
		return NULL;
	gap->o_end = o;
	gap->n_end = n;
	struct graft_error *err = align_gap(twin, cap, gap);
	if (err || !pair)
		return err;
	gap->o = o + 1;
	gap->n = n + 1;
	return add_pair(twin, cap, o, n);
}

/** Align two parts, of which @p part says where they are in the ops. */
static struct graft_error *
align_part(const struct graft_diff *diff, struct graft_twin *twin, size_t *cap,
	   const struct gap *part)
{
	uint32_t old_func = twin->old_ops.ops[part->o].func;
	uint32_t new_func = twin->new_ops.ops[part->n].func;
	uint32_t old_first = diff->old_code->funcs[old_func].first_insn;
	uint32_t new_first = diff->new_code->funcs[new_func].first_insn;
	GRAFT_FREE struct graft_insn_pair *same = NULL;
	size_t same_count = 0;
	struct gap gap = *part;

	struct graft_error *err = graft_diff_align(diff, old_func, new_func,
						   &same, &same_count);
	for (size_t i = 0; !err && i < same_count; i++) {
		if (same[i].equal)
			err = advance(twin, cap, &gap,
				      part->o + same[i].old_insn - old_first,
				      part->n + same[i].new_insn - new_first,
				      true);
	}
	if (err)
		return err;
	return advance(twin, cap, &gap, part->o_end, part->n_end, false);
}

/** Get the part that begins at an index: its end. */
static uint32_t
part_end(const struct graft_ops *ops, uint32_t start)
{
	uint32_t end = start;

	while (end < ops->count && ops->ops[end].func == ops->ops[start].func)
		end++;
	return end;
}

/** Align the cut-off parts that match. */
static struct graft_error *
align_matched_parts(const struct graft_diff *diff, struct graft_twin *twin,
		    size_t *cap)
{
	const struct graft_ops *was = &twin->old_ops;
	const struct graft_ops *is = &twin->new_ops;
	struct graft_error *err = NULL;

	for (uint32_t n = is->own_count; !err && n < is->count;
	     n = part_end(is, n)) {
		uint32_t other = diff->new_match[is->ops[n].func].other;
		for (uint32_t o = was->own_count; !err && o < was->count;
		     o = part_end(was, o)) {
			struct gap part = { o, part_end(was, o), n,
					    part_end(is, n), 0 };
			if (was->ops[o].func == other)
				err = align_part(diff, twin, cap, &part);
		}
	}
	return err;
}

/** Look for what moved between the function and its cut-off parts: only what
 * is alike but for one thing, for what is new there is unlike all. */
static struct graft_error *
align_moved(struct graft_twin *twin, size_t *cap)
{
	const struct graft_ops *was = &twin->old_ops;
	const struct graft_ops *is = &twin->new_ops;
	struct gap out = { 0, was->own_count, is->own_count, is->count,
			   SCORE_DISP_DIFFERS };
	struct gap in = { was->own_count, was->count, 0, is->own_count,
			  SCORE_DISP_DIFFERS };
	struct graft_error *err = align_gap(twin, cap, &out);

	return err ? err : align_gap(twin, cap, &in);
}

static struct graft_error *
align(const struct graft_diff *diff, struct graft_twin *twin)
{
	struct gap whole = {
		.o_end = twin->old_ops.own_count,
		.n_end = twin->new_ops.own_count,
	};
	size_t cap = 0;
	struct graft_error *err = NULL;

	if (whole.o_end && whole.n_end)
		err = align_part(diff, twin, &cap, &whole);
	if (!err)
		err = align_matched_parts(diff, twin, &cap);
	return err ? err : align_moved(twin, &cap);
}

struct graft_error *
graft_twin_make(const struct graft_diff *diff, uint32_t new_func,
		struct graft_twin *ret)
{
	return graft_twin_make_of(diff, diff->new_match[new_func].other,
				  new_func, ret);
}

struct graft_error *
graft_twin_make_of(const struct graft_diff *diff, uint32_t old_func,
		   uint32_t new_func, struct graft_twin *ret)
{
	GRAFT_CLEANUP(graft_twin_deinit) struct graft_twin twin = { 0 };

	struct graft_error *err = graft_ops_read(diff->old_code, old_func,
						 &twin.old_ops);
	if (!err)
		err = graft_ops_read(diff->new_code, new_func, &twin.new_ops);
	if (!err)
		err = graft_parts_join(diff, &twin.old_ops, &twin.new_ops);
	if (err)
		return err;
	twin.old_paired = calloc((size_t)twin.old_ops.count + 1, 1);
	twin.new_paired = calloc((size_t)twin.new_ops.count + 1, 1);
	if (!twin.old_paired || !twin.new_paired)
		return graft_error_no_memory();
	err = align(diff, &twin);
	if (err)
		return err;
	*ret = twin;
	twin = (struct graft_twin){ 0 };
	return NULL;
}

struct graft_twin_text
graft_twin_print(const struct graft_twin *twin, uint32_t o, uint32_t n)
{
	struct graft_twin_text text = { .str = "" };
	size_t used = 0;

	if (o < twin->old_ops.count) {
		const struct graft_op *op = &twin->old_ops.ops[o];
		used = (size_t)snprintf(text.str, sizeof(text.str),
					"`%s` (0x%llx of OLD)",
					graft_op_print(&twin->old_ops, op).str,
					(unsigned long long)op->addr);
	}
	if (n < twin->new_ops.count) {
		const struct graft_op *op = &twin->new_ops.ops[n];
		snprintf(text.str + used, sizeof(text.str) - used,
			 "%s`%s` (0x%llx of NEW)", used ? ", now " : "",
			 graft_op_print(&twin->new_ops, op).str,
			 (unsigned long long)op->addr);
	}
	return text;
}

void
graft_twin_deinit(struct graft_twin *twin)
{
	graft_ops_deinit(&twin->old_ops);
	graft_ops_deinit(&twin->new_ops);
	free(twin->pairs);
	free(twin->old_paired);
	free(twin->new_paired);
	*twin = (struct graft_twin){ 0 };
}
