// SPDX-License-Identifier: Apache-2.0

// a new writable object begins as the file says. If one function sets it
// and another relies on that, the setter may have run (as OLD) already: an
// initialiser. So all that use a new object must be one function.

#include "judge/checks.h"

/** Find the piece that an address lies in, or NULL. */
static const struct graft_piece *
new_object_at(const struct graft_diff *diff, uint64_t addr)
{
	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (piece->writable && addr - piece->addr < piece->size)
			return piece;
	}
	return NULL;
}

/** Find another user of an object than @p group. */
static uint32_t
find_other_user(const struct graft_diff *diff, const struct graft_piece *piece,
		uint32_t group)
{
	const struct graft_code *code = diff->new_code;

	for (size_t i = 0; i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		if (code->refs[r->ref].target - piece->addr < piece->size &&
		    code->funcs[r->func].group != group)
			return r->func;
	}
	return GRAFT_NONE;
}

static struct graft_error *
judge_object(struct graft_case *c, const struct graft_piece *piece,
	     uint32_t user)
{
	const struct graft_code *code = c->diff->new_code;
	uint32_t other = find_other_user(c->diff, piece,
					 code->funcs[user].group);
	char name[200];
	char other_name[200];

	if (other == GRAFT_NONE)
		return NULL;
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 piece->addr);
	graft_code_name(code, user, name, sizeof(name));
	graft_code_name(code, other, other_name, sizeof(other_name));
	return graft_case_refuse(
		c, GRAFT_RULE_OBJECT, where.str,
		"a new writable object that %s and %s share: one may have run before the change without setting it up for the other",
		name, other_name);
}

struct graft_error *
graft_check_objects(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_piece *last = NULL;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		const struct graft_piece *piece = new_object_at(
			diff, diff->new_code->refs[r->ref].target);
		if (!piece || piece == last)
			continue;
		last = piece;
		err = judge_object(c, piece, r->func);
	}
	return err;
}
