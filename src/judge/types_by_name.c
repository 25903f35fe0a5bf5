// SPDX-License-Identifier: Apache-2.0

// Types that are found in the other build by their name: one side only declares
// them, has nothing but `void *` there, or names them first.

#include "judge/types_compare.h"

#include "base/hash.h"

#include <string.h>

/** A hash of what a struct looks like, to tell two of one name apart. */
static uint64_t
looks_of(const struct graft_type *type)
{
	uint64_t hash = graft_hash_mix(type->size, type->member_count);

	for (size_t i = 0; i < type->member_count; i++) {
		const struct graft_member *member = &type->members[i];
		hash = graft_hash_bytes(hash, member->name,
					strlen(member->name));
		hash = graft_hash_mix(hash, member->bit_off);
		hash = graft_hash_mix(hash, member->bit_size);
	}
	return hash;
}

/** The definitions of one name that look different. */
struct looks {
	uint32_t type[16];
	uint64_t hash[16];
	size_t count;
	/** There are more than fit. */
	bool more;
};

static struct graft_error *
collect_looks(struct graft_dwarf *dwarf, const char *name,
	      enum graft_type_kind kind, struct looks *ret)
{
	const struct graft_named_type *named;
	size_t count;
	struct graft_error *err = graft_dwarf_types_named(dwarf, name, &named,
							  &count);

	*ret = (struct looks){ 0 };
	for (size_t i = 0; !err && i < count; i++) {
		const struct graft_type *type;
		uint32_t number;
		if (named[i].declaration ||
		    (named[i].kind != kind &&
		     named[i].kind != GRAFT_TYPE_IS_TYPEDEF))
			continue;
		err = graft_dwarf_type_of(dwarf, &named[i], &number);
		if (!err)
			err = graft_dwarf_type_peel(dwarf, number, &number,
						    &type);
		if (err)
			break;
		// A typedef of a struct with a name of its own is another matter.
		if (type->kind != kind || type->declaration ||
		    (named[i].kind == GRAFT_TYPE_IS_TYPEDEF && type->name[0]))
			continue;
		uint64_t hash = looks_of(type);
		size_t at = 0;
		while (at < ret->count && ret->hash[at] != hash)
			at++;
		if (at < ret->count)
			continue;
		if (at == sizeof(ret->type) / sizeof(*ret->type)) {
			ret->more = true;
			break;
		}
		ret->type[at] = number;
		ret->hash[at] = hash;
		ret->count++;
	}
	return err;
}

static size_t
find_look(const struct looks *looks, uint64_t hash)
{
	size_t at = 0;

	while (at < looks->count && looks->hash[at] != hash)
		at++;
	return at;
}

/** Put all definitions of one name in: those that look alike with each other,
 * and if some of OLD have no like in NEW, these with what is left of NEW. */
static struct graft_error *
add_by_name(struct graft_comparer *comparer, const struct looks *o,
	    const struct looks *n, struct graft_type_way way)
{
	struct graft_error *err = NULL;
	size_t left = 0;

	comparer->unknown += o->more || n->more;
	for (size_t i = 0; !err && i < o->count; i++) {
		size_t like = find_look(n, o->hash[i]);
		if (like == n->count) {
			while (left < n->count &&
			       find_look(o, n->hash[left]) != o->count)
				left++;
			like = left < n->count ? left : 0;
		}
		err = graft_comparer_add(comparer, o->type[i], n->type[like],
					 GRAFT_TYPE_LIVES, way);
	}
	return err;
}

struct graft_error *
graft_comparer_declared(struct graft_comparer *comparer,
			const struct graft_type_pair *pair,
			const struct graft_type *o, const struct graft_type *n)
{
	struct looks was = { .type = { pair->o }, .count = 1 };
	struct looks is = { .type = { pair->n }, .count = 1 };
	struct graft_error *err = NULL;

	was.hash[0] = looks_of(o);
	is.hash[0] = looks_of(n);
	if (o->declaration)
		err = collect_looks(comparer->old_dwarf, o->name, o->kind,
				    &was);
	if (!err && n->declaration)
		err = collect_looks(comparer->new_dwarf, n->name, n->kind, &is);
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
add_fresh(struct graft_comparer *comparer, const struct looks *o,
	  const struct looks *n, struct graft_type_way way)
{
	size_t like = n->count == 1 ? find_look(o, n->hash[0]) : o->count;

	if (like == o->count || o->more)
		return add_by_name(comparer, o, n, way);
	return graft_comparer_add(comparer, o->type[like], n->type[0],
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
	struct looks was = { 0 };
	struct looks is = { .count = 1 };

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
		err = collect_looks(comparer->old_dwarf, name, type->kind,
				    &was);
		if (err)
			return err;
		is.type[0] = number;
		is.hash[0] = looks_of(type);
		if (type->declaration)
			err = collect_looks(comparer->new_dwarf, name,
					    type->kind, &is);
		if (err)
			return err;
		if (was.count && is.count)
			return add_fresh(comparer, &was, &is, pair->way);
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
	struct looks was = { .type = { pair->o }, .count = 1 };
	struct looks is = { 0 };

	if ((o->kind != GRAFT_TYPE_IS_STRUCT &&
	     o->kind != GRAFT_TYPE_IS_UNION) ||
	    !o->name[0] || o->declaration)
		return NULL;
	was.hash[0] = looks_of(o);
	struct graft_error *err = collect_looks(comparer->new_dwarf, o->name,
						o->kind, &is);
	return err || !is.count ? err
				: add_by_name(comparer, &was, &is, pair->way);
}
