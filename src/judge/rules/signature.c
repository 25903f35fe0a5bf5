// SPDX-License-Identifier: Apache-2.0

// a function that callers outside of the hotpatch reach must not want
// more than OLD's did: an argument register that only NEW reads holds whatever
// the caller left there, and so does a word of the stack. Nor may it return
// nothing where OLD returned something, or return it elsewhere. Types behind
// pointers cannot be seen here.

#include "judge/flow/arguments.h"
#include "judge/flow/dropped.h"
#include "judge/flow/incoming.h"
#include "judge/flow/result.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

/**
 * Say whether callers of which the two builds show nothing may come.
 *
 * A caller inside that stays has the same code in NEW, where it calls NEW's
 * function: whatever that reads, such a caller passes.
 */
static bool
has_unseen_callers(const struct graft_graph *graph, uint32_t func)
{
	return graph->escapes[func] || graph->taken[func];
}

/** Both sides of a function that unseen callers reach. */
struct signatures {
	struct graft_case *c;
	struct graft_argument_reader *readers;
	uint32_t old_func;
	uint32_t new_func;
	struct graft_ops was_ops;
	struct graft_ops is_ops;
	const char *where;
};

/** NEW leaves %rax on some way as it was. So OLD must not have returned anything:
 * what was there at its returns is what calls left that nobody wants. */
static struct graft_error *
judge_no_result(const struct signatures *s)
{
	bool nothing;
	struct graft_error *err =
		graft_dropped_leaves_only(s->c->diff, &s->was_ops, &nothing);

	if (err || nothing)
		return err;
	return graft_case_refuse(
		s->c, GRAFT_RULE_SIGNATURE, s->where,
		"OLD always put a value into %%rax before it returned, and NEW does not");
}

static struct graft_error *
judge_arguments(const struct signatures *s)
{
	struct graft_arguments was;
	struct graft_arguments is;
	struct graft_error *err = graft_arguments_read(&s->readers[0],
						       s->old_func, &was);

	if (!err)
		err = graft_arguments_read(&s->readers[1], s->new_func, &is);
	if (err)
		return err;
	uint32_t more = is.reads & ~was.reads;
	uint32_t wider = graft_arguments_narrow(&was) & is.wide;
	if (more)
		err = graft_case_refuse(
			s->c, GRAFT_RULE_SIGNATURE, s->where,
			"it reads the argument in %s, which OLD did not, and callers that stay may not pass it",
			graft_argument_name(more & -more));
	if (!err && wider)
		err = graft_case_refuse(
			s->c, GRAFT_RULE_SIGNATURE, s->where,
			"it uses all 64 bits of the argument in %s, of which OLD used 32: callers that stay may leave anything in the others",
			graft_argument_name(wider & -wider));
	if (!err && was.returns_value && is.returns && !is.returns_value)
		err = judge_no_result(s);
	return err;
}

static struct graft_error *
judge_stack(const struct signatures *s)
{
	const struct graft_diff *diff = s->c->diff;
	struct graft_incoming was;
	struct graft_incoming is;
	struct graft_error *err = graft_incoming_read(diff->old_code,
						      s->old_func, &was);

	if (!err)
		err = graft_incoming_read(diff->new_code, s->new_func, &is);
	uint64_t more = err ? 0 : is.reads & ~was.may_read;
	if (!more)
		return err;
	return graft_case_refuse(
		s->c, GRAFT_RULE_SIGNATURE, s->where,
		"it reads the argument at %d(%%rsp), counted from its entry, which OLD did not, and callers that stay may not pass it",
		8 * __builtin_ctzll(more) + 8);
}

static struct graft_error *
refuse_result(const struct signatures *s, uint32_t old_at, uint32_t new_at,
	      const char *what)
{
	struct graft_op_text was = { .str = "" };
	struct graft_op_text is = { .str = "" };

	if (old_at < s->was_ops.count)
		was = graft_op_print(&s->was_ops, &s->was_ops.ops[old_at]);
	if (new_at < s->is_ops.count)
		is = graft_op_print(&s->is_ops, &s->is_ops.ops[new_at]);
	return graft_case_refuse(s->c, GRAFT_RULE_SIGNATURE, s->where,
				 "the result was %s (OLD: `%s`, NEW: `%s`)",
				 what, was.str, is.str);
}

static struct graft_error *
judge_result(const struct signatures *s)
{
	struct graft_result was;
	struct graft_result is;
	struct graft_error *err = graft_result_read(&s->was_ops, &was);

	if (!err)
		err = graft_result_read(&s->is_ops, &is);
	if (err)
		return err;
	if (was.integer && !was.real && is.real && !is.integer)
		return refuse_result(s, was.writer, is.real_writer,
				     "an integer and is floating point");
	if (was.real && !was.integer && is.integer && !is.real)
		return refuse_result(s, was.real_writer, is.writer,
				     "floating point and is an integer");
	if (was.narrow && !was.wide && is.wide && !is.narrow)
		return refuse_result(s, was.writer, is.writer,
				     "computed in 32 bits and is in 64");
	if (was.wide && !was.narrow && is.narrow && !is.wide)
		return refuse_result(s, was.writer, is.writer,
				     "computed in 64 bits and is in 32");
	return NULL;
}

static struct graft_error *
judge_func(struct graft_case *c, struct graft_argument_reader readers[2],
	   uint32_t old_func, uint32_t new_func)
{
	const struct graft_code *code = c->diff->new_code;
	struct signatures s = {
		.c = c,
		.readers = readers,
		.old_func = old_func,
		.new_func = new_func,
	};

	if (!has_unseen_callers(c->new_graph, new_func) &&
	    !has_unseen_callers(c->old_graph, old_func))
		return NULL;
	// Fragments that were cut off are no functions with a signature.
	if (code->funcs[new_func].group != new_func)
		return NULL;
	bool settled = false;
	struct graft_error *failed =
		graft_types_settle_signature(c, old_func, new_func, &settled);
	if (failed || settled)
		return failed;
	struct graft_place_text where =
		graft_place_code(code, new_func, code->funcs[new_func].addr);
	s.where = where.str;
	struct graft_error *err = graft_ops_read(c->diff->old_code, old_func,
						 &s.was_ops);
	if (!err)
		err = graft_ops_read(code, new_func, &s.is_ops);
	if (!err)
		err = judge_arguments(&s);
	if (!err)
		err = judge_stack(&s);
	if (!err)
		err = judge_result(&s);
	graft_ops_deinit(&s.was_ops);
	graft_ops_deinit(&s.is_ops);
	return err;
}

struct graft_error *
graft_check_signature(struct graft_case *c)
{
	struct graft_argument_reader readers[2] = { 0 };
	struct graft_error *err = graft_argument_reader_init(c->diff->old_code,
							     &readers[0]);

	if (!err)
		err = graft_argument_reader_init(c->diff->new_code,
						 &readers[1]);
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		const struct graft_func_match *match =
			&c->diff->new_match[func];
		if (match->other != GRAFT_NONE &&
		    (!match->same_form ||
		     (match->change & GRAFT_CHANGE_REFERENCE)))
			err = judge_func(c, readers, match->other, func);
	}
	graft_argument_reader_deinit(&readers[0]);
	graft_argument_reader_deinit(&readers[1]);
	return err;
}
