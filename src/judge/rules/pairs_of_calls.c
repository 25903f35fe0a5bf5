// SPDX-License-Identifier: Apache-2.0

// acquire/release pairs. A function that took a lock and left it to
// another to release must go on doing so while a caller sits between the two.
// So of each pair a changed function calls in NEW either both halves, or those
// that it called in OLD and as often. What one build does in a function that the
// other does in one that it calls from there is no difference.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/called.h"
#include "judge/flow/halves.h"
#include "judge/types/types.h"

#include <string.h>

/** A pair that somebody calls. */
struct family {
	/** Name without its ending, @ref len bytes. */
	const char *stem;
	size_t len;
	/** Each side (OLD, NEW), each half: how often it is called. */
	uint32_t calls[2][3];
};

struct families {
	struct family *list;
	size_t count;
	size_t cap;
};

static struct graft_error *
add_call(struct families *families, const char *name, int side)
{
	size_t len = 0;
	enum graft_half half = graft_half_of(name, &len);

	if (half == GRAFT_HALF_NONE)
		return NULL;
	for (size_t i = 0; i < families->count; i++) {
		struct family *family = &families->list[i];
		if (family->len == len && !memcmp(family->stem, name, len)) {
			family->calls[side][half]++;
			return NULL;
		}
	}
	struct graft_error *err =
		graft_vec_reserve(&families->list, &families->cap,
				  families->count + 1, sizeof(*families->list));
	if (err)
		return err;
	struct family *family = &families->list[families->count++];
	*family = (struct family){ .stem = name, .len = len };
	family->calls[side][half]++;
	return NULL;
}

static struct graft_error *
add_calls(struct families *families, const struct graft_ops *ops, int side)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		const char *name = graft_name_called(ops, op);
		if (!name)
			continue;
		struct graft_error *err = add_call(families, name, side);
		if (err)
			return err;
	}
	return NULL;
}

/** Tell which half alone comes or goes; _NONE if both do, or neither. */
static enum graft_half
changed_half(const struct family *family)
{
	const uint32_t *was = family->calls[0];
	const uint32_t *is = family->calls[1];
	bool acquire = !was[GRAFT_HALF_ACQUIRE] != !is[GRAFT_HALF_ACQUIRE];
	bool release = !was[GRAFT_HALF_RELEASE] != !is[GRAFT_HALF_RELEASE];
	bool half = !is[GRAFT_HALF_ACQUIRE] != !is[GRAFT_HALF_RELEASE];

	// Where there is only one half, each call has its other elsewhere.
	if (half && !acquire && !release) {
		acquire = was[GRAFT_HALF_ACQUIRE] != is[GRAFT_HALF_ACQUIRE];
		release = was[GRAFT_HALF_RELEASE] != is[GRAFT_HALF_RELEASE];
	}
	if (acquire == release)
		return GRAFT_HALF_NONE;
	return acquire ? GRAFT_HALF_ACQUIRE : GRAFT_HALF_RELEASE;
}

static bool
is_of(const struct family *family, const char *name, enum graft_half half)
{
	size_t len = 0;

	return name && graft_half_of(name, &len) == half &&
	       len == family->len && memcmp(name, family->stem, len) == 0;
}

/** Get the name of what an instruction calls or jumps to, out of its function. */
static const char *
name_of_callee(const struct graft_code *code, const struct graft_insn *insn)
{
	if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
	    (insn->flags & GRAFT_INSN_INTERNAL))
		return NULL;
	struct graft_callee callee = graft_callee_of(code, insn);
	if (callee.import)
		return callee.import;
	if (callee.func == GRAFT_NONE || !code->funcs[callee.func].symbol)
		return NULL;
	return code->funcs[callee.func].symbol->name;
}

/** Count the calls of one half in a function. */
static uint32_t
count_in(const struct graft_code *code, uint32_t func,
	 const struct family *family, enum graft_half half)
{
	const struct graft_func *f = &code->funcs[func];
	uint32_t count = 0;

	for (uint32_t i = 0; i < f->insn_count; i++)
		count += is_of(
			family,
			name_of_callee(code, &code->insns[f->first_insn + i]),
			half);
	return count;
}

/** Count the copies of functions of one half that debug information shows in a
 * function: as many as there are of any one of their parameters and locals. */
