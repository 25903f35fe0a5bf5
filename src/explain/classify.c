// SPDX-License-Identifier: Apache-2.0

#include "explain/classify.h"

#include "base/text.h"
#include "diff/change/change.h"
#include "diff/code/callee.h"
#include "diff/constant/constant.h"
#include "explain/side.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** A callee shorter than this leaves no traces that tell. */
	INLINE_MIN = 4,
	/** Of a callee's instructions so many percent must be found. */
	INLINE_PERCENT = 60,
};

/** What was counted in one function. */
struct counts {
	uint32_t changed;
	uint32_t gone;
	uint32_t came;
	struct graft_line_pair line;
	uint32_t lines;
};

struct graft_error *
graft_classifier_init(struct graft_diff *diff, struct graft_classifier *ret)
{
	struct graft_classifier classifier = { .diff = diff };
	struct graft_error *err = graft_line_prover_init(diff,
							 &classifier.prover);

	if (!err)
		*ret = classifier;
	return err;
}

void
graft_classifier_deinit(struct graft_classifier *classifier)
{
	graft_line_prover_deinit(&classifier->prover);
	*classifier = (struct graft_classifier){ 0 };
}

/** Say whether a reference names a text. */
static bool
names_text(const struct graft_image *image, const struct graft_ref *ref)
{
	uint64_t len;
	const char *text = ref->kind == GRAFT_REF_ADDRESS
				   ? graft_constant_text(image, ref->target,
							 &len)
				   : NULL;

	return text && graft_constant_is_sure(text, len);
}

/** Classify what a pair of references names. */
static struct graft_error *
classify_refs(struct graft_diff *diff, uint32_t new_func,
	      const struct graft_ref *o, const struct graft_ref *n,
	      uint32_t *classes)
{
	uint8_t change = 0;
	struct graft_error *err = graft_change_compare_refs(diff, new_func, o,
							    n, &change);

	if (err || !change)
		return err;
	if (names_text(diff->old_image, o) && names_text(diff->new_image, n))
		*classes |= GRAFT_CLASS_STRING;
	else if (change & GRAFT_CHANGE_CONSTANT)
		*classes |= GRAFT_CLASS_CONSTANT;
	else
		*classes |= GRAFT_CLASS_REFERENCE;
	return NULL;
}

/** Classify two instructions that stand for each other. */
static struct graft_error *
classify_pair(struct graft_classifier *c, const struct graft_twin *twin,
	      const struct graft_op *o, const struct graft_op *n,
	      struct counts *counts, uint32_t *ret)
{
	struct graft_diff *diff = c->diff;
	const struct graft_insn *oi = &diff->old_code->insns[o->insn];
	const struct graft_insn *ni = &diff->new_code->insns[n->insn];
	struct graft_error *err = NULL;

	*ret = 0;
	if (oi->ref != GRAFT_NONE && ni->ref != GRAFT_NONE)
		err = classify_refs(diff, n->func,
				    &diff->old_code->refs[oi->ref],
				    &diff->new_code->refs[ni->ref], ret);
	else if (oi->ref != ni->ref)
		*ret = GRAFT_CLASS_CODE;
	if (err || oi->hash == ni->hash)
		return err;
	if (o->shape != n->shape)
		*ret |= GRAFT_CLASS_CODE;
	if (o->imm != n->imm && !(o->flags & GRAFT_INSN_JUMP)) {
		struct graft_line_pair line;
		bool proven;
		err = graft_line_is_proven(&c->prover, o->func, o->insn,
					   n->func, n->insn, &line, &proven);
		if (err)
			return err;
		*ret |= proven ? GRAFT_CLASS_LINE : GRAFT_CLASS_CONSTANT;
		if (proven && counts->lines++ == 0)
			counts->line = line;
	}
	bool frame = graft_op_in_frame(&twin->old_ops, o) &&
		     graft_op_in_frame(&twin->new_ops, n);
	if (o->regs != n->regs)
		*ret |= GRAFT_CLASS_TOOLCHAIN;
	// Half a register is no pointer: that `lea` adds numbers.
	bool sum = o->what == GRAFT_OP_LEA && o->dst_size < 8;
	if (o->disp != n->disp && !o->has_ref && !n->has_ref)
		*ret |= frame ? GRAFT_CLASS_TOOLCHAIN
			: sum ? GRAFT_CLASS_CONSTANT
			      : GRAFT_CLASS_LAYOUT;
	// The hash sees what an operation does not say: a width, a prefix.
	if (!*ret)
		*ret = o->target || n->target ? 0 : GRAFT_CLASS_CODE;
	return NULL;
}

