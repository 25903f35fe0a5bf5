// SPDX-License-Identifier: Apache-2.0

// R-24 where another thing is put at a place that outlives the call: a function
// whose place in memory was another one's, so that two traded places; or the result
// of an import that makes another kind of thing (a stream became memory that holds
// one). What OLD put there stays, and code reads it as NEW's.

#include "judge/flow/calls.h"
#include "judge/flow/values.h"
#include "judge/rules/checks.h"

#include "base/vec.h"
#include "diff/code/area.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	POINTER_SIZE = 8,
	PAIR_SIZE = 16,
	VECTORS = 16,
};

/** A kind of thing: name of a family, and its length. */
struct thing {
	const char *name;
	size_t len;
};

/** What a call of an import returned. */
struct made {
	struct graft_value value;
	struct thing thing;
};

/** A pointer that is stored outside of the frame. */
struct put {
	struct graft_value place;
	struct graft_value value;
	uint32_t at;
};

/** One side. */
struct things {
	const struct graft_case *c;
	struct made *made;
	size_t made_count;
	size_t made_cap;
	struct put *puts;
	size_t put_count;
	size_t put_cap;
	/** The two halves that vector registers got last: two pointers beside
	 * each other are stored at once. */
	struct graft_value low[VECTORS];
	struct graft_value high[VECTORS];
	struct graft_error *err;
};

static void
things_deinit(struct things *things)
{
	free(things->made);
	free(things->puts);
	graft_error_free(things->err);
}

/** What an import makes; of no length if that is not known. */
static struct thing
thing_of(const char *import)
{
	static const struct {
		const char *name;
		const char *thing;
	} others[] = {
		{ "fopen", "FILE" },          { "fopen64", "FILE" },
		{ "fdopen", "FILE" },         { "tmpfile", "FILE" },
		{ "tmpfile64", "FILE" },      { "popen", "FILE" },
		{ "opendir", "DIR" },         { "fdopendir", "DIR" },
		{ "dlopen", "module" },       { "open", "descriptor" },
		{ "open64", "descriptor" },   { "openat", "descriptor" },
		{ "openat64", "descriptor" }, { "socket", "descriptor" },
		{ "accept", "descriptor" },   { "accept4", "descriptor" },
		{ "dup", "descriptor" },      { "epoll_create1", "descriptor" },
		{ "eventfd", "descriptor" },  { "memfd_create", "descriptor" },
	};
	static const char memory[] = "memory";
	struct graft_calls_kind kind = graft_calls_kind_of(import);

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (strcmp(others[i].name, import) == 0)
			return (struct thing){ others[i].thing,
					       strlen(others[i].thing) };
	}
	if (kind.role != GRAFT_CALLS_MAKE)
		return (struct thing){ 0 };
	// Whoever allocates it, memory is memory.
	if (strstr(import, "_new") || strstr(import, "_create"))
		return (struct thing){ kind.family, kind.len };
	return (struct thing){ memory, strlen(memory) };
}

static bool
is_same_thing(struct thing a, struct thing b)
{
	return a.len == b.len && memcmp(a.name, b.name, a.len) == 0;
}

static void
add_put(struct things *things, struct graft_value place,
	struct graft_value value, uint32_t at)
{
	if (things->err || graft_value_is_in_frame(place) ||
	    !graft_value_is_something(place) ||
	    !graft_value_is_something(value))
		return;
	things->err = graft_vec_reserve(&things->puts, &things->put_cap,
					things->put_count + 1,
					sizeof(*things->puts));
	if (!things->err)
		things->puts[things->put_count++] = (struct put){ place, value,
								  at };
}

static uint8_t
vector_of(uint8_t reg)
{
	return reg >= GRAFT_REG_XMM0 && reg < GRAFT_REG_XMM0 + VECTORS
		       ? (uint8_t)(reg - GRAFT_REG_XMM0)
		       : VECTORS;
}

/** Note a store of one pointer, or of two, and how the two came together. */
static void
see_store(struct things *things, const struct graft_ops *ops, uint32_t at,
	  const struct graft_values *values)
{
	const struct graft_op *op = &ops->ops[at];
	const struct graft_values_reader reader = { .c = things->c };
	uint8_t into = vector_of(op->first);
	uint8_t from = vector_of(op->src);

	if (op->mem_write && op->mem_size == PAIR_SIZE && from < VECTORS) {
		struct graft_value place = graft_value_of_address(&reader, ops,
								  values, at);
		add_put(things, place, things->low[from], at);
		place.off += POINTER_SIZE;
		add_put(things, place, things->high[from], at);
	} else if (op->mnemonic == ZYDIS_MNEMONIC_MOVQ && into < VECTORS) {
		things->low[into] = graft_value_of_reg(values, op->src);
	} else if (op->mnemonic == ZYDIS_MNEMONIC_PUNPCKLQDQ &&
		   into < VECTORS && from < VECTORS) {
		things->high[into] = things->low[from];
	} else if (op->what == GRAFT_OP_MOV && op->mem_write && op->src < 16 &&
		   op->mem_size == POINTER_SIZE) {
		add_put(things,
			graft_value_of_address(&reader, ops, values, at),
			graft_value_of_reg(values, op->src), at);
	}
}

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct things *things = context;
	const struct graft_op *op = &ops->ops[at];
	const struct graft_values_reader reader = { .c = things->c };
	const char *import = op->flags & GRAFT_INSN_CALL
				     ? graft_op_callee(ops, op).import
				     : NULL;
	struct thing thing = { 0 };

	if (import)
		thing = thing_of(import);
	if (!things->err && thing.len) {
		things->err = graft_vec_reserve(
			&things->made, &things->made_cap,
			things->made_count + 1, sizeof(*things->made));
		if (!things->err)
			things->made[things->made_count++] = (struct made){
				.value = graft_value_of_result(&reader, ops,
							       values, at),
				.thing = thing,
			};
	}
	see_store(things, ops, at, values);
}

