// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/entry.h"

#include "base/vec.h"
#include "diff/code/area.h"
#include "diff/match/beside.h"
#include "diff/match/witness.h"
#include "patch/patch.h"

#include <string.h>

enum {
	/** Something that stays comes to the start. */
	ENTERED = 1,
	/** Something that is replaced too comes to the start. */
	ENTERED_INSIDE = 2,
	/** Something that stays comes to the middle. */
	ENTERED_BEHIND = 4,
	/** Its address is taken: memory may remember it. */
	TAKEN = 8,
};

/** What comes to one OLD function. */
struct visits {
	struct graft_closure *closure;
	/** One set per OLD function. */
	uint8_t *how;
	/** Who comes to the middle, for the message. */
	uint64_t *from;
	/** Which matches pointers confirm. */
	bool *confirmed;
};

static void
visit(struct visits *visits, uint64_t target, uint64_t from, bool inside)
{
	const struct graft_code *code = visits->closure->diff->old_code;
	uint32_t func = graft_code_func_at(code, target);

	if (func == GRAFT_NONE)
		return;
	if (inside) {
		visits->how[func] |= ENTERED_INSIDE;
	} else if (code->funcs[func].addr == target) {
		visits->how[func] |= ENTERED;
	} else {
		visits->how[func] |= ENTERED_BEHIND;
		visits->from[func] = from;
	}
}

/** Note that the address of a function is taken. */
static void
take(struct visits *visits, uint64_t target)
{
	const struct graft_code *code = visits->closure->diff->old_code;
	uint32_t func = graft_code_func_at(code, target);

	if (func != GRAFT_NONE && code->funcs[func].addr == target)
		visits->how[func] |= TAKEN;
}

/**
 * Refuse if memory may remember the address of a function that NEW does not
 * have: it would go on to run. Likewise if nothing but order says which function
 * of NEW replaces it; one that a compiler only counts (a lambda) may be reached
 * from a pointer through a stub that is the same for all of them.
 */
static struct graft_error *
check_taken(struct visits *visits, uint32_t func)
{
	const struct graft_diff *diff = visits->closure->diff;
	const struct graft_func_match *match = &diff->old_match[func];

	uint8_t comes = TAKEN;

	if (match->other != GRAFT_NONE &&
	    graft_beside_is_counted(diff, match->other))
		comes |= ENTERED;
	if (!(visits->how[func] & comes) || diff->carried_count == 0)
		return NULL;
	if (match->other != GRAFT_NONE) {
		if (!match->carried || visits->confirmed[func] ||
		    match->evidence > GRAFT_EVIDENCE_ORDER)
			return NULL;
		return graft_closure_find(
			visits->closure,
			(struct graft_finding){
				GRAFT_FINDING_UNRESOLVED, match->other,
				diff->old_code->funcs[func].addr, true, NULL },
			visits->how[func] & TAKEN
				? "memory may hold the address of this "
				  "function, and only its place says which one "
				  "of the new build stands for it"
				: "code that stays comes to this function, and "
				  "only its place and a number in its name say "
				  "which one of the new build stands for it");
	}
	return graft_closure_find(
		visits->closure,
		(struct graft_finding){ GRAFT_FINDING_REMOVED, GRAFT_NONE,
					diff->old_code->funcs[func].addr, true,
					NULL },
		"nothing in the new build stands for this function, and memory "
		"may hold its address");
}

static void
visit_code(struct visits *visits)
{
	const struct graft_diff *diff = visits->closure->diff;
	const struct graft_code *code = diff->old_code;

	for (uint32_t i = 0; i < code->func_count; i++) {
		const struct graft_func *func = &code->funcs[i];
		for (uint32_t j = 0; j < func->ref_count; j++) {
			const struct graft_ref *ref =
				&code->refs[func->first_ref + j];
			if (ref->kind == GRAFT_REF_TLS)
				continue;
			// An address that replaced code took may live on.
			bool inside = diff->old_match[i].carried &&
				      ref->kind == GRAFT_REF_BRANCH;
			visit(visits, ref->target, ref->at, inside);
			if (ref->kind == GRAFT_REF_ADDRESS)
				take(visits, ref->target);
		}
	}
}