static int
by_value(const void *x, const void *y)
{
	const uint32_t *a = x;
	const uint32_t *b = y;

	return (*a > *b) - (*a < *b);
}

/** The shapes of the instructions of one side that stand alone, sorted. */
static struct graft_error *
list_alone(const struct graft_ops *ops, const bool *paired, uint32_t **ret,
	   uint32_t *count_ret)
{
	GRAFT_FREE uint32_t *list = calloc((size_t)ops->count + 1,
					   sizeof(*list));
	uint32_t count = 0;

	if (!list)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!paired[i] && op->what != GRAFT_OP_NOP)
			list[count++] = op->shape ^ (uint32_t)op->imm * 31U;
	}
	qsort(list, count, sizeof(*list), by_value);
	*ret = GRAFT_TAKE(list);
	*count_ret = count;
	return NULL;
}

/** Count how often one function calls another of its build. */
static uint32_t
count_calls(const struct graft_ops *ops, uint32_t callee)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ops->count; i++) {
		if (ops->ops[i].flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP))
			count += graft_op_callee(ops, &ops->ops[i]).func ==
				 callee;
	}
	return count;
}

/**
 * Say whether a callee's code is among the instructions that stand alone.
 *
 * @param[in] alone Their shapes, sorted.
 */
static struct graft_error *
is_among(const struct graft_code *code, uint32_t callee, const uint32_t *alone,
	 uint32_t alone_count, bool *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, callee, &ops);
	uint32_t found = 0;
	uint32_t total = 0;

	*ret = false;
	for (uint32_t i = 0; !err && i < ops.count; i++) {
		const struct graft_op *op = &ops.ops[i];
		// What every function has, an inlined one has not.
		if (op->what == GRAFT_OP_NOP || op->what == GRAFT_OP_PUSH ||
		    op->what == GRAFT_OP_POP || (op->flags & GRAFT_INSN_RET) ||
		    op->base == GRAFT_REG_RSP || op->dst == GRAFT_REG_RSP)
			continue;
		uint32_t key = op->shape ^ (uint32_t)op->imm * 31U;
		total++;
		found += bsearch(&key, alone, alone_count, sizeof(*alone),
				 by_value) != NULL;
	}
	*ret = total >= INLINE_MIN && found * 100 >= total * INLINE_PERCENT;
	return err;
}

/**
 * Find a function that one side calls, whose code the other side has instead.
 *
 * @param[in] calls The side that calls; @p other the one that has the code.
 * @param[in] match From functions of the calling side to the other.
 * @param[out] ret The callee, on the calling side; or #GRAFT_NONE.
 */
static struct graft_error *
find_inlined(const struct graft_ops *calls, const struct graft_ops *other,
	     const struct graft_func_match *match, const bool *other_paired,
	     uint32_t *ret)
{
	GRAFT_FREE uint32_t *alone = NULL;
	uint32_t alone_count = 0;
	struct graft_error *err = list_alone(other, other_paired, &alone,
					     &alone_count);

	*ret = GRAFT_NONE;
	for (uint32_t i = 0; !err && i < calls->count; i++) {
		if (!(calls->ops[i].flags & GRAFT_INSN_CALL))
			continue;
		uint32_t callee = graft_op_callee(calls, &calls->ops[i]).func;
		if (callee == GRAFT_NONE || callee == calls->func)
			continue;
		uint32_t twin = match[callee].other;
		if (twin != GRAFT_NONE &&
		    count_calls(other, twin) >= count_calls(calls, callee))
			continue;
		bool among;
		err = is_among(calls->code, callee, alone, alone_count, &among);
		if (!err && among) {
			*ret = callee;
			return NULL;
		}
	}
	return err;
}

/** Say whether both sides have the same instructions, in another order. */
static struct graft_error *
is_reordered(const struct graft_twin *twin, bool *ret)
{
	GRAFT_FREE uint32_t *o = NULL;
	GRAFT_FREE uint32_t *n = NULL;
	uint32_t o_count;
	uint32_t n_count;

	struct graft_error *err = list_alone(&twin->old_ops, twin->old_paired,
					     &o, &o_count);
	if (!err)
		err = list_alone(&twin->new_ops, twin->new_paired, &n,
				 &n_count);
	if (err)
		return err;
	*ret = o_count == n_count && memcmp(o, n, o_count * sizeof(*o)) == 0;
	return NULL;
}

