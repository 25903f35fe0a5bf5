// SPDX-License-Identifier: Apache-2.0

// for main(): functions that differ between the builds and are left
// as they are. Notes, each with both addresses, so that who compares the builds
// without the diff knows which differences were meant to stay.

#include "judge/rules/checks.h"

#include "diff/change/line.h"

#include <stdio.h>

/** What differs in a function that is left. */
struct difference {
	uint32_t count;
	struct graft_line_pair first;
};

/** Count the lines that differ; the code is the same but for them. */
static struct graft_error *
count_lines(const struct graft_diff *diff, struct graft_line_prover *prover,
	    uint32_t new_func, struct difference *ret)
{
	uint32_t old_func = diff->new_match[new_func].other;
	const struct graft_func *of = &diff->old_code->funcs[old_func];
	const struct graft_func *nf = &diff->new_code->funcs[new_func];

	for (uint32_t i = 0; i < nf->insn_count; i++) {
		const struct graft_insn *o =
			&diff->old_code->insns[of->first_insn + i];
		const struct graft_insn *n =
			&diff->new_code->insns[nf->first_insn + i];
		struct graft_line_pair pair;
		bool fine = false;
		if (o->hash == n->hash)
			continue;
		struct graft_error *err = graft_line_is_proven(
			prover, old_func, of->first_insn + i, new_func,
			nf->first_insn + i, &pair, &fine);
		if (err)
			return err;
		if (fine && ret->count++ == 0)
			ret->first = pair;
	}
	return NULL;
}

static struct graft_error *
note_lines(struct graft_case *c, struct graft_line_prover *prover,
	   uint32_t new_func)
{
	const struct graft_diff *diff = c->diff;
	uint32_t old_func = diff->new_match[new_func].other;
	uint64_t old_addr = diff->old_code->funcs[old_func].addr;
	uint64_t new_addr = diff->new_code->funcs[new_func].addr;
	struct difference difference = { 0 };
	char more[48] = "";

	struct graft_error *err = count_lines(diff, prover, new_func,
					      &difference);
	if (err)
		return err;
	if (difference.count > 1)
		snprintf(more, sizeof(more), ", and %u more",
			 difference.count - 1);
	struct graft_place_text where = graft_place_code(diff->old_code,
							 old_func, old_addr);
	return graft_case_note(
		c, GRAFT_RULE_LEFT, where.str,
		"only line numbers differ (%u became %u%s), so it stays as it is (old 0x%llx, new 0x%llx)",
		difference.first.old_line, difference.first.new_line, more,
		(unsigned long long)old_addr, (unsigned long long)new_addr);
}

static struct graft_error *
note_main(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;

	if (diff->left_main == GRAFT_NONE ||
	    diff->new_match[diff->left_main].carried)
		return NULL;
	uint32_t old_func = diff->new_match[diff->left_main].other;
	uint64_t old_addr = diff->old_code->funcs[old_func].addr;
	struct graft_place_text where = graft_place_code(diff->old_code,
							 old_func, old_addr);
	return graft_case_note(
		c, GRAFT_RULE_ONCE, where.str,
		"main() differs in text only, which it passed on when the program started, so it stays as it is (old 0x%llx, new 0x%llx)",
		(unsigned long long)old_addr,
		(unsigned long long)diff->new_code->funcs[diff->left_main]
			.addr);
}

struct graft_error *
graft_check_left(struct graft_case *c)
{
	GRAFT_CLEANUP(graft_line_prover_deinit)
	struct graft_line_prover prover = { 0 };
	struct graft_error *err = note_main(c);

	if (!err)
		err = graft_line_prover_init(c->diff, &prover);
	for (uint32_t n = 0; !err && n < c->diff->new_code->func_count; n++) {
		if (graft_line_is_left(c->diff, n))
			err = note_lines(c, &prover, n);
	}
	return err;
}