/** Read one side. */
static struct graft_error *
read_side(const struct graft_ops *ops, struct things *things)
{
	struct graft_values_reader reader = { .c = things->c,
					      .see = see,
					      .context = things };
	struct graft_error *err = graft_values_follow_short(&reader, ops);

	return err ? err : GRAFT_TAKE(things->err);
}

static bool
is_function(const struct things *things, struct graft_value value)
{
	uint64_t addr;

	return graft_value_is_old_address(value, &addr) &&
	       graft_area_of(things->c->diff->old_image, addr) ==
		       GRAFT_AREA_CODE;
}

/** Find what a value is; of no length if that is not known. */
static struct thing
made_of(const struct things *things, struct graft_value value)
{
	for (size_t i = 0; i < things->made_count; i++) {
		if (graft_value_is_same(things->made[i].value, value))
			return things->made[i].thing;
	}
	return (struct thing){ 0 };
}

/** Say whether a side puts a value at a place. */
static bool
has_put(const struct things *things, struct graft_value place,
	struct graft_value value)
{
	for (size_t i = 0; i < things->put_count; i++) {
		if (graft_value_is_same(things->puts[i].place, place) &&
		    graft_value_is_same(things->puts[i].value, value))
			return true;
	}
	return false;
}

/** Say whether a side puts a value anywhere. */
static bool
has_put_somewhere(const struct things *things, struct graft_value value)
{
	for (size_t i = 0; i < things->put_count; i++) {
		if (graft_value_is_same(things->puts[i].value, value))
			return true;
	}
	return false;
}

/** Say whether a side puts such a thing at a place. */
static bool
has_put_thing(const struct things *things, struct graft_value place,
	      struct thing thing)
{
	for (size_t i = 0; i < things->put_count; i++) {
		struct thing other = made_of(things, things->puts[i].value);
		if (other.len && is_same_thing(other, thing) &&
		    graft_value_is_same(things->puts[i].place, place))
			return true;
	}
	return false;
}

/** Say whether two functions traded places: neither is put where it was, and both
 * builds put both. */
static bool
is_traded(const struct things *o, const struct things *n, const struct put *was,
	  const struct put *is)
{
	return is_function(o, was->value) && is_function(n, is->value) &&
	       !has_put(o, is->place, is->value) &&
	       !has_put(n, is->place, was->value) &&
	       has_put_somewhere(o, is->value) &&
	       has_put_somewhere(n, was->value);
}

static bool
is_other_kind(const struct things *o, const struct things *n,
	      const struct put *was, const struct put *is)
{
	struct thing before = made_of(o, was->value);
	struct thing now = made_of(n, is->value);

	return before.len && now.len && !is_same_thing(before, now) &&
	       !has_put_thing(o, is->place, now) &&
	       !has_put_thing(n, is->place, before);
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_twin *twin,
       const struct put *was, const struct put *is, const char *why)
{
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[is->at].addr);
	struct graft_twin_text text = graft_twin_print(twin, was->at, is->at);

	return graft_case_refuse(c, GRAFT_RULE_MEANING, where.str, "%s: %s",
				 text.str, why);
}

static struct graft_error *
compare(struct graft_case *c, const struct graft_twin *twin,
	const struct things *o, const struct things *n)
{
	for (size_t i = 0; i < n->put_count; i++) {
		const struct put *is = &n->puts[i];
		for (size_t k = 0; k < o->put_count; k++) {
			const struct put *was = &o->puts[k];
			if (!graft_value_is_same(was->place, is->place))
				continue;
			if (is_traded(o, n, was, is))
				return refuse(
					c, twin, was, is,
					"two functions traded the places where they are kept, and what OLD put there stays");
			if (is_other_kind(o, n, was, is))
				return refuse(
					c, twin, was, is,
					"another kind of thing is kept there, and what OLD put there stays");
		}
	}
	return NULL;
}

struct graft_error *
graft_check_other_thing(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(things_deinit) struct things o = { .c = c };
	GRAFT_CLEANUP(things_deinit) struct things n = { .c = c };
	struct graft_error *err = read_side(&twin->old_ops, &o);

	if (!err && o.put_count)
		err = read_side(&twin->new_ops, &n);
	return err ? err : compare(c, twin, &o, &n);
}
