// SPDX-License-Identifier: Apache-2.0

#include "judge/interleave/back.h"

#include "diff/code/callee.h"
#include "diff/code/throws.h"
#include "judge/interleave/imports.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Functions that are reached, each group once. */
struct search {
	const struct graft_code *code;
	uint32_t func;
	bool *seen;
	uint32_t *list;
	uint32_t count;
	char *why;
};

__attribute__((__format__(__printf__, 2, 3))) static struct graft_error *
say(struct search *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int len = vasprintf(&s->why, fmt, args);
	va_end(args);
	if (len >= 0)
		return NULL;
	s->why = NULL;
	return graft_error_no_memory();
}

/** Reach a function with all its parts. */
GRAFT_MUST_CHECK static struct graft_error *
reach(struct search *s, uint32_t func)
{
	uint32_t group = s->code->funcs[func].group;

	if (group == s->code->funcs[s->func].group)
		return say(s, "it may be called again while it runs");
	for (uint32_t f = group; f != GRAFT_NONE;
	     f = s->code->funcs[f].group_next) {
		if (s->seen[f])
			continue;
		s->seen[f] = true;
		s->list[s->count++] = f;
	}
	return NULL;
}

/** Say whether a function of another module calls nothing of this one. */
static bool
calls_nobody(const struct graft_callee *callee)
{
	bool libc = callee->version &&
		    strncmp(callee->version, "GLIBC_", 6) == 0;

	return graft_known_import(callee->import) ||
	       (libc && !graft_throws_libc(callee->import));
}

GRAFT_MUST_CHECK static struct graft_error *
look_at(struct search *s, const struct graft_insn *insn)
{
	bool goes = insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP);
	struct graft_callee callee;
	char name[128];

	if (insn->flags & GRAFT_INSN_INTERNAL)
		return NULL;
	if (!goes && insn->ref == GRAFT_NONE)
		return NULL;
	callee = graft_callee_of(s->code, insn);
	if (goes && callee.indirect)
		return say(s, "it calls through a pointer");
	if (callee.func != GRAFT_NONE)
		return reach(s, callee.func);
	if (!goes || !callee.import) {
		// A jump into the middle of something is one of its parts.
		return NULL;
	}
	if (strcmp(callee.import, "__stack_chk_fail") == 0)
		return NULL;
	if (!graft_import_returns_twice(callee.import) && calls_nobody(&callee))
		return NULL;
	// Names come from a file; they are printed.
	snprintf(name, sizeof(name), "%s", callee.import);
	return say(s, "it calls %s, of which it is not known whom that calls",
		   name);
}

GRAFT_MUST_CHECK static struct graft_error *
look_through(struct search *s, uint32_t f)
{
	const struct graft_func *func = &s->code->funcs[f];
	struct graft_error *err = NULL;

	if (func->bad)
		return say(s, "some of what it calls does not decode");
	for (uint32_t i = 0; i < func->insn_count && !s->why && !err; i++)
		err = look_at(s, &s->code->insns[func->first_insn + i]);
	return err;
}

struct graft_error *
graft_back_find(const struct graft_code *code, uint32_t func, char **why_ret)
{
	GRAFT_FREE bool *seen = calloc(code->func_count + 1, sizeof(*seen));
	GRAFT_FREE uint32_t *list = calloc(code->func_count + 1, sizeof(*list));
	struct search s = {
		.code = code, .func = func, .seen = seen, .list = list
	};
	struct graft_error *err = NULL;

	if (!seen || !list)
		return graft_error_no_memory();
	for (uint32_t f = code->funcs[func].group; f != GRAFT_NONE;
	     f = code->funcs[f].group_next) {
		seen[f] = true;
		list[s.count++] = f;
	}
	for (uint32_t i = 0; i < s.count && !s.why && !err; i++)
		err = look_through(&s, list[i]);
	if (err) {
		free(s.why);
		return err;
	}
	*why_ret = s.why;
	return NULL;
}
