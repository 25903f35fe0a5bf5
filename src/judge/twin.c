// SPDX-License-Identifier: Apache-2.0

#include "judge/twin.h"

#include "base/cleanup.h"
#include "base/vec.h"

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
fill_steps(const struct graft_twin *twin, const struct gap *gap, uint32_t *row,
	   uint8_t *steps)
{
	size_t width = gap->n_end - gap->n;

	memset(row, 0, (width + 1) * sizeof(*row));
	for (uint32_t i = gap->o_end - gap->o; i-- > 0;) {
		const struct graft_op *o = &twin->old_ops.ops[gap->o + i];
		uint32_t diagonal = 0;
		for (size_t j = width; j-- > 0;) {
			const struct graft_op *n =
				&twin->new_ops.ops[gap->n + j];
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

static struct graft_error *
align_gap(struct graft_twin *twin, size_t *cap, const struct gap *gap)
{
	size_t height = gap->o_end - gap->o;
	size_t width = gap->n_end - gap->n;

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
	fill_steps(twin, gap, row, steps);

	size_t i = 0;
	size_t j = 0;
	while (i < height && j < width) {
		uint8_t step = steps[i * width + j];
		if (step == STEP_BOTH) {
			struct graft_error *err =
				add_pair(twin, cap, gap->o + (uint32_t)i,
					 gap->n + (uint32_t)j);
			if (err)
				return err;
		}
		i += step != STEP_NEW;
		j += step != STEP_OLD;
	}
	return NULL;
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

static struct graft_error *
align(const struct graft_diff *diff, struct graft_twin *twin)
{
	uint32_t old_func = twin->old_ops.func;
	uint32_t new_func = twin->new_ops.func;
	uint32_t old_first = diff->old_code->funcs[old_func].first_insn;
	uint32_t new_first = diff->new_code->funcs[new_func].first_insn;
	GRAFT_FREE struct graft_insn_pair *same = NULL;
	size_t same_count = 0;
	struct gap gap = { 0 };
	size_t cap = 0;

	struct graft_error *err = graft_diff_align(diff, old_func, new_func,
						   &same, &same_count);
	for (size_t i = 0; !err && i < same_count; i++) {
		if (same[i].equal)
			err = advance(twin, &cap, &gap,
				      same[i].old_insn - old_first,
				      same[i].new_insn - new_first, true);
	}
	if (err)
		return err;
	return advance(twin, &cap, &gap, twin->old_ops.count,
		       twin->new_ops.count, false);
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
