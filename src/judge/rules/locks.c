// SPDX-License-Identifier: Apache-2.0

// which object is locked. Who holds the lock that OLD took keeps nobody out
// who takes another one. So where a function no longer takes something that it
// took, and takes something else by the same call, that is refused; a lock that
// is taken in addition, or no longer, is none of this.

#include "judge/rules/checks.h"

#include "base/hash.h"
#include "base/vec.h"
#include "diff/match/data.h"
#include "judge/flow/halves.h"
#include "judge/flow/values.h"

#include <Zydis/Zydis.h>
#include <stdlib.h>
#include <string.h>

enum {
	/** Longest function of the module that may be a wrapper. */
	WRAPPER_MAX = 64,
};

/** One object that one call gets. */
struct object {
	/** What is called: the same number in both builds. */
	uint64_t callee;
	struct graft_value value;
	uint32_t at;
};

/** All of one function. */
struct objects {
	struct object *list;
	size_t count;
	size_t cap;
	const struct graft_values_reader *reader;
};

/** Say whether a function of that name does something to a lock, a condition or
 * the like, which its first argument points to. */
static bool
names_lock(const char *name)
{
	static const char *const families[] = {
		"pthread_mutex_",
		"pthread_rwlock_",
		"pthread_spin_",
		"pthread_cond_",
		"pthread_barrier",
		"pthread_once",
		"sem_",
		"mtx_",
		"cnd_",
	};
	size_t len;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		if (strncmp(name, families[i], strlen(families[i])) == 0)
			return true;
	}
	return graft_half_of(name, &len) != GRAFT_HALF_NONE;
}

static bool
is_atomic(const struct graft_ops *ops, const struct graft_op *op)
{
	bool exchange = op->mnemonic == ZYDIS_MNEMONIC_XCHG && op->mem_write;

	return (op->is_atomic || exchange) && !graft_op_in_frame(ops, op);
}

/** What an instruction does something to, if it does. */
static struct graft_value
object_of(const struct graft_values_reader *reader, const struct graft_ops *ops,
	  uint32_t at, const struct graft_values *values)
{
	return is_atomic(ops, &ops->ops[at])
		       ? graft_value_of_address(reader, ops, values, at)
		       : graft_value_of_reg(values, GRAFT_REG_RDI);
}

/** A look at a function that may be a wrapper. */
struct wrapper {
	const struct graft_values_reader *reader;
	struct graft_value argument;
	bool found;
};

static void
see_wrapped(void *context, const struct graft_ops *ops, uint32_t at,
	    const struct graft_values *values)
{
	struct wrapper *wrapper = context;
	const char *name = graft_name_called(ops, &ops->ops[at]);

	if (at == 0)
		wrapper->argument = graft_value_of_reg(values, GRAFT_REG_RDI);
	if ((name && names_lock(name)) || is_atomic(ops, &ops->ops[at]))
		wrapper->found |=
			object_of(wrapper->reader, ops, at, values).root ==
			wrapper->argument.root;
}

/** Say whether a function hands its first argument, or a member of what that
 * points to, on to a lock. */
static struct graft_error *
is_wrapper(const struct graft_case *c, const struct graft_code *code,
	   uint32_t func, bool *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct wrapper wrapper = { 0 };
	const struct graft_values_reader reader = {
		.c = c,
		.see = see_wrapped,
		.context = &wrapper,
	};

	*ret = false;
	if (code->funcs[func].insn_count > WRAPPER_MAX)
		return NULL;
	wrapper.reader = &reader;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (!err)
		err = graft_values_follow(&reader, &ops);
	*ret = wrapper.found;
	return err;
}

/** Name what an instruction does to an object; 0 if it does nothing. */
static struct graft_error *
name_of(const struct graft_case *c, const struct graft_ops *ops,
	const struct graft_op *op, uint64_t *ret)
{
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL);
	const char *name = graft_name_called(ops, op);
	bool wrapper;

	*ret = 0;
	if (is_atomic(ops, op))
		*ret = graft_hash_mix(1, op->mnemonic);
	else if (name && names_lock(name))
		*ret = graft_hash_bytes(2, name, strlen(name));
	if (*ret || !leaves)
		return NULL;
	uint32_t func = graft_op_callee(ops, op).func;
	if (func == GRAFT_NONE)
		return NULL;
	struct graft_error *err = is_wrapper(c, ops->code, func, &wrapper);
	if (err || !wrapper)
		return err;
	if (ops->code == c->diff->new_code)
		func = c->diff->new_match[func].other;
	if (func != GRAFT_NONE)
		*ret = graft_hash_mix(3, func);
	return NULL;
}

