// SPDX-License-Identifier: Apache-2.0

// what NEW does when it starts, and OLD did not. A process that runs has its start
// behind it: a variable that NEW sets there, a handler that it registers, a umask that it
// takes are not so. Where other code that changed counts on it, that is refused; where
// none does it is harmless, and only said.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/at_start.h"
#include "judge/rules/lasting.h"
#include "judge/rules/process_wide.h"

#include <string.h>

enum {
	/** Calls of calls in which it is looked for what a call sets. */
	DEPTH_MAX = 2,
	ARGUMENTS = 6,
};

/** Something that NEW does at its start, and OLD did not. */
struct gain {
	/** Address in OLD of what is set, or 0. */
	uint64_t place;
	/** What of the process is set, or NULL. */
	const char *import;
	/** Function and instruction of NEW that does it. */
	uint32_t func;
	uint64_t addr;
};

/** What is compared. */
struct starts {
	struct graft_case *c;
	struct graft_at_start o;
	struct graft_at_start n;
	struct gain *list;
	size_t count;
	size_t cap;
};

static void
starts_deinit(struct starts *starts)
{
	graft_at_start_deinit(&starts->o);
	graft_at_start_deinit(&starts->n);
	free(starts->list);
}

GRAFT_MUST_CHECK static struct graft_error *
add(struct starts *starts, const struct gain *gain)
{
	struct graft_error *err = graft_vec_reserve(&starts->list, &starts->cap,
						    starts->count + 1,
						    sizeof(*starts->list));

	if (!err)
		starts->list[starts->count++] = *gain;
	return err;
}

/** Find the place in OLD of what a reference of NEW names in memory that is written. */
static bool
writable_place(const struct graft_case *c, uint32_t ref, uint64_t *ret)
{
	const struct graft_image *image = c->diff->new_image;

	return graft_section_is_writable(graft_image_section_at(
		       image, c->diff->new_code->refs[ref].target)) &&
	       graft_case_old_place(c, ref, ret);
}

/** Do two addresses of OLD lie in one object? */
static bool
is_same_object(const struct graft_case *c, uint64_t a, uint64_t b)
{
	const struct graft_image *image = c->diff->old_image;
	const struct graft_symbol *of = graft_image_symbol_at(image, a);

	if (of)
		return of == graft_image_symbol_at(image, b);
	return a == b ||
	       (b > a && b < graft_code_next_start(c->diff->old_code, a));
}

/** Does OLD set a place when it starts? */
static bool
was_set(const struct starts *starts, uint64_t place)
{
	const struct graft_code *code = starts->c->diff->old_code;

	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (ref->kind != GRAFT_REF_MEMORY || !ref->writes ||
		    ref->target != place)
			continue;
		uint32_t func = graft_code_func_at(code, ref->at);
		uint32_t group = func == GRAFT_NONE ? func
						    : code->funcs[func].group;
		if (group != GRAFT_NONE &&
		    (group == starts->o.main_func || starts->o.funcs[group]))
			return true;
	}
	return false;
}

/** Add what a function of NEW sets, and what it takes the address of. */
GRAFT_MUST_CHECK static struct graft_error *
add_set_by(struct starts *starts, uint32_t func, const struct gain *like,
	   int depth)
{
	const struct graft_code *code = starts->c->diff->new_code;
	struct graft_error *err = NULL;

	for (uint32_t f = code->funcs[func].group; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		uint32_t first = code->funcs[f].first_ref;
		for (uint32_t i = 0; !err && i < code->funcs[f].ref_count;
		     i++) {
			const struct graft_ref *ref = &code->refs[first + i];
			struct gain gain = *like;
			uint32_t callee = ref->kind == GRAFT_REF_BRANCH &&
							  ref->is_call
						  ? graft_code_func_starting(
							    code, ref->target)
						  : GRAFT_NONE;
			if (callee != GRAFT_NONE && depth < DEPTH_MAX)
				err = add_set_by(starts, callee, like,
						 depth + 1);
			if ((ref->writes || ref->kind == GRAFT_REF_ADDRESS) &&
			    !err &&
			    writable_place(starts->c, first + i, &gain.place))
				err = add(starts, &gain);
		}
	}
	return err;
}