/** Append a count, behind a comma if it is not the first. */
static void
put_count(struct graft_text *text, uint32_t count, const char *what)
{
	if (count)
		graft_text_printf(text, "%s%u %s",
				  text->len ? ", " : "instructions: ", count,
				  what);
}

/** Say in words what was counted. */
static void
put_why(const struct counts *counts, uint32_t classes, struct graft_text *text)
{
	put_count(text, counts->changed - counts->lines, "changed");
	put_count(text, counts->came, "new");
	put_count(text, counts->gone, "gone");
	if (counts->lines)
		graft_text_printf(text, "%s%u line number%s (%u became %u%s)",
				  text->len ? "; " : "", counts->lines,
				  counts->lines > 1 ? "s" : "",
				  counts->line.old_line, counts->line.new_line,
				  counts->lines > 1 ? ", ..." : "");
	if (!text->len && (classes & GRAFT_CLASS_PART))
		graft_text_put(text, "another part of it changed, or a short "
				     "jump ties it to a function that did");
	else if (!text->len)
		graft_text_put(text, "its bytes differ");
}

/** Look for callees that were put in or taken out. */
static struct graft_error *
classify_inlining(struct graft_classifier *c, const struct graft_twin *twin,
		  uint32_t *classes, struct graft_text *why)
{
	const struct graft_side old_side = { c->diff, c->diff->old_code, NULL,
					     false };
	const struct graft_side new_side = { c->diff, c->diff->new_code, NULL,
					     true };
	uint32_t in;
	uint32_t out = GRAFT_NONE;

	struct graft_error *err = find_inlined(&twin->old_ops, &twin->new_ops,
					       c->diff->old_match,
					       twin->new_paired, &in);
	if (!err && in == GRAFT_NONE)
		err = find_inlined(&twin->new_ops, &twin->old_ops,
				   c->diff->new_match, twin->old_paired, &out);
	if (err || (in == GRAFT_NONE && out == GRAFT_NONE))
		return err;
	*classes |= GRAFT_CLASS_INLINED;
	graft_text_put(why, "; ");
	graft_side_put_func(in != GRAFT_NONE ? &old_side : &new_side,
			    in != GRAFT_NONE ? in : out, why);
	graft_text_put(why, in != GRAFT_NONE ? " is inlined now"
					     : " is called now, not inlined");
	return NULL;
}

struct graft_error *
graft_classify(struct graft_classifier *c, const struct graft_twin *twin,
	       uint32_t *pairs, struct graft_explained_func *func)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text why = { 0 };
	struct counts counts = { 0 };
	uint32_t classes = 0;
	struct graft_error *err = NULL;
	bool reordered = false;

	for (size_t i = 0; !err && i < twin->count; i++) {
		err = classify_pair(c, twin,
				    &twin->old_ops.ops[twin->pairs[i].o],
				    &twin->new_ops.ops[twin->pairs[i].n],
				    &counts, &pairs[i]);
		classes |= pairs[i];
		counts.changed += pairs[i] != 0;
	}
	for (uint32_t i = 0; i < twin->old_ops.count; i++)
		counts.gone += !twin->old_paired[i] &&
			       twin->old_ops.ops[i].what != GRAFT_OP_NOP;
	for (uint32_t i = 0; i < twin->new_ops.count; i++)
		counts.came += !twin->new_paired[i] &&
			       twin->new_ops.ops[i].what != GRAFT_OP_NOP;
	if (!err)
		err = is_reordered(twin, &reordered);
	if (err)
		return err;
	if (!reordered || twin->partial)
		classes |= GRAFT_CLASS_CODE;
	else if (counts.gone)
		classes |= GRAFT_CLASS_TOOLCHAIN;
	uint8_t change = c->diff->new_match[twin->new_ops.func].change;
	if (!classes && (change & (GRAFT_CHANGE_GROUP | GRAFT_CHANGE_REACH)))
		classes = GRAFT_CLASS_PART;
	put_why(&counts, classes, &why);
	if (classes & GRAFT_CLASS_CODE)
		err = classify_inlining(c, twin, &classes, &why);
	if (err)
		return err;
	func->classes = classes;
	return graft_text_take(&why, &func->why);
}
