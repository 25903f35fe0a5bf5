// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/ended.h"

#include "base/vec.h"
#include "judge/rules/gone.h"

#include <string.h>

enum {
	/** Calls of calls of functions that both builds have. */
	DEPTH_MAX = 1,
	/** Functions that are looked at for one. */
	VISITS_MAX = 500,
};

struct graft_ended_reader {
	const struct graft_case *c;
	/** Each function of each side: it has a counterpart. */
	bool *known[2];
	/** Each function of each side: 0 not looked at; 1 it ends nothing; else
	 * 2 and the number of a family that it ends by what it calls. */
	uint8_t *ends[2];
	struct graft_families families;
	/** Functions of each side that are being followed, so that circles end. */
	bool *open[2];
};

/** One reading. */
struct reading {
	struct graft_ended_reader *reader;
	/** Who counts: 0 for OLD, 1 for NEW; also where OLD's version of a callee
	 * of NEW is looked at. */
	int counts_for;
	uint32_t visits;
	struct graft_ended_list *list;
};

GRAFT_MUST_CHECK static struct graft_error *
walk(struct reading *reading, int side, uint32_t func, int depth);

static const struct graft_code *
code_of(const struct graft_ended_reader *reader, int side)
{
	return side ? reader->c->diff->new_code : reader->c->diff->old_code;
}

/** Tell what ends a thing, by its name; beside what the C library makes, what other
 * libraries close or let go of. */
static struct graft_calls_kind
kind_of(const char *name)
{
	static const char *const ends[] = { "_close", "_unref", "_release" };
	struct graft_calls_kind kind = graft_calls_kind_of(name);
	size_t len = strlen(name);

	if (kind.role != GRAFT_CALLS_NEITHER)
		return kind;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t end = strlen(ends[i]);
		if (len > end && !strcmp(name + len - end, ends[i]))
			return (struct graft_calls_kind){
				.role = GRAFT_CALLS_END,
				.family = name,
				.len = len
			};
	}
	return kind;
}

/** Find which family a function ends by what it calls, or by its name: what it is
 * handed, most likely. */
GRAFT_MUST_CHECK static struct graft_error *
family_of(struct graft_ended_reader *reader, int side, uint32_t func,
	  struct graft_calls_kind *ret)
{
	const struct graft_code *code = code_of(reader, side);
	const struct graft_symbol *symbol = code->funcs[func].symbol;
	uint8_t *known = &reader->ends[side][func];

	if (*known == 0) {
		struct graft_calls calls;
		struct graft_error *err = graft_calls_count(
			code, func, false, reader->known[side],
			&reader->families, &calls);
		if (err)
			return err;
		*known = 1;
		for (size_t i = 0; i < reader->families.count; i++) {
			if (calls.ends[i] > calls.makes[i] && *known == 1)
				*known = (uint8_t)(i + 2);
		}
	}
	*ret = symbol ? kind_of(symbol->name)
		      : (struct graft_calls_kind){ .family = "" };
	if (*known >= 2) {
		*ret = reader->families.list[*known - 2];
		ret->role = GRAFT_CALLS_END;
	}
	return NULL;
}

/** Count one in. A make counts as such. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct reading *reading, const struct graft_ended *ended, bool left)
{
	struct graft_ended_list *list = reading->list;
	bool makes = ended->family.role == GRAFT_CALLS_MAKE;
	size_t i = 0;

	while (i < list->count && !graft_ended_is_same(&list->list[i], ended))
		i++;
	if (i == list->count) {
		struct graft_error *err =
			graft_vec_reserve(&list->list, &list->cap,
					  list->count + 1, sizeof(*list->list));
		if (err)
			return err;
		list->list[list->count++] = (struct graft_ended){
			.family = ended->family,
			.at = ended->at,
		};
	}
	struct graft_ended *entry = &list->list[i];
	entry->made |= makes;
	entry->count[reading->counts_for] += !makes;
	if (!makes && reading->counts_for)
		entry->addr = ended->addr;
	if (!makes && !reading->counts_for)
		entry->left += left;
	return NULL;
}

/** Look at one call. */
GRAFT_MUST_CHECK static struct graft_error *
look_at_call(struct reading *reading, int side, const struct graft_ops *ops,
	     uint32_t call, struct graft_gone_seen **seen)
{
	const struct graft_case *c = reading->reader->c;
	struct graft_callee callee = graft_op_callee(ops, &ops->ops[call]);
	struct graft_ended ended = { .addr = ops->ops[call].addr };

	if (callee.func == GRAFT_NONE)
		ended.family = kind_of(callee.import ? callee.import : "");
	if (ended.family.role == GRAFT_CALLS_MAKE)
		return graft_kept_at_of_result(c, ops, call, &ended.at)
			       ? add(reading, &ended, false)
			       : NULL;
	uint32_t load = graft_kept_at_of_argument(c, ops, call, &ended.at);

	if (load >= ops->count)
		return NULL;
	if (callee.func != GRAFT_NONE) {
		const struct graft_func_match *match =
			side ? c->diff->new_match : c->diff->old_match;
		// What both builds have is known by OLD's version.
		bool both = side && match[callee.func].other != GRAFT_NONE;
		struct graft_error *err =
			family_of(reading->reader, both ? 0 : side,
				  both ? match[callee.func].other : callee.func,
				  &ended.family);
		if (err)
			return err;
	}
	if (ended.family.role != GRAFT_CALLS_END)
		return NULL;
	struct graft_error *err = side ? NULL : graft_gone_follow(c, ops, seen);
	if (err)
		return err;
	// A number of 0 is an open file.
	const struct graft_gone gone = {
		.at = ended.at,
		.load = load,
		.call = call,
		.zero_is_something = ended.family.len == 5 &&
				     !memcmp(ended.family.family, "close", 5),
	};
	bool left = !side && !graft_gone_is(c, ops, *seen, &gone);
	return add(reading, &ended, left);
}

