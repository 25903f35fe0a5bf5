// SPDX-License-Identifier: Apache-2.0

// a function that callers outside of the hotpatch reach must not want
// more than OLD's did: an argument register that only NEW reads holds whatever
// the caller left there. Nor may it return nothing where OLD returned something.
// Widths (int to long) and types behind pointers cannot be seen here.

#include "judge/arguments.h"
#include "judge/checks.h"

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

static struct graft_error *
judge_reads(struct graft_case *c, const char *where, uint32_t more)
{
	uint32_t bit = more & -more;

	return graft_case_refuse(
		c, GRAFT_RULE_SIGNATURE, where,
		"it reads the argument in %s, which OLD did not, and callers that stay may not pass it",
		graft_argument_name(bit));
}

static struct graft_error *
judge_func(struct graft_case *c, struct graft_argument_reader readers[2],
	   uint32_t old_func, uint32_t new_func)
{
	const struct graft_code *code = c->diff->new_code;
	struct graft_arguments was;
	struct graft_arguments is;

	if (!has_unseen_callers(c->new_graph, new_func) &&
	    !has_unseen_callers(c->old_graph, old_func))
		return NULL;
	// Fragments that were cut off are no functions with a signature.
	if (code->funcs[new_func].group != new_func)
		return NULL;
	struct graft_error *err = graft_arguments_read(&readers[0], old_func,
						       &was);
	if (!err)
		err = graft_arguments_read(&readers[1], new_func, &is);
	if (err)
		return err;
	struct graft_place_text where =
		graft_place_code(code, new_func, code->funcs[new_func].addr);
	if (is.reads & ~was.reads)
		err = judge_reads(c, where.str, is.reads & ~was.reads);
	if (!err && was.returns_value && is.returns && !is.returns_value)
		err = graft_case_refuse(
			c, GRAFT_RULE_SIGNATURE, where.str,
			"OLD always put a value into %%rax before it returned, and NEW does not");
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
