// SPDX-License-Identifier: Apache-2.0

#include "judge/types/looks.h"

#include "base/hash.h"

#include <string.h>

enum {
	/** Members in members, and pointers behind each other. */
	DEPTH_MAX = 4,
};

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	return graft_hash_bytes(hash, text, strlen(text));
}

static struct graft_error *
hash_value(struct graft_dwarf *dwarf, uint32_t number, int depth,
	   uint64_t *hash);

/** Hash a struct or union with its members. */
static struct graft_error *
hash_members(struct graft_dwarf *dwarf, const struct graft_type *type,
	     int depth, uint64_t *hash)
{
	struct graft_error *err = NULL;

	*hash = graft_hash_mix(*hash, type->size);
	*hash = graft_hash_mix(*hash, type->member_count);
	for (size_t i = 0; !err && i < type->member_count; i++) {
		const struct graft_member *member = &type->members[i];
		*hash = hash_text(*hash, member->name);
		*hash = graft_hash_mix(*hash, member->bit_off);
		*hash = graft_hash_mix(*hash, member->bit_size);
		err = hash_value(dwarf, member->type, depth + 1, hash);
	}
	return err;
}

/** Hash what a member holds, but not what it points to. */
static struct graft_error *
hash_value(struct graft_dwarf *dwarf, uint32_t number, int depth,
	   uint64_t *hash)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);

	if (err)
		return err;
	*hash = graft_hash_mix(*hash,
			       (uint64_t)type->kind << 32 | type->encoding);
	*hash = graft_hash_mix(*hash, type->size);
	if (depth >= DEPTH_MAX)
		return NULL;
	if (type->kind == GRAFT_TYPE_IS_ARRAY)
		return hash_value(dwarf, type->target, depth + 1, hash);
	if (type->kind != GRAFT_TYPE_IS_STRUCT &&
	    type->kind != GRAFT_TYPE_IS_UNION)
		return NULL;
	*hash = hash_text(*hash, type->name);
	return hash_members(dwarf, type, depth, hash);
}

/** Remember how something with a name looks. */
static bool
add_around(struct graft_look *look, const char *name, uint64_t hash)
{
	for (size_t i = 0; i < look->around_count; i++) {
		if (strcmp(look->around[i].name, name) == 0)
			return false;
	}
	if (look->around_count == GRAFT_LOOK_AROUND_MAX)
		return false;
	look->around[look->around_count++] = (struct graft_look_around){ name,
									 hash };
	return true;
}

/** Collect what the members of a type lead to. */
static struct graft_error *
look_around(struct graft_dwarf *dwarf, const struct graft_type *type, int depth,
	    struct graft_look *look)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && depth < DEPTH_MAX && i < type->member_count;
	     i++) {
		const struct graft_type *to;
		uint32_t number = type->members[i].type;
		uint64_t hash = 0;
		err = graft_dwarf_type_peel(dwarf, number, &number, &to);
		while (!err && (to->kind == GRAFT_TYPE_IS_POINTER ||
				to->kind == GRAFT_TYPE_IS_ARRAY))
			err = graft_dwarf_type_peel(dwarf, to->target, &number,
						    &to);
		if (err || to->declaration ||
		    (to->kind != GRAFT_TYPE_IS_STRUCT &&
		     to->kind != GRAFT_TYPE_IS_UNION))
			continue;
		if (to->name[0]) {
			err = hash_members(dwarf, to, 0, &hash);
			if (err || !add_around(look, to->name, hash))
				continue;
		}
		err = look_around(dwarf, to, depth + 1, look);
	}
	return err;
}

struct graft_error *
graft_look_read(struct graft_dwarf *dwarf, uint32_t type,
		struct graft_look *ret)
{
	const struct graft_type *at;
	struct graft_error *err = graft_dwarf_type(dwarf, type, &at);

	ret->type = type;
	ret->hash = 0;
	ret->around_count = 0;
	if (!err)
		err = hash_members(dwarf, at, 0, &ret->hash);
	if (!err)
		err = look_around(dwarf, at, 0, ret);
	return err;
}

/** Say whether two definitions may be one. */
static bool
is_alike(const struct graft_look *a, const struct graft_look *b)
{
	if (a->hash != b->hash)
		return false;
	for (size_t i = 0; i < a->around_count; i++) {
		for (size_t k = 0; k < b->around_count; k++) {
			if (strcmp(a->around[i].name, b->around[k].name) == 0 &&
			    a->around[i].hash != b->around[k].hash)
				return false;
		}
	}
	return true;
}

size_t
graft_looks_find(const struct graft_looks *looks, const struct graft_look *look)
{
	size_t at = 0;

	while (at < looks->count && !is_alike(&looks->list[at], look))
		at++;
	return at;
}

/** Put one definition in. */
static void
add_look(struct graft_looks *looks, const struct graft_look *look)
{
	size_t at = graft_looks_find(looks, look);

	if (at < looks->count) {
		// Each may know what the other only declares.
		for (size_t i = 0; i < look->around_count; i++)
			(void)add_around(&looks->list[at], look->around[i].name,
					 look->around[i].hash);
		return;
	}
	if (at == GRAFT_LOOKS_MAX) {
		looks->more = true;
		return;
	}
	looks->list[looks->count++] = *look;
}

struct graft_error *
graft_looks_collect(struct graft_dwarf *dwarf, const char *name,
		    enum graft_type_kind kind, struct graft_looks *ret)
{
	const struct graft_named_type *named;
	size_t count;
	struct graft_look look;
	struct graft_error *err = graft_dwarf_types_named(dwarf, name, &named,
							  &count);

	ret->count = 0;
	ret->more = false;
	for (size_t i = 0; !err && !ret->more && i < count; i++) {
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
		err = graft_look_read(dwarf, number, &look);
		if (!err)
			add_look(ret, &look);
	}
	return err;
}