/** Count what a callee of the module ends. */
GRAFT_MUST_CHECK static struct graft_error *
walk_callee(struct reading *reading, int side, uint32_t callee, int depth)
{
	const struct graft_diff *diff = reading->reader->c->diff;
	uint32_t other = side ? diff->new_match[callee].other
			      : diff->old_match[callee].other;

	if (other == GRAFT_NONE)
		return walk(reading, side, callee, depth);
	if (depth >= DEPTH_MAX)
		return NULL;
	return walk(reading, 0, side ? other : callee, depth + 1);
}

/** Say whether a function calls what ends something, without a look at more. */
static bool
calls_an_end(const struct graft_code *code, uint32_t part)
{
	const struct graft_func *func = &code->funcs[part];

	for (uint32_t i = 0; i < func->insn_count; i++) {
		const struct graft_insn *insn =
			&code->insns[func->first_insn + i];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		struct graft_callee callee = graft_callee_of(code, insn);
		if (callee.import &&
		    kind_of(callee.import).role == GRAFT_CALLS_END)
			return true;
	}
	return false;
}

/** Look at one part of a function. */
GRAFT_MUST_CHECK static struct graft_error *
walk_part(struct reading *reading, int side, uint32_t part, int depth)
{
	const struct graft_code *code = code_of(reading->reader, side);
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	GRAFT_FREE struct graft_gone_seen *seen = NULL;

	if (depth && !calls_an_end(code, part))
		return NULL;
	struct graft_error *err = graft_ops_read(code, part, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		const struct graft_insn *insn = &code->insns[ops.ops[i].insn];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		struct graft_callee callee = graft_callee_of(code, insn);
		err = look_at_call(reading, side, &ops, i, &seen);
		if (!err && callee.func != GRAFT_NONE &&
		    code->funcs[callee.func].group != code->funcs[part].group)
			err = walk_callee(reading, side, callee.func, depth);
	}
	return err;
}

static struct graft_error *
walk(struct reading *reading, int side, uint32_t func, int depth)
{
	const struct graft_code *code = code_of(reading->reader, side);
	uint32_t head = code->funcs[func].group;
	bool *open = &reading->reader->open[side][head];
	struct graft_error *err = NULL;

	if (*open || reading->visits++ > VISITS_MAX)
		return NULL;
	*open = true;
	for (uint32_t part = head; !err && part != GRAFT_NONE;
	     part = code->funcs[part].group_next)
		err = walk_part(reading, side, part, depth);
	*open = false;
	return err;
}

struct graft_error *
graft_ended_read(struct graft_ended_reader *reader, uint32_t old, uint32_t new,
		 struct graft_ended_list *ret)
{
	struct reading reading = { .reader = reader, .list = ret };
	struct graft_error *err = NULL;

	if (old != GRAFT_NONE)
		err = walk(&reading, 0, old, 0);
	reading.counts_for = 1;
	reading.visits = 0;
	return err ? err : walk(&reading, 1, new, 0);
}

struct graft_error *
graft_ended_reader_new(const struct graft_case *c,
		       struct graft_ended_reader **ret)
{
	GRAFT_CLEANUP(graft_ended_reader_freep)
	struct graft_ended_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return graft_error_no_memory();
	reader->c = c;
	for (int side = 0; side < 2; side++) {
		const struct graft_func_match *match =
			side ? c->diff->new_match : c->diff->old_match;
		uint32_t count = code_of(reader, side)->func_count;
		reader->known[side] = calloc((size_t)count + 1, sizeof(bool));
		reader->open[side] = calloc((size_t)count + 1, sizeof(bool));
		reader->ends[side] = calloc((size_t)count + 1, 1);
		if (!reader->known[side] || !reader->open[side] ||
		    !reader->ends[side])
			return graft_error_no_memory();
		for (uint32_t i = 0; i < count; i++)
			reader->known[side][i] = match[i].other != GRAFT_NONE;
	}
	*ret = GRAFT_TAKE(reader);
	return NULL;
}

void
graft_ended_reader_free(struct graft_ended_reader *reader)
{
	if (!reader)
		return;
	for (int side = 0; side < 2; side++) {
		free(reader->known[side]);
		free(reader->open[side]);
		free(reader->ends[side]);
	}
	free(reader);
}

bool
graft_ended_is_same(const struct graft_ended *a, const struct graft_ended *b)
{
	return graft_kept_at_is_same(&a->at, &b->at) &&
	       a->family.len == b->family.len &&
	       !memcmp(a->family.family, b->family.family, a->family.len);
}

void
graft_ended_list_deinit(struct graft_ended_list *list)
{
	if (!list)
		return;
	free(list->list);
	*list = (struct graft_ended_list){ 0 };
}
