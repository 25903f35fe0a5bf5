// SPDX-License-Identifier: Apache-2.0

// Types that are found in the other build by their name: one side only declares
// them, has nothing but `void *` there, or names them first.

#include "judge/types/compare.h"

#include "judge/types/looks.h"

#include <string.h>

/** Make looks of a single type. */
static struct graft_error *
look_at_one(struct graft_dwarf *dwarf, uint32_t type, struct graft_looks *ret)
{
	ret->count = 1;
	ret->more = false;
	return graft_look_read(dwarf, type, &ret->list[0]);
}

/** Put all definitions of one name in: those that look alike with each other,
 * and if some of OLD have no like in NEW, these with what is left of NEW. */
static struct graft_error *
add_by_name(struct graft_comparer *comparer, const struct graft_looks *o,
	    const struct graft_looks *n, struct graft_type_way way)
{
	struct graft_error *err = NULL;
	size_t left = 0;

	comparer->unknown += o->more || n->more;
	for (size_t i = 0; !err && i < o->count; i++) {
		size_t like = graft_looks_find(n, &o->list[i]);
		if (like == n->count) {
			while (left < n->count &&
			       graft_looks_find(o, &n->list[left]) != o->count)
				left++;
			like = left < n->count ? left : 0;
		}
		err = graft_comparer_add(comparer, o->list[i].type,
					 n->list[like].type, GRAFT_TYPE_LIVES,
					 way);
	}
	return err;
}

struct graft_error *
graft_comparer_declared(struct graft_comparer *comparer,
			const struct graft_type_pair *pair,
			const struct graft_type *o, const struct graft_type *n)
{
	struct graft_looks was;
	struct graft_looks is;
	struct graft_error *err =
		o->declaration
			? graft_looks_collect(comparer->old_dwarf, o->name,
					      o->kind, &was)
			: look_at_one(comparer->old_dwarf, pair->o, &was);

	if (!err)
		err = n->declaration
			      ? graft_looks_collect(comparer->new_dwarf,
						    n->name, n->kind, &is)
			      : look_at_one(comparer->new_dwarf, pair->n, &is);
	if (err)
		return err;
	if (was.count && is.count)
		return add_by_name(comparer, &was, &is, pair->way);
	// Nobody here knows what it looks like: another module made it.
	return strcmp(o->name, n->name)
		       ? graft_comparer_differ_in_kind(comparer, pair)
		       : NULL;
}

/** Put in what only NEW names with what has its name in OLD: what looks like it
 * if there is one, else all. */
static struct graft_error *
add_fresh(struct graft_comparer *comparer, const struct graft_looks *o,
	  const struct graft_looks *n, struct graft_type_way way)
{
	size_t like = n->count == 1 ? graft_looks_find(o, &n->list[0])
				    : o->count;

	if (like == o->count || o->more)
		return add_by_name(comparer, o, n, way);
	return graft_comparer_add(comparer, o->list[like].type, n->list[0].type,
				  GRAFT_TYPE_LIVES, way);
}

/** Count a type that OLD does not have; apart if no variable and no parameter of
 * carried code leads to it. */
static void
count_fresh(struct graft_comparer *comparer, const struct graft_type *type,
	    uint32_t number)
{
	if (type->declaration || (type->kind != GRAFT_TYPE_IS_STRUCT &&
				  type->kind != GRAFT_TYPE_IS_UNION))
		return;
	comparer->fresh++;
	if (!type->member_count ||
	    (comparer->frames &&
	     graft_comparer_was_fresh(comparer->frames, number)))
		return;
	if (comparer->unseen++ == 0)
		comparer->first_unseen = number;
}

/** Look in OLD for what only NEW names.
 *
 * @param[out] ret Whether something has that name, and was put in.
 */
static struct graft_error *
find_fresh(struct graft_comparer *comparer, const struct graft_type_pair *pair,
	   const char *name, uint32_t number, bool *ret)
{
	const struct graft_type *type;
	struct graft_looks was;
	struct graft_looks is;
	struct graft_error *err = graft_dwarf_type(comparer->new_dwarf, number,
						   &type);

	*ret = false;
	if (!err)
		err = graft_looks_collect(comparer->old_dwarf, name, type->kind,
					  &was);
	if (!err)
		err = type->declaration
			      ? graft_looks_collect(comparer->new_dwarf, name,
						    type->kind, &is)
			      : look_at_one(comparer->new_dwarf, number, &is);
	if (err || !was.count || !is.count)
		return err;
	*ret = true;
	return add_fresh(comparer, &was, &is, pair->way);
}

struct graft_error *
graft_comparer_fresh(struct graft_comparer *comparer,
		     const struct graft_type_pair *pair)
{
	const struct graft_type *alias;
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_dwarf_type(comparer->new_dwarf, pair->n,
						   &alias);
	enum graft_type_use inside = pair->use;

	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, pair->n,
					    &number, &type);
	// So that it is known as what it is, too.
	if (!err && number != pair->n && type->name[0])
		return graft_comparer_add(comparer, 0, number, pair->use,
					  pair->way);
	if (err)
		return err;
	const char *name = type->name[0]                          ? type->name
			   : alias->kind == GRAFT_TYPE_IS_TYPEDEF ? alias->name
								  : "";
	switch (type->kind) {
	case GRAFT_TYPE_IS_ODD:
		comparer->unknown++;
		return NULL;
	case GRAFT_TYPE_IS_POINTER:
	case GRAFT_TYPE_IS_MEMBER_POINTER:
		return graft_comparer_add(comparer, 0, type->target,
					  GRAFT_TYPE_FRESH, pair->way);
	case GRAFT_TYPE_IS_ARRAY:
		return graft_comparer_add(comparer, 0, type->target, pair->use,
					  pair->way);
	case GRAFT_TYPE_IS_ENUM:
		return NULL;
	case GRAFT_TYPE_IS_STRUCT:
	case GRAFT_TYPE_IS_UNION:
		break;
	default:
		inside = GRAFT_TYPE_FRESH_IN_FRAME;
		break;
	}
	if (pair->use == GRAFT_TYPE_FRESH && name[0]) {
		bool found;
		err = find_fresh(comparer, pair, name, number, &found);
		if (err || found)
			return err;
	}
	if (name[0])
		count_fresh(comparer, type, number);
	for (size_t i = 0; !err && i < type->member_count; i++)
		err = graft_comparer_add(comparer, 0, type->members[i].type,
					 inside, pair->way);
	if (!err && type->kind == GRAFT_TYPE_IS_FUNCTION)
		err = graft_comparer_add(comparer, 0, type->target, inside,
					 pair->way);
	return err;
}

struct graft_error *
graft_comparer_hidden(struct graft_comparer *comparer,
		      const struct graft_type_pair *pair,
		      const struct graft_type *o)
{
	struct graft_looks was;
	struct graft_looks is;

	if ((o->kind != GRAFT_TYPE_IS_STRUCT &&
	     o->kind != GRAFT_TYPE_IS_UNION) ||
	    !o->name[0] || o->declaration)
		return NULL;
	struct graft_error *err = look_at_one(comparer->old_dwarf, pair->o,
					      &was);
	if (!err)
		err = graft_looks_collect(comparer->new_dwarf, o->name, o->kind,
					  &is);
	return err || !is.count ? err
				: add_by_name(comparer, &was, &is, pair->way);
}