/** Add what a call at the start does that OLD does not make. */
GRAFT_MUST_CHECK static struct graft_error *
add_call(struct starts *starts, const struct graft_ops *ops, uint32_t at)
{
	const struct graft_op *op = &ops->ops[at];
	struct graft_callee callee = graft_op_callee(ops, op);
	struct gain gain = { .func = op->func, .addr = op->addr };
	struct graft_error *err = NULL;

	if (callee.func != GRAFT_NONE)
		err = add_set_by(starts, callee.func, &gain, 0);
	else if (callee.import && graft_process_wide_is(callee.import))
		gain.import = callee.import;
	if (!err && gain.import)
		err = add(starts, &gain);
	for (int i = 0; !err && i < ARGUMENTS; i++) {
		uint32_t from = graft_lasting_origin(ops, at, i);
		if (from >= ops->count || ops->ops[from].what != GRAFT_OP_LEA ||
		    !ops->ops[from].has_ref)
			continue;
		uint32_t ref = ops->code->insns[ops->ops[from].insn].ref;
		uint32_t func = graft_op_callee(ops, &ops->ops[from]).func;
		gain.import = NULL;
		if (func != GRAFT_NONE)
			err = add_set_by(starts, func, &gain, 0);
		else if (writable_place(starts->c, ref, &gain.place))
			err = add(starts, &gain);
	}
	return err;
}

/** Is a call told something else than the one of OLD that it stands for? */
GRAFT_MUST_CHECK static struct graft_error *
is_told_other(const struct starts *starts, const struct graft_twin *twin,
	      uint32_t o, uint32_t n, bool *ret)
{
	struct graft_error *err = NULL;

	*ret = false;
	for (int i = 0; !err && !*ret && i < ARGUMENTS; i++) {
		uint32_t a = graft_lasting_origin(&twin->old_ops, o, i);
		uint32_t b = graft_lasting_origin(&twin->new_ops, n, i);
		if (a >= twin->old_ops.count || b >= twin->new_ops.count)
			continue;
		const struct graft_op *was = &twin->old_ops.ops[a];
		const struct graft_op *is = &twin->new_ops.ops[b];
		err = graft_lasting_names_other(starts->c, twin, a, b, ret);
		*ret |= was->has_imm && is->has_imm && was->imm != is->imm &&
			!was->has_mem && !is->has_mem;
	}
	return err;
}

/** Mark what runs at the start in one side of a function. */
static bool *
make_marks(const struct graft_at_start *start, const struct graft_ops *ops)
{
	bool *marks = calloc((size_t)ops->count + 1, sizeof(*marks));

	for (uint32_t i = 0; marks && i < ops->count; i++)
		marks[i] = graft_at_start_has(start, ops, i);
	return marks;
}

/** Compare the calls that a function makes at the start. */
GRAFT_MUST_CHECK static struct graft_error *
compare_calls(struct starts *starts, const struct graft_twin *twin,
	      const bool *was, const bool *is)
{
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		if (!is[i] || !graft_lasting_is_call(&ops->ops[i]))
			continue;
		struct graft_lasting_callee callee =
			graft_lasting_callee_of(starts->c, ops, &ops->ops[i]);
		uint32_t o = graft_lasting_find(
			starts->c, &twin->old_ops, was, &callee,
			graft_lasting_count(starts->c, ops, is, &callee, i));
		bool other = o >= twin->old_ops.count;
		if (!other)
			err = is_told_other(starts, twin, o, i, &other);
		if (!err && other)
			err = add_call(starts, ops, i);
	}
	return err;
}

