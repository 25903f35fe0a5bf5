// SPDX-License-Identifier: Apache-2.0

#include "judge/types/member_uses.h"

#include "base/vec.h"
#include "diff/diff.h"
#include "judge/types/members_at.h"
#include "judge/types/pointees.h"
#include "judge/types/types.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Typedefs of typedefs. */
	DEPTH_MAX = 32,
};

/** Find a struct's own name, or that of the last typedef in front of it. */
static struct graft_error *
name_of(struct graft_dwarf *dwarf, uint32_t type, const char **ret)
{
	*ret = "";
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct graft_type *t;
		struct graft_error *err = graft_dwarf_type(dwarf, type, &t);
		if (err)
			return err;
		if (t->name[0])
			*ret = t->name;
		if (t->kind != GRAFT_TYPE_IS_TYPEDEF)
			return NULL;
		type = t->target;
	}
	return NULL;
}

/** Say whether a member is one number or pointer, and some bytes of it are among
 * others. Bits that share their bytes are none. */
static struct graft_error *
is_among(struct graft_dwarf *dwarf, const struct graft_member *member,
	 uint64_t off, uint64_t size, bool *ret)
{
	const struct graft_type *peeled;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, member->type,
							&number, &peeled);

	if (err)
		return err;
	uint64_t at = member->bit_off / 8;
	bool scalar = peeled->kind == GRAFT_TYPE_IS_BASE ||
		      peeled->kind == GRAFT_TYPE_IS_POINTER ||
		      peeled->kind == GRAFT_TYPE_IS_ENUM;
	*ret = scalar && !member->bit_size && !member->dynamic &&
	       at < off + size && off < at + peeled->size;
	return NULL;
}

static struct graft_error *
add(struct graft_member_uses *uses, const char *type,
    const struct graft_member *member, const struct graft_op *op)
{
	struct graft_member_use *use = NULL;

	for (size_t i = 0; i < uses->count; i++) {
		if (uses->list[i].off == member->bit_off / 8 &&
		    strcmp(uses->list[i].type, type) == 0)
			use = &uses->list[i];
	}
	if (!use) {
		struct graft_error *err =
			graft_vec_reserve(&uses->list, &uses->cap,
					  uses->count + 1, sizeof(*uses->list));
		if (err)
			return err;
		use = &uses->list[uses->count++];
		*use = (struct graft_member_use){
			.type = type,
			.member = member->name,
			.off = member->bit_off / 8,
		};
	}
	if (op->what == GRAFT_OP_LEA) {
		use->takes++;
	} else if (op->mem_write) {
		use->stores++;
		use->store_addr = op->addr;
	} else if (op->mem_read) {
		use->loads++;
		use->load_addr = op->addr;
	}
	return NULL;
}

/** Note what one instruction does at a place: compilers set several members at
 * once. */
static struct graft_error *
note(struct graft_member_uses *uses, struct graft_dwarf *dwarf,
     struct graft_type_place place, const struct graft_op *op)
{
	const struct graft_type *type;
	uint64_t size = op->what == GRAFT_OP_LEA ? 1 : op->mem_size;
	const char *name;
	uint32_t number;
	bool among;

	if (place.of != GRAFT_TYPE_PLACE_OF_OBJECT || place.off < 0)
		return NULL;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, place.type,
							&number, &type);
	if (!err)
		err = name_of(dwarf, place.type, &name);
	if (err || !graft_type_has_members(type) ||
	    type->kind != GRAFT_TYPE_IS_STRUCT || !name[0])
		return err;
	for (size_t i = 0; !err && i < type->member_count; i++) {
		err = is_among(dwarf, &type->members[i], (uint64_t)place.off,
			       size, &among);
		if (!err && among)
			err = add(uses, name, &type->members[i], op);
	}
	return err;
}

struct graft_error *
graft_member_uses_read(const struct graft_case *c, const struct graft_ops *ops,
		       struct graft_member_uses *ret)
{
	GRAFT_CLEANUP(graft_pointees_deinit)
	struct graft_pointees pointees = { 0 };

	*ret = (struct graft_member_uses){ 0 };
	if (!c->types)
		return NULL;
	struct graft_dwarf *dwarf = ops->code == c->diff->old_code
					    ? c->types->old_dwarf
					    : c->types->new_dwarf;
	struct graft_error *err = graft_pointees_read(c, ops, &pointees);
	for (uint32_t i = 0; !err && i < ops->count; i++) {
		if (ops->ops[i].has_mem)
			err = note(ret, dwarf, pointees.reached[i],
				   &ops->ops[i]);
	}
	return err;
}

const struct graft_member_use *
graft_member_uses_find(const struct graft_member_uses *uses, const char *type,
		       uint64_t off)
{
	for (size_t i = 0; i < uses->count; i++) {
		if (uses->list[i].off == off &&
		    strcmp(uses->list[i].type, type) == 0)
			return &uses->list[i];
	}
	return NULL;
}

void
graft_member_uses_deinit(struct graft_member_uses *uses)
{
	free(uses->list);
	*uses = (struct graft_member_uses){ 0 };
}
