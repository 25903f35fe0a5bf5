// SPDX-License-Identifier: Apache-2.0

// unwinding. Nobody registers unwind tables for carried code yet, so an
// exception that meets a carried frame ends the program. Refused are carried
// functions with landing pads, and in modules that know of exceptions (their
// CIEs name a personality, or they import the unwinder) carried functions that
// call something that may throw.
//
// C compiled without -fexceptions is not refused: exceptions must not pass
// through it by the rules of the languages. Calls through pointers from it are
// said in a note, because some programs throw through C callbacks regardless.

#include "judge/checks.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
starts_with(const char *str, const char *prefix)
{
	return strncmp(str, prefix, strlen(prefix)) == 0;
}

/** Say whether a module knows of exceptions. */
static bool
knows_exceptions(const struct graft_image *image)
{
	size_t count;
	const struct graft_extent *extents = graft_image_extents(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (extents[i].personality || extents[i].lsda)
			return true;
	}
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		const char *name = symbols[i].name;
		if (symbols[i].defined)
			continue;
		// __cxa_finalize and __cxa_atexit are in every module.
		if (starts_with(name, "_Unwind_") ||
		    starts_with(name, "__cxa_throw") ||
		    starts_with(name, "__cxa_begin_catch") ||
		    starts_with(name, "__cxa_rethrow") ||
		    starts_with(name, "__gxx_personality"))
			return true;
	}
	return false;
}

/** C functions through which an exception of a callback comes back. */
static bool
takes_callback(const char *name)
{
	static const char *const names[] = {
		"qsort",     "qsort_r",      "bsearch",         "lfind",
		"lsearch",   "twalk",        "tsearch",         "tfind",
		"ftw",       "nftw",         "scandir",         "glob",
		"call_once", "pthread_once", "dl_iterate_phdr",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/** C++ functions that are known not to throw. */
static bool
is_known_nothrow(const char *name)
{
	static const char *const names[] = {
		"_ZdlPv",
		"_ZdlPvm",
		"_ZdaPv",
		"_ZdaPvm",
		"_ZdlPvmSt11align_val_t",
		"_ZSt9terminatev",
		"_ZNSt6localeD1Ev",
		"_ZNSt9exceptionD2Ev",
		"_ZNSt8ios_base4InitD1Ev",
		"_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE10_M_disposeEv",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool
import_may_throw(const char *name)
{
	if (starts_with(name, "_Z"))
		return !is_known_nothrow(name);
	return starts_with(name, "_Unwind_") ||
	       starts_with(name, "__cxa_throw") ||
	       starts_with(name, "__cxa_rethrow") ||
	       starts_with(name, "__cxa_bad_") || takes_callback(name);
}

/** Why each function may throw: the callee, or NULL. */
struct throwing {
	const struct graft_code *code;
	bool *may;
};

/** Find a callee of a function that may throw; its name into @p buf. */
static bool
finds_throw(const struct throwing *throwing, uint32_t func, char *buf,
	    size_t len)
{
	const struct graft_code *code = throwing->code;
	const struct graft_func *f = &code->funcs[func];

	for (uint32_t i = 0; i < f->insn_count; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		// Jumps through registers are mostly jump tables; a tail call
		// leaves no frame behind that an exception could meet.
		bool call = insn->flags & GRAFT_INSN_CALL;
		struct graft_callee callee = graft_callee_of(code, insn);
		if (callee.indirect && call) {
			snprintf(buf, len, "a function through a pointer");
			return true;
		}
		if (callee.import && callee.func == GRAFT_NONE &&
		    import_may_throw(callee.import)) {
			snprintf(buf, len, "%s", callee.import);
			return true;
		}
		if (callee.func != GRAFT_NONE && throwing->may[callee.func]) {
			graft_code_name(code, callee.func, buf, len);
			return true;
		}
	}
	return false;
}

/** Spread "may throw" from callees to callers. */
static void
spread(struct throwing *throwing)
{
	bool again = true;
	char name[64];

	while (again) {
		again = false;
		for (uint32_t i = 0; i < throwing->code->func_count; i++) {
			if (throwing->may[i] ||
			    !finds_throw(throwing, i, name, sizeof(name)))
				continue;
			throwing->may[i] = true;
			again = true;
		}
	}
}

static struct graft_error *
judge_throws(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	GRAFT_FREE bool *may = calloc(code->func_count + 1, sizeof(*may));
	struct throwing throwing = { .code = code, .may = may };
	struct graft_error *err = NULL;

	if (!may)
		return graft_error_no_memory();
	spread(&throwing);
	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		const struct graft_extent *extent = code->funcs[func].extent;
		char name[200];
		if ((extent && extent->lsda) || !may[func] ||
		    !finds_throw(&throwing, func, name, sizeof(name)))
			continue;
		struct graft_place_text where =
			graft_place_code(code, func, code->funcs[func].addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_UNWIND, where.str,
			"it calls %s, from where an exception may pass through it, and its unwind tables cannot be made known",
			name);
	}
	return err;
}

static struct graft_error *
judge_landing_pads(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < c->diff->carried_count; i++) {
		uint32_t func = c->diff->carried[i];
		const struct graft_extent *extent = code->funcs[func].extent;
		if (!extent || !extent->lsda)
			continue;
		struct graft_place_text where =
			graft_place_code(code, func, code->funcs[func].addr);
		err = graft_case_refuse(
			c, GRAFT_RULE_UNWIND, where.str,
			"it catches exceptions or cleans up behind them (its language-specific data are at 0x%llx), and its unwind tables cannot be made known",
			(unsigned long long)extent->lsda);
	}
	return err;
}

/** Note carried C code that calls through pointers. */
static struct graft_error *
note_callbacks(struct graft_case *c)
{
	const struct graft_code *code = c->diff->new_code;
	size_t count = 0;
	uint32_t first = GRAFT_NONE;

	for (size_t i = 0; i < c->diff->carried_count; i++) {
		const struct graft_func *f = &code->funcs[c->diff->carried[i]];
		for (uint32_t j = 0; j < f->insn_count; j++) {
			const struct graft_insn *insn =
				&code->insns[f->first_insn + j];
			if (!(insn->flags & GRAFT_INSN_CALL) ||
			    !graft_callee_of(code, insn).indirect)
				continue;
			if (count++ == 0)
				first = c->diff->carried[i];
			break;
		}
	}
	if (first == GRAFT_NONE)
		return NULL;
	struct graft_place_text where =
		graft_place_code(code, first, code->funcs[first].addr);
	return graft_case_note(
		c, GRAFT_RULE_UNWIND, where.str,
		"%zu carried functions call through pointers: an exception that a callback throws through this C code, which the language forbids, would end the program",
		count);
}

struct graft_error *
graft_check_unwind(struct graft_case *c)
{
	struct graft_error *err = judge_landing_pads(c);

	if (err)
		return err;
	if (knows_exceptions(c->diff->new_image) ||
	    knows_exceptions(c->diff->old_image))
		return judge_throws(c);
	return note_callbacks(c);
}
