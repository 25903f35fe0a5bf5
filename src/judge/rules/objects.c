// SPDX-License-Identifier: Apache-2.0

// a new writable object begins as the file says. If one function sets it
// and another relies on that, the setter may have run (as OLD) already: an
// initialiser. So all that use a new object must be one function, or copies of one
// function of the source, each of which sets it by itself. Without symbols
// little proves that an object is new (diff/match/fresh.h), else the reference is refused
// but where the room between its neighbours grew, it is said what that would mean.

#include "judge/rules/checks.h"
#include "judge/rules/done_again.h"
#include "judge/rules/set_apart.h"

#include "base/sorted.h"
#include "diff/match/data.h"
#include "judge/types/types.h"

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

/** Does a function, with its cut-off parts, set an object by its name? */
static bool
is_set_by(const struct graft_diff *diff, const struct graft_piece *piece,
	  uint32_t group)
{
	const struct graft_code *code = diff->new_code;

	for (size_t i = 0; i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		const struct graft_ref *ref = &code->refs[r->ref];
		if (ref->target - piece->addr < piece->size && ref->writes &&
		    code->funcs[r->func].group == group)
			return true;
	}
	return false;
}

/** Find the variable of one function of the source that an address is in;
 * #GRAFT_DWARF_NONE if it is no such variable, or of two functions. */
static struct graft_error *
local_at(struct graft_dwarf *dwarf, uint64_t addr, uint32_t *ret)
{
	uint32_t first;
	struct graft_error *err = graft_subject_at(dwarf, addr, false, &first);

	*ret = GRAFT_DWARF_NONE;
	if (err || first == GRAFT_DWARF_NONE)
		return err;
	const struct graft_subject *s = graft_dwarf_subject(dwarf, first);
	if (!s->is_local || s->external || s->partial)
		return NULL;
	for (uint32_t i = s->next; i != GRAFT_DWARF_NONE;
	     i = graft_dwarf_subject(dwarf, i)->next) {
		// Another variable there, or the same of another function.
		if (!graft_dwarf_subject(dwarf, i)->is_local ||
		    !graft_subject_is_same(dwarf, first, dwarf, i))
			return NULL;
	}
	*ret = first;
	return NULL;
}

/**
 * Is an object a static variable of one function of the source, of which all that
 * name it hold a copy?
 *
 * That function called by two would be accepted, as any one function is. A copy may
 * be a part of it, though: what is left of `limit(SET, 3)` sets, and what is left
 * of `limit(GET)` reads. So each copy must set the object by itself.
 */
static struct graft_error *
is_of_one_source(struct graft_case *c, const struct graft_piece *piece,
		 bool *ret)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_code *code = diff->new_code;
	uint32_t local = GRAFT_DWARF_NONE;
	struct graft_error *err = NULL;

	*ret = false;
	if (!c->types)
		return NULL;
	for (size_t i = 0; !err && i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		uint64_t target = code->refs[r->ref].target;
		uint32_t at;
		if (target - piece->addr >= piece->size)
			continue;
		err = local_at(c->types->new_dwarf, target, &at);
		if (err || at == GRAFT_DWARF_NONE ||
		    (local != GRAFT_DWARF_NONE && at != local) ||
		    !is_set_by(diff, piece, code->funcs[r->func].group))
			return err;
		local = at;
	}
	*ret = local != GRAFT_DWARF_NONE;
	return err;
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
	bool fine;

	struct graft_error *err = graft_check_done_again(c, piece, user);
	if (err || other == GRAFT_NONE)
		return err ? err : graft_check_set_apart(c, piece, user);
	err = is_of_one_source(c, piece, &fine);
	if (!err && fine)
		err = graft_check_copies_apart(c, piece);
	if (err || fine)
		return err;
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 piece->addr);
	graft_code_name(code, user, name, sizeof(name));
	graft_code_name(code, other, other_name, sizeof(other_name));
	return graft_case_refuse(
		c, GRAFT_RULE_OBJECT, where.str,
		"a new writable object that %s and %s share: one may have run before the change without setting it up for the other",
		name, other_name);
}

/** Find where the object begins that an address is in, as far as code says. */
static uint64_t
start_of(const struct graft_code *code, uint64_t addr)
{
	size_t count = graft_sorted_up_to(code->starts, code->start_count,
					  addr);

	return count ? code->starts[count - 1] : addr;
}

/** Say whether there is more room between what is known on both sides of an
 * address than there was. */
static bool
room_grew(const struct graft_diff *diff, uint64_t addr)
{
	const struct graft_section *n = graft_image_section_at(diff->new_image,
							       addr);
	const struct graft_sighting *left = graft_data_map_near(diff, addr,
								false);
	const struct graft_sighting *right = graft_data_map_near(diff, addr,
								 true);
	const struct graft_section *o =
		n ? graft_image_section_named(diff->old_image, n->name) : NULL;

	if (!n || !o)
		return false;
	uint64_t is = (right ? right->new_addr : n->addr + n->size) -
		      (left ? left->new_addr : n->addr);
	uint64_t was = (right ? right->old_addr : o->addr + o->size) -
		       (left ? left->old_addr : o->addr);
	return is > was && was <= o->size;
}

static bool
is_unsettled(const struct graft_resolution *r)
{
	return r->thing == GRAFT_THING_DATA && r->place == GRAFT_PLACE_NONE;
}

/** Find another function that names an object of which nothing is known. */
static uint32_t
find_sharer(const struct graft_diff *diff, uint64_t start, uint32_t group)
{
	const struct graft_code *code = diff->new_code;

	for (size_t i = 0; i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		if (is_unsettled(r) && code->funcs[r->func].group != group &&
		    start_of(code, code->refs[r->ref].target) == start)
			return r->func;
	}
	return GRAFT_NONE;
}

/** Say what an object would mean that seems new and that two functions share. */
static struct graft_error *
judge_unsettled(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_code *code = diff->new_code;
	uint64_t last = 0;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->resolution_count; i++) {
		const struct graft_resolution *r = &diff->resolutions[i];
		uint64_t start = start_of(code, code->refs[r->ref].target);
		if (!is_unsettled(r) || start <= last ||
		    !room_grew(diff, start))
			continue;
		uint32_t other = find_sharer(diff, start,
					     code->funcs[r->func].group);
		if (other == GRAFT_NONE)
			continue;
		char name[200];
		char other_name[200];
		last = start;
		graft_code_name(code, r->func, name, sizeof(name));
		graft_code_name(code, other, other_name, sizeof(other_name));
		struct graft_place_text where =
			graft_place_data(diff->new_image, start);
		err = graft_case_refuse(
			c, GRAFT_RULE_OBJECT, where.str,
			"there is more room here than there was, and %s and %s share what seems to be new in it: one may have run before the change without setting it up for the other",
			name, other_name);
	}
	return err;
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
	return err ? err : judge_unsettled(c);
}