static void
visit_data(struct visits *visits)
{
	const struct graft_image *image = visits->closure->diff->old_image;
	const struct graft_code *code = visits->closure->diff->old_code;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		uint64_t target = (uint64_t)relocs[i].addend;
		if (relocs[i].type != R_X86_64_RELATIVE &&
		    relocs[i].type != R_X86_64_IRELATIVE)
			continue;
		uint32_t func = graft_code_func_at(code, target);
		// Constant tables of places inside a function are its own
		// (`&&label`): only it jumps there.
		if (func != GRAFT_NONE && code->funcs[func].addr != target &&
		    graft_area_of(image, relocs[i].addr) == GRAFT_AREA_CONSTANT)
			continue;
		visit(visits, target, relocs[i].addr, false);
		take(visits, target);
	}
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		if (symbols[i].defined && symbols[i].dynamic &&
		    (symbols[i].type == STT_FUNC ||
		     symbols[i].type == STT_GNU_IFUNC))
			visit(visits, symbols[i].addr, 0, false);
	}
	visit(visits, graft_image_entry(image), 0, false);
}

/**
 * Does somebody name a place between the end of a function and @p end?
 *
 * Then it is no padding, even if it looks like it: tables of assemblers begin
 * with zeroes too.
 */
static bool
names_padding(const struct graft_code *code, const struct graft_func *func,
	      uint64_t end)
{
	uint64_t start = func->addr + func->size;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);

	for (size_t i = 0; i < code->ref_count; i++) {
		if (code->refs[i].target >= start && code->refs[i].target < end)
			return true;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t target = (uint64_t)relocs[i].addend;
		if (!relocs[i].symbol && target >= start && target < end)
			return true;
	}
	return false;
}

static struct graft_error *
add_entry(struct visits *visits, uint32_t func, size_t *cap)
{
	struct graft_diff *diff = visits->closure->diff;
	const struct graft_func *f = &diff->old_code->funcs[func];
	uint64_t room = f->size + graft_func_padding(diff->old_code, func);
	uint64_t need = GRAFT_JUMP_SIZE + (f->endbr ? GRAFT_ENDBR_SIZE : 0);

	if (f->size < need && names_padding(diff->old_code, f, f->addr + need))
		room = f->size;
	if (room < need)
		return graft_closure_find(
			visits->closure,
			(struct graft_finding){ GRAFT_FINDING_NO_ROOM,
						diff->old_match[func].other,
						f->addr, true, NULL },
			"%llu bytes up to the next function, the jump needs "
			"%llu",
			(unsigned long long)room, (unsigned long long)need);
	struct graft_error *err = graft_vec_reserve(&diff->entries, cap,
						    diff->entry_count + 1,
						    sizeof(*diff->entries));
	if (!err)
		diff->entries[diff->entry_count++] = func;
	return err;
}

static struct graft_error *
check_func(struct visits *visits, uint32_t func, size_t *cap)
{
	struct graft_diff *diff = visits->closure->diff;
	const struct graft_func *f = &diff->old_code->funcs[func];
	uint8_t comes = ENTERED | ENTERED_BEHIND;

	if (diff->old_match[func].other == GRAFT_NONE) {
		// A fragment that NEW has no more: fine if only its own
		// function came to it.
		if (!(visits->how[func] & comes))
			return NULL;
		return graft_closure_find(
			visits->closure,
			(struct graft_finding){ GRAFT_FINDING_REMOVED,
						GRAFT_NONE, f->addr, true,
						NULL },
			"the new build has no counterpart of this part of a "
			"changed function, and other code comes to it");
	}
	if (visits->how[func] & ENTERED_BEHIND) {
		struct graft_error *err = graft_closure_find(
			visits->closure,
			(struct graft_finding){ GRAFT_FINDING_SECOND_ENTRY,
						diff->old_match[func].other,
						f->addr, true, NULL },
			"0x%llx, which stays, leads behind its entry",
			(unsigned long long)visits->from[func]);
		if (err)
			return err;
	}
	if ((visits->how[func] & ENTERED) || (visits->how[func] & ~TAKEN) == 0)
		return add_entry(visits, func, cap);
	return NULL;
}

struct graft_error *
graft_entry_find(struct graft_closure *closure)
{
	const struct graft_diff *diff = closure->diff;
	size_t count = diff->old_code->func_count;
	size_t cap = 0;
	GRAFT_FREE uint8_t *how = calloc(count + 1, sizeof(*how));
	GRAFT_FREE uint64_t *from = calloc(count + 1, sizeof(*from));
	GRAFT_FREE bool *confirmed = calloc(count + 1, sizeof(*confirmed));
	struct visits visits = { closure, how, from, confirmed };
	struct graft_error *err = NULL;

	if (!how || !from || !confirmed)
		return graft_error_no_memory();
	if (diff->carried_count)
		err = graft_witness_find(diff, confirmed);
	visit_code(&visits);
	visit_data(&visits);
	for (uint32_t i = 0; !err && i < count; i++) {
		err = check_taken(&visits, i);
		if (!err && diff->old_match[i].carried)
			err = check_func(&visits, i, &cap);
	}
	return err;
}