static struct graft_error *
add_copies(const struct graft_case *c, const struct graft_code *code,
	   uint32_t func, uint32_t times, uint32_t calls[3],
	   const struct family *family)
{
	GRAFT_CLEANUP(graft_locals_deinit) struct graft_locals locals = { 0 };

	if (!c->types)
		return NULL;
	struct graft_dwarf *dwarf = code == c->diff->old_code
					    ? c->types->old_dwarf
					    : c->types->new_dwarf;
	uint32_t subject = graft_dwarf_function_at(dwarf,
						   code->funcs[func].addr);
	if (subject == GRAFT_DWARF_NONE)
		return NULL;
	struct graft_error *err = graft_dwarf_locals(dwarf, subject, &locals);
	uint32_t most[3] = { 0 };
	for (size_t i = 0; !err && i < locals.count; i++) {
		const struct graft_local *local = &locals.list[i];
		size_t len = 0;
		enum graft_half half = graft_half_of(local->scope, &len);
		if (!is_of(family, local->scope, half))
			continue;
		uint32_t count = 0;
		for (size_t j = 0; j < locals.count; j++)
			count += strcmp(locals.list[j].scope, local->scope) ==
					 0 &&
				 strcmp(locals.list[j].name, local->name) == 0;
		if (count > most[half])
			most[half] = count;
	}
	for (int half = 0; half < 3; half++)
		calls[half] += most[half] * times;
	return err;
}

/**
 * Count in what one side does in functions that only it calls from here, or that
 * it calls more often, and what was copied to here.
 *
 * @param[in] match Of @p ops's side; @p other is the other one.
 */
static struct graft_error *
add_called(const struct graft_case *c, const struct graft_ops *ops,
	   const struct graft_ops *other, const struct graft_func_match *match,
	   uint32_t calls[3], const struct family *family)
{
	struct graft_error *err = add_copies(c, ops->code, ops->func, 1, calls,
					     family);

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		uint32_t times = graft_called_more(ops, other, match, i);
		if (times == 0)
			continue;
		uint32_t func = graft_called(ops, op);
		for (int half = GRAFT_HALF_ACQUIRE; half <= GRAFT_HALF_RELEASE;
		     half++)
			calls[half] += times *
				       count_in(ops->code, func, family, half);
		err = add_copies(c, ops->code, func, times, calls, family);
	}
	return err;
}

/** Say whether a function that OLD does not have takes something of a family. */
static bool
new_one_takes(const struct graft_diff *diff, const struct family *family)
{
	const struct graft_code *code = diff->new_code;

	for (uint32_t i = 0; i < code->func_count; i++) {
		if (diff->new_match[i].other == GRAFT_NONE &&
		    count_in(code, i, family, GRAFT_HALF_ACQUIRE))
			return true;
	}
	return false;
}

/**
 * Say whether a half came or went because what stood in a function that is called
 * stands here, or the other way round.
 *
 * Such copies may be fewer than the calls were: what is called with constants may
 * have nothing left that it does. So fewer that take explain themselves, if some
 * are left and none is in a function that is new.
 */
static struct graft_error *
was_called(const struct graft_case *c, const struct graft_twin *twin,
	   const struct family *family, bool *ret)
{
	struct family both = *family;
	struct graft_error *err = add_called(c, &twin->old_ops, &twin->new_ops,
					     c->diff->old_match, both.calls[0],
					     family);

	if (!err)
		err = add_called(c, &twin->new_ops, &twin->old_ops,
				 c->diff->new_match, both.calls[1], family);
	*ret = false;
	if (err || memcmp(both.calls, family->calls, sizeof(both.calls)) == 0)
		return err;
	const uint32_t *was = both.calls[0];
	const uint32_t *is = both.calls[1];
	enum graft_half half = changed_half(&both);
	*ret = half == GRAFT_HALF_NONE ||
	       (half == GRAFT_HALF_ACQUIRE && is[half] &&
		is[half] < was[half] && !new_one_takes(c->diff, family));
	return NULL;
}

static struct graft_error *
judge_family(struct graft_case *c, const struct graft_twin *twin,
	     const struct family *family)
{
	const uint32_t *was = family->calls[0];
	const uint32_t *is = family->calls[1];
	enum graft_half changed = changed_half(family);
	bool acquire = changed == GRAFT_HALF_ACQUIRE;

	bool called = false;
	if (changed == GRAFT_HALF_NONE)
		return NULL;
	struct graft_error *err = was_called(c, twin, family, &called);
	if (err || called)
		return err;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	bool added = is[changed] > was[changed];
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"a call that %s %.*s was %s and the other half of the pair was not: a caller that is between the two halves would see one of each build",
		acquire ? "acquires" : "releases",
		family->len ? (int)family->len : 10,
		family->len ? family->stem : "the object",
		added ? "added" : "removed");
}

struct graft_error *
graft_check_pairs(struct graft_case *c, const struct graft_twin *twin)
{
	struct families families = { 0 };

	struct graft_error *err = add_calls(&families, &twin->old_ops, 0);
	if (!err)
		err = add_calls(&families, &twin->new_ops, 1);
	for (size_t i = 0; !err && i < families.count; i++)
		err = judge_family(c, twin, &families.list[i]);
	free(families.list);
	return err;
}