/** Compare both versions of a function that runs at the start. */
GRAFT_MUST_CHECK static struct graft_error *
compare(struct starts *starts, uint32_t func)
{
	GRAFT_CLEANUP(graft_twin_deinit) struct graft_twin twin = { 0 };
	struct graft_error *err = graft_twin_make(starts->c->diff, func, &twin);

	if (err)
		return err;
	GRAFT_FREE bool *was = make_marks(&starts->o, &twin.old_ops);
	GRAFT_FREE bool *is = make_marks(&starts->n, &twin.new_ops);
	if (!was || !is)
		return graft_error_no_memory();
	for (uint32_t i = 0; !err && i < twin.new_ops.count; i++) {
		const struct graft_op *op = &twin.new_ops.ops[i];
		uint32_t ref = twin.new_ops.code->insns[op->insn].ref;
		struct gain gain = { .func = op->func, .addr = op->addr };
		if (is[i] && op->has_ref && ref != GRAFT_NONE &&
		    graft_lasting_is_store(&twin.new_ops, op) &&
		    writable_place(starts->c, ref, &gain.place) &&
		    !was_set(starts, gain.place))
			err = add(starts, &gain);
	}
	return err ? err : compare_calls(starts, &twin, was, is);
}

/** Does a function that is carried count on what is gained? */
static bool
counts_on(const struct starts *starts, uint32_t func, const struct gain *gain)
{
	const struct graft_code *code = starts->c->diff->new_code;
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		uint64_t place;
		if (gain->place && !ref->writes &&
		    (ref->kind == GRAFT_REF_MEMORY ||
		     ref->kind == GRAFT_REF_ADDRESS) &&
		    writable_place(starts->c, f->first_ref + i, &place) &&
		    is_same_object(starts->c, gain->place, place))
			return true;
		if (gain->import && ref->insn < code->insn_count) {
			struct graft_callee callee =
				graft_callee_of(code, &code->insns[ref->insn]);
			if (callee.import &&
			    graft_process_wide_matters(gain->import,
						       callee.import))
				return true;
		}
	}
	return false;
}

GRAFT_MUST_CHECK static struct graft_error *
refuse(const struct starts *starts, const struct gain *gain, uint32_t func)
{
	const struct graft_diff *diff = starts->c->diff;
	struct graft_place_text where =
		graft_place_code(diff->new_code, gain->func, gain->addr);
	char name[200];

	graft_code_name(diff->new_code, func, name, sizeof(name));
	return graft_case_refuse(
		starts->c, GRAFT_RULE_ONCE, where.str,
		"NEW sets %s here when it starts, which a process that runs has behind it, and what %s does now may count on it",
		gain->import
			? gain->import
			: graft_place_data(diff->old_image, gain->place).str,
		name);
}

/** Find what counts on something that is gained, and refuse it. */
GRAFT_MUST_CHECK static struct graft_error *
judge(const struct starts *starts)
{
	const struct graft_diff *diff = starts->c->diff;

	for (size_t i = 0; i < diff->carried_count; i++) {
		uint32_t func = diff->carried[i];
		uint32_t group = diff->new_code->funcs[func].group;
		const struct graft_func_match *match = &diff->new_match[func];
		bool changed =
			match->other == GRAFT_NONE ||
			(match->change &
			 ~(unsigned)(GRAFT_CHANGE_GROUP | GRAFT_CHANGE_REACH));
		if (!changed || group == starts->n.main_func ||
		    starts->n.funcs[group])
			continue;
		for (size_t k = 0; k < starts->count; k++) {
			if (counts_on(starts, func, &starts->list[k]))
				return refuse(starts, &starts->list[k], func);
		}
	}
	return NULL;
}

struct graft_error *
graft_check_at_start(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	GRAFT_CLEANUP(starts_deinit) struct starts starts = { .c = c };
	struct graft_error *err = graft_at_start_init(c->old_graph, &starts.o);

	if (!err)
		err = graft_at_start_init(c->new_graph, &starts.n);
	if (err || starts.n.main_func == GRAFT_NONE)
		return err;
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		uint32_t group = code->funcs[func].group;
		if (graft_case_is_twin(c, func) &&
		    (group == starts.n.main_func || starts.n.funcs[group]))
			err = compare(&starts, func);
	}
	return err || !starts.count ? err : judge(&starts);
}
