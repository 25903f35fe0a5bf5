// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/interleave.h"

#include "judge/flow/arguments.h"
#include "judge/interleave/back.h"
#include "judge/interleave/walk.h"
#include "judge/types/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Give a sentence. */
GRAFT_MUST_CHECK static struct graft_error *
say(char **why_ret, const char *why)
{
	*why_ret = strdup(why);
	return *why_ret ? NULL : graft_error_no_memory();
}

/** Read a function with all its parts. */
GRAFT_MUST_CHECK static struct graft_error *
read_whole(const struct graft_code *code, uint32_t func, struct graft_ops *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t f = code->funcs[func].group; !err && f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		if (f != func)
			err = graft_ops_append(&ops, f);
	}
	if (err)
		return err;
	graft_ops_join(&ops);
	*ret = ops;
	ops = (struct graft_ops){ 0 };
	return NULL;
}

/** Find what forbids it whatever the code does. Static, or NULL. */
static const char *
find_trait(const struct graft_code *code, uint32_t func)
{
	for (uint32_t f = code->funcs[func].group; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		const struct graft_func *part = &code->funcs[f];
		if (part->extent && part->extent->lsda)
			return "exceptions are caught in it, or clean up there";
		if (part->indirect_jump)
			return "it has a jump through a pointer or a table";
		if (part->bad)
			return "some of it does not decode";
	}
	return NULL;
}

/** Compare what both take and return, where types do not settle it. */
GRAFT_MUST_CHECK static struct graft_error *
compare_signature(const struct graft_case *c, uint32_t old_func,
		  uint32_t new_func, struct graft_argument_reader *readers,
		  char **why_ret)
{
	struct graft_arguments was;
	struct graft_arguments is;
	bool settled = false;
	struct graft_error *err = NULL;

	if (c->types)
		err = graft_types_settle_signature(c, old_func, new_func,
						   &settled);
	if (err || settled)
		return err;
	err = graft_arguments_read(&readers[0], old_func, &was);
	if (!err)
		err = graft_arguments_read(&readers[1], new_func, &is);
	if (err)
		return err;
	if (is.reads & ~was.reads)
		return say(why_ret, "it takes an argument that OLD did not");
	// OLD left %rax as it was on some way, and NEW never does.
	bool more = was.returns && !was.returns_value && is.returns &&
		    is.returns_value;
	if (more)
		return say(why_ret,
			   "it may return something else than OLD did");
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
walk_both(const struct graft_case *c, struct graft_argument_reader *reader,
	  struct graft_ops *was_ops, struct graft_ops *is_ops, char **why_ret)
{
	GRAFT_CLEANUP(graft_terms_deinit) struct graft_terms terms = { 0 };
	GRAFT_CLEANUP(graft_side_deinit) struct graft_side was = { 0 };
	GRAFT_CLEANUP(graft_side_deinit) struct graft_side is = { 0 };
	struct graft_walk_end end;

	struct graft_error *err = graft_side_init(c, false, was_ops, &terms,
						  &was);
	if (!err)
		err = graft_side_init(c, true, is_ops, &terms, &is);
	if (err)
		return err;
	const struct graft_pair_calls calls = { .was = &was,
						.is = &is,
						.old_reader = reader };
	err = graft_walk(&calls, &end);
	if (err || !end.why)
		return err;
	if (asprintf(why_ret, "%s (0x%llx of OLD, 0x%llx of NEW)", end.why,
		     (unsigned long long)was.ops
			     .ops[end.o < was.ops.count ? end.o : 0]
			     .addr,
		     (unsigned long long)is.ops
			     .ops[end.n < is.ops.count ? end.n : 0]
			     .addr) < 0) {
		*why_ret = NULL;
		return graft_error_no_memory();
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
prove(const struct graft_case *c, uint32_t old_func, uint32_t new_func,
      struct graft_argument_reader *readers, char **why_ret)
{
	const struct graft_code *old_code = c->diff->old_code;
	const struct graft_code *new_code = c->diff->new_code;
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops was = { 0 };
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops is = { 0 };
	const char *trait = find_trait(old_code, old_func);

	if (!trait)
		trait = find_trait(new_code, new_func);
	if (trait)
		return say(why_ret, trait);
	struct graft_error *err = compare_signature(c, old_func, new_func,
						    readers, why_ret);
	if (!err && !*why_ret)
		err = graft_back_find(old_code, old_func, why_ret);
	if (!err && !*why_ret)
		err = graft_back_find(new_code, new_func, why_ret);
	if (!err && !*why_ret)
		err = read_whole(old_code, old_func, &was);
	if (!err && !*why_ret)
		err = read_whole(new_code, new_func, &is);
	if (err || *why_ret)
		return err;
	return walk_both(c, &readers[0], &was, &is, why_ret);
}

/** Find what is replaced and what replaces it, if it is one function. */
static const char *
find_one(const struct graft_diff *diff, uint32_t *old_ret, uint32_t *new_ret)
{
	if (diff->entry_count != 1)
		return "more than one function is replaced";
	for (size_t i = 0; i < diff->piece_count; i++) {
		if (diff->pieces[i].writable)
			return "it brings a new variable";
	}
	*old_ret = diff->entries[0];
	*new_ret = diff->old_match[*old_ret].other;
	// What is carried beside it is its parts, or what it calls: then it
	// calls something that OLD did not.
	if (*new_ret == GRAFT_NONE || !diff->new_match[*new_ret].carried)
		return "what replaces it is not one function";
	return NULL;
}

struct graft_error *
graft_interleave_prove(const struct graft_case *c, char **why_ret)
{
	struct graft_argument_reader readers[2] = { 0 };
	uint32_t old_func = 0;
	uint32_t new_func = 0;
	char *why = NULL;
	const char *many = find_one(c->diff, &old_func, &new_func);

	if (many)
		return say(why_ret, many);
	struct graft_error *err = graft_argument_reader_init(c->diff->old_code,
							     &readers[0]);
	if (!err)
		err = graft_argument_reader_init(c->diff->new_code,
						 &readers[1]);
	if (!err)
		err = prove(c, old_func, new_func, readers, &why);
	graft_argument_reader_deinit(&readers[0]);
	graft_argument_reader_deinit(&readers[1]);
	if (err) {
		free(why);
		return err;
	}
	*why_ret = why;
	return NULL;
}
