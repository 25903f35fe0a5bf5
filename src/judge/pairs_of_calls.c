// SPDX-License-Identifier: Apache-2.0

// acquire/release pairs. A function that took a lock and left it to
// another to release must go on doing so while a caller sits between the two.
// So of each pair a changed function calls in NEW either both halves, or those
// that it called in OLD and as often.

#include "judge/checks.h"

#include "base/vec.h"

#include <string.h>

enum half {
	HALF_NONE,
	HALF_ACQUIRE,
	HALF_RELEASE,
};

/** Endings of names, longer ones before those that they end with. */
static const struct {
	const char *suffix;
	enum half half;
} endings[] = {
	{ "_unlock", HALF_RELEASE },     { "_unlock_np", HALF_RELEASE },
	{ "_write_lock", HALF_ACQUIRE }, { "_read_lock", HALF_ACQUIRE },
	{ "_rdlock", HALF_ACQUIRE },     { "_wrlock", HALF_ACQUIRE },
	{ "_trylock", HALF_ACQUIRE },    { "_timedlock", HALF_ACQUIRE },
	{ "_lock", HALF_ACQUIRE },       { "_acquire", HALF_ACQUIRE },
	{ "_release", HALF_RELEASE },    { "_enter", HALF_ACQUIRE },
	{ "_leave", HALF_RELEASE },      { "_begin", HALF_ACQUIRE },
	{ "_start", HALF_ACQUIRE },      { "_end", HALF_RELEASE },
	{ "sem_wait", HALF_ACQUIRE },    { "sem_post", HALF_RELEASE },
	{ "funlockfile", HALF_RELEASE }, { "flockfile", HALF_ACQUIRE },
};

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

static enum half
half_of(const char *name, size_t *stem_len_ret)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t end = strlen(endings[i].suffix);
		if (len < end ||
		    strcmp(name + len - end, endings[i].suffix) != 0)
			continue;
		*stem_len_ret = len - end;
		return endings[i].half;
	}
	return HALF_NONE;
}

static struct graft_error *
add_call(struct families *families, const char *name, int side)
{
	size_t len = 0;
	enum half half = half_of(name, &len);

	if (half == HALF_NONE)
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
		if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (op->flags & GRAFT_INSN_INTERNAL))
			continue;
		struct graft_callee callee = graft_op_callee(ops, op);
		const char *name = callee.import;
		if (!name && callee.func != GRAFT_NONE &&
		    ops->code->funcs[callee.func].symbol)
			name = ops->code->funcs[callee.func].symbol->name;
		if (!name)
			continue;
		struct graft_error *err = add_call(families, name, side);
		if (err)
			return err;
	}
	return NULL;
}

static struct graft_error *
judge_family(struct graft_case *c, const struct graft_twin *twin,
	     const struct family *family)
{
	const uint32_t *was = family->calls[0];
	const uint32_t *is = family->calls[1];
	bool acquire = !was[HALF_ACQUIRE] != !is[HALF_ACQUIRE];
	bool release = !was[HALF_RELEASE] != !is[HALF_RELEASE];
	bool half = !is[HALF_ACQUIRE] != !is[HALF_RELEASE];

	// Where there is only one half, each call has its other elsewhere.
	if (half && !acquire && !release) {
		acquire = was[HALF_ACQUIRE] != is[HALF_ACQUIRE];
		release = was[HALF_RELEASE] != is[HALF_RELEASE];
	}
	if (acquire == release)
		return NULL;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	enum half changed = acquire ? HALF_ACQUIRE : HALF_RELEASE;
	bool added = is[changed] > was[changed];
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"a call that %s %.*s was %s and the other half of the pair was not: a caller that is between the two halves would see one of each build",
		acquire ? "acquires" : "releases",
		family->len ? (int)family->len : 10,
		family->len ? family->stem : "the object",
		added ? "added" : "removed");
}

/** Get the name of what a call calls that is half of a pair, or NULL. */
static const char *
half_called(const struct graft_ops *ops, const struct graft_op *op)
{
	size_t len;

	if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
	    (op->flags & GRAFT_INSN_INTERNAL))
		return NULL;
	struct graft_callee callee = graft_op_callee(ops, op);
	const char *name = callee.import;
	if (!name && callee.func != GRAFT_NONE &&
	    ops->code->funcs[callee.func].symbol)
		name = ops->code->funcs[callee.func].symbol->name;
	return name && half_of(name, &len) != HALF_NONE ? name : NULL;
}

/** Say whether two instructions put addresses of two things into a register. */
static bool
is_other_object(const struct graft_case *c, const struct graft_twin *twin,
		uint32_t o_at, uint32_t n_at)
{
	const struct graft_op *o = &twin->old_ops.ops[o_at];
	const struct graft_op *n = &twin->new_ops.ops[n_at];

	if (o->what != n->what || o->has_mem != n->has_mem ||
	    o->has_ref != n->has_ref)
		return false;
	if (o->has_ref) {
		uint32_t o_ref = twin->old_ops.code->insns[o->insn].ref;
		uint32_t n_ref = twin->new_ops.code->insns[n->insn].ref;
		uint64_t old_addr;
		return o_ref != GRAFT_NONE && n_ref != GRAFT_NONE &&
		       graft_diff_old_data(
			       c->diff, twin->new_ops.code->refs[n_ref].target,
			       &old_addr) > GRAFT_WITNESS_CONFLICT &&
		       old_addr != twin->old_ops.code->refs[o_ref].target;
	}
	if (o->has_mem)
		return o->disp != n->disp &&
		       !graft_op_in_frame(&twin->old_ops, o) &&
		       !graft_op_in_frame(&twin->new_ops, n);
	return o->what == GRAFT_OP_ADD && o->has_imm && n->has_imm &&
	       o->imm != n->imm;
}

/** Find what makes the first argument of a call, behind copies of it. */
static uint32_t
argument_made(const struct graft_ops *ops, uint32_t call)
{
	uint32_t at = graft_op_writer(ops, call, GRAFT_REG_RDI);

	for (int copies = 0; at < ops->count && copies < 3; copies++) {
		const struct graft_op *op = &ops->ops[at];
		if (op->what != GRAFT_OP_MOV || op->has_mem || op->src >= 16)
			break;
		at = graft_op_writer(ops, at, op->src);
	}
	return at;
}

/** Refuse where two calls that stand for each other lock two things. */
static struct graft_error *
check_object(struct graft_case *c, const struct graft_twin *twin,
	     const struct graft_twin_pair *pair)
{
	const struct graft_op *call = &twin->new_ops.ops[pair->n];
	const char *was = half_called(&twin->old_ops,
				      &twin->old_ops.ops[pair->o]);
	const char *is = half_called(&twin->new_ops, call);

	if (!was || !is || strcmp(was, is) != 0)
		return NULL;
	uint32_t o = argument_made(&twin->old_ops, pair->o);
	uint32_t n = argument_made(&twin->new_ops, pair->n);
	if (o >= twin->old_ops.count || n >= twin->new_ops.count ||
	    !is_other_object(c, twin, o, n))
		return NULL;
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, call->addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"%s: %s gets another object: who holds the one keeps nobody out who takes the other",
		text.str, is);
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
	for (size_t i = 0; !err && i < twin->count; i++)
		err = check_object(c, twin, &twin->pairs[i]);
	free(families.list);
	return err;
}