static struct graft_error *
collect(const struct graft_case *c, const struct graft_ops *ops,
	struct objects *objects)
{
	struct graft_error *err = NULL;
	uint64_t callee;

	for (uint32_t i = 0; !err && i < ops->count; i++) {
		err = name_of(c, ops, &ops->ops[i], &callee);
		if (err || !callee)
			continue;
		err = graft_vec_reserve(&objects->list, &objects->cap,
					objects->count + 1,
					sizeof(*objects->list));
		if (!err)
			objects->list[objects->count++] = (struct object){
				.callee = callee,
				.at = i,
			};
	}
	return err;
}

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct objects *objects = context;

	for (size_t i = 0; i < objects->count; i++) {
		if (objects->list[i].at != at)
			continue;
		objects->list[i].value = object_of(objects->reader, ops, at,
						   values);
	}
}

static struct graft_error *
follow(struct graft_case *c, const struct graft_ops *ops,
       struct objects *objects)
{
	struct graft_values_reader reader = {
		.c = c,
		.see = see,
		.context = objects,
	};

	objects->reader = &reader;
	return graft_values_follow(&reader, ops);
}

static uint32_t
count_alike(const struct objects *objects, const struct object *like)
{
	uint32_t count = 0;

	for (size_t i = 0; i < objects->count; i++)
		count += objects->list[i].callee == like->callee &&
			 graft_value_is_same(objects->list[i].value,
					     like->value);
	return count;
}

static bool
is_paired(const struct graft_twin *twin, uint32_t o, uint32_t n)
{
	for (size_t i = 0; i < twin->count; i++) {
		if (twin->pairs[i].o == o)
			return twin->pairs[i].n == n;
	}
	return false;
}

/** Say whether others show that what two calls get are two objects. */
static bool
is_contested(const struct graft_case *c, const struct graft_twin *twin,
	     const struct object *o, const struct object *n)
{
	struct graft_sighting seen = { .witness = GRAFT_WITNESS_ALIGNED };
	size_t count;

	if (!is_paired(twin, o->at, n->at) ||
	    !graft_value_is_old_address(o->value, &seen.old_addr) ||
	    !graft_value_is_new_address(n->value, &seen.new_addr))
		return false;
	const struct graft_sighting *others =
		graft_data_map_find(c->diff->data, seen.new_addr, &count);
	for (size_t i = 0; i < count; i++) {
		if (others[i].witness >= GRAFT_WITNESS_ALIGNED &&
		    others[i].old_addr != seen.old_addr)
			return true;
	}
	return graft_data_map_is_contested(c->diff->data, &seen) ||
	       !graft_data_map_in_order(c->diff, seen.new_addr, seen.old_addr);
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin, uint32_t o,
       uint32_t n)
{
	const struct graft_op *call = &twin->new_ops.ops[n];
	struct graft_place_text where = graft_place_code(
		twin->new_ops.code, twin->new_ops.func, call->addr);
	struct graft_twin_text text = graft_twin_print(twin, o, n);
	const char *name = graft_name_called(&twin->new_ops, call);

	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"%s: %s gets another object: who holds the one keeps nobody out who takes the other",
		text.str, name ? name : "what locks or counts");
}

/** Compare what both sides take. One reason for a function is enough. */
static struct graft_error *
compare(struct graft_case *c, const struct graft_twin *twin,
	const struct objects *was, const struct objects *is)
{
	for (size_t i = 0; i < was->count; i++) {
		const struct object *o = &was->list[i];
		bool gone = count_alike(is, o) == 0;
		for (size_t j = 0; j < is->count; j++) {
			const struct object *n = &is->list[j];
			if (o->callee != n->callee)
				continue;
			bool come = count_alike(is, n) > count_alike(was, n);
			if ((gone && come &&
			     graft_value_is_other(o->value, n->value)) ||
			    is_contested(c, twin, o, n))
				return refuse(c, twin, o->at, n->at);
		}
	}
	return NULL;
}

struct graft_error *
graft_check_locks(struct graft_case *c, const struct graft_twin *twin)
{
	struct objects was = { 0 };
	struct objects is = { 0 };
	struct graft_error *err = collect(c, &twin->old_ops, &was);

	if (!err)
		err = collect(c, &twin->new_ops, &is);
	if (!err && was.count && is.count) {
		err = follow(c, &twin->old_ops, &was);
		if (!err)
			err = follow(c, &twin->new_ops, &is);
		// Too long to be followed: nothing is known.
		if (err && graft_error_code(err) == GRAFT_ERROR_LIMIT) {
			graft_error_free(err);
			err = NULL;
		}
		if (!err)
			err = compare(c, twin, &was, &is);
	}
	free(was.list);
	free(is.list);
	return err;
}
