// SPDX-License-Identifier: Apache-2.0

#include "judge/types/compare.h"

#include "base/vec.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Types that stand for each other as values. */
	DEPTH_MAX = 32,
};

static bool
is_integer(const struct graft_type *type)
{
	return type->kind == GRAFT_TYPE_IS_ENUM ||
	       (type->kind == GRAFT_TYPE_IS_BASE &&
		(type->encoding == DW_ATE_signed ||
		 type->encoding == DW_ATE_unsigned));
}

/** Compare two numbers. */
static bool
same_number(const struct graft_type *o, const struct graft_type *n)
{
	if (o->size != n->size)
		return false;
	if (o->kind == GRAFT_TYPE_IS_BASE && n->kind == GRAFT_TYPE_IS_BASE)
		return o->encoding == n->encoding;
	// An integer that became an enum, or the other way round.
	return is_integer(o) && is_integer(n);
}

/** Compare as values; see the header. */
static struct graft_error *
same_value(struct graft_comparer *comparer, uint32_t o, uint32_t n,
	   struct graft_type_way way, int depth, bool *ret)
{
	const struct graft_type *old_type;
	const struct graft_type *new_type;
	struct graft_error *err = graft_dwarf_type_peel(comparer->old_dwarf, o,
							&o, &old_type);

	*ret = true;
	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, n, &n,
					    &new_type);
	if (err)
		return err;
	if (old_type->kind == GRAFT_TYPE_IS_ODD ||
	    new_type->kind == GRAFT_TYPE_IS_ODD || depth > DEPTH_MAX) {
		comparer->unknown++;
		return NULL;
	}
	if (old_type->kind != new_type->kind) {
		*ret = same_number(old_type, new_type);
		return NULL;
	}
	switch (old_type->kind) {
	case GRAFT_TYPE_IS_BASE:
		*ret = same_number(old_type, new_type);
		return NULL;
	case GRAFT_TYPE_IS_ENUM:
		*ret = same_number(old_type, new_type);
		return graft_comparer_add(comparer, o, n, GRAFT_TYPE_LIVES,
					  way);
	case GRAFT_TYPE_IS_ARRAY:
		if (old_type->elements != new_type->elements ||
		    old_type->dimensions != new_type->dimensions ||
		    old_type->vector != new_type->vector) {
			*ret = false;
			return NULL;
		}
		return same_value(comparer, old_type->target, new_type->target,
				  way, depth + 1, ret);
	case GRAFT_TYPE_IS_MEMBER_POINTER:
		*ret = old_type->size == new_type->size;
		return graft_comparer_add(comparer, old_type->target,
					  new_type->target, GRAFT_TYPE_LIVES,
					  way);
	case GRAFT_TYPE_IS_POINTER:
		*ret = old_type->reference == new_type->reference;
		return graft_comparer_add(comparer, old_type->target,
					  new_type->target, GRAFT_TYPE_LIVES,
					  way);
	default:
		return graft_comparer_add(comparer, o, n, GRAFT_TYPE_LIVES,
					  way);
	}
}

struct graft_error *
graft_comparer_same_value(struct graft_comparer *comparer, uint32_t o,
			  uint32_t n, struct graft_type_way way, bool *ret)
{
	return same_value(comparer, o, n, way, 0, ret);
}

/** Say where a type stands and how it is reached. */
static struct graft_error *
write_place(struct graft_comparer *comparer, const struct graft_type_pair *pair,
	    uint32_t member, char *buf, size_t len)
{
	struct graft_type_text text;
	char place[128];
	struct graft_error *err = graft_type_print(comparer->new_dwarf, pair->n,
						   &text);

	if (err)
		return err;
	graft_dwarf_type_place(comparer->new_dwarf, pair->n, member, place,
			       sizeof(place));
	(void)snprintf(buf, len, "%.120s%s%.120s", text.str,
		       place[0] ? " at " : "", place);
	return NULL;
}

/** Say whether a type was spoken of; if not, it is from now on. */
static struct graft_error *
was_said(struct graft_comparer *comparer, const char *name,
	 enum graft_rule rule, bool *ret)
{
	*ret = false;
	if (!name[0])
		return NULL;
	for (size_t i = 0; i < comparer->said_count; i++) {
		if (comparer->said[i].rule == rule &&
		    strcmp(comparer->said[i].name, name) == 0) {
			*ret = true;
			return NULL;
		}
	}
	struct graft_error *err = graft_vec_reserve(
		&comparer->said, &comparer->said_cap, comparer->said_count + 1,
		sizeof(*comparer->said));
	if (!err)
		comparer->said[comparer->said_count++] =
			(struct graft_type_said){ name, rule };
	return err;
}

struct graft_error *
graft_comparer_differ(struct graft_comparer *comparer,
		      const struct graft_type_pair *pair, enum graft_rule rule,
		      uint32_t member, const char *sentence)
{
	const struct graft_type *type;
	char where[256];
	bool said = false;

	if (comparer->frames &&
	    graft_comparer_was_in_frame(comparer->frames, pair)) {
		comparer->framed++;
		return NULL;
	}
	if (comparer->differences++ == 0) {
		comparer->first = *pair;
		(void)snprintf(comparer->sentence, sizeof(comparer->sentence),
			       "%s", sentence);
	}
	if (comparer->quiet)
		return NULL;
	struct graft_error *err = graft_dwarf_type(comparer->new_dwarf, pair->n,
						   &type);
	if (!err)
		err = was_said(comparer, type->name, rule, &said);
	if (!err && !said)
		err = write_place(comparer, pair, member, where, sizeof(where));
	if (err || said)
		return err;
	return graft_case_refuse(comparer->c, rule, where,
				 "%s; it is reached from %s%s%s", sentence,
				 pair->way.name[0] ? pair->way.name
						   : "a value without a name",
				 pair->way.of[0] ? " of " : "", pair->way.of);
}

struct graft_error *
graft_comparer_differ_in_kind(struct graft_comparer *comparer,
			      const struct graft_type_pair *pair)
{
	struct graft_type_text was;
	struct graft_type_text is;
	char sentence[400];
	struct graft_error *err = graft_comparer_print(comparer, pair->o,
						       pair->n, &was, &is);

	if (err)
		return err;
	(void)snprintf(sentence, sizeof(sentence), "it was %s and is %s",
		       was.str, is.str);
	return graft_comparer_differ(comparer, pair, GRAFT_RULE_LAYOUT,
				     GRAFT_DWARF_NONE, sentence);
}

/** Say whether one build has a type of a name. */
static struct graft_error *
has_type(struct graft_dwarf *dwarf, const char *name, bool *ret)
{
	const struct graft_named_type *named;
	size_t count;
	struct graft_error *err = graft_dwarf_types_named(dwarf, name, &named,
							  &count);

	*ret = false;
	for (size_t i = 0; !err && i < count; i++)
		*ret |= !named[i].declaration;
	return err;
}

/** Look at what two pointers in frames lead to. One variable may serve two
 * types in two builds; only if one of them became the other they are a pair. */
static struct graft_error *
look_at_pointers(struct graft_comparer *comparer,
		 const struct graft_type_pair *pair, const struct graft_type *o,
		 const struct graft_type *n)
{
	const struct graft_type *was;
	const struct graft_type *is;
	uint32_t number;
	bool old_stays = false;
	bool new_was = false;
	struct graft_error *err = graft_dwarf_type_peel(
		comparer->old_dwarf, o->target, &number, &was);

	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, n->target,
					    &number, &is);
	if (!err && was->name[0])
		err = has_type(comparer->new_dwarf, was->name, &old_stays);
	if (!err && is->name[0])
		err = has_type(comparer->old_dwarf, is->name, &new_was);
	if (err)
		return err;
	bool other = strcmp(was->name, is->name) != 0 || was->kind != is->kind;
	return graft_comparer_add(comparer, o->target, n->target,
				  other && (old_stays || new_was)
					  ? GRAFT_TYPE_FRESH
					  : GRAFT_TYPE_LIVES,
				  pair->way);
}

/** Look at a value in frames: only what it points to lives. */
static struct graft_error *
look_at_frame(struct graft_comparer *comparer,
	      const struct graft_type_pair *pair, const struct graft_type *o,
	      const struct graft_type *n)
{
	struct graft_error *err = NULL;

	if (o->kind != n->kind)
		return graft_comparer_add(comparer, 0, pair->n,
					  GRAFT_TYPE_FRESH_IN_FRAME, pair->way);
	if (o->kind == GRAFT_TYPE_IS_POINTER)
		return look_at_pointers(comparer, pair, o, n);
	if (o->kind == GRAFT_TYPE_IS_ARRAY)
		return graft_comparer_add(comparer, o->target, n->target,
					  pair->use, pair->way);
	if (o->kind != GRAFT_TYPE_IS_STRUCT && o->kind != GRAFT_TYPE_IS_UNION)
		return NULL;
	for (size_t i = 0; !err && i < n->member_count; i++) {
		const struct graft_member *member = &n->members[i];
		size_t at = 0;
		while (at < o->member_count &&
		       strcmp(o->members[at].name, member->name) != 0)
			at++;
		err = graft_comparer_add(
			comparer,
			at < o->member_count ? o->members[at].type : 0,
			member->type,
			at < o->member_count ? pair->use
					     : GRAFT_TYPE_FRESH_IN_FRAME,
			pair->way);
	}
	return err;
}

/** Compare what pointers to functions promise. */
static struct graft_error *
look_at_functions(struct graft_comparer *comparer,
		  const struct graft_type_pair *pair,
		  const struct graft_type *o, const struct graft_type *n)
{
	bool same = o->member_count == n->member_count &&
		    o->variadic == n->variadic;
	struct graft_error *err = NULL;

	if (same)
		err = graft_comparer_same_value(comparer, o->target, n->target,
						pair->way, &same);
	for (size_t i = 0; !err && same && i < o->member_count; i++)
		err = graft_comparer_same_value(comparer, o->members[i].type,
						n->members[i].type, pair->way,
						&same);
	if (err || same)
		return err;
	return graft_comparer_differ(
		comparer, pair, GRAFT_RULE_SIGNATURE, GRAFT_DWARF_NONE,
		"functions that are called through a pointer take or return something else");
}

static struct graft_error *
look_at_lives(struct graft_comparer *comparer,
	      const struct graft_type_pair *pair, const struct graft_type *o,
	      const struct graft_type *n)
{
	bool same = true;
	struct graft_error *err = NULL;

	// Nothing more is known behind `void *`.
	if (o->kind == GRAFT_TYPE_IS_VOID)
		return NULL;
	if (n->kind == GRAFT_TYPE_IS_VOID)
		return graft_comparer_hidden(comparer, pair, o);
	if (o->kind == GRAFT_TYPE_IS_ODD || n->kind == GRAFT_TYPE_IS_ODD) {
		comparer->unknown++;
		return NULL;
	}
	if (o->kind == n->kind) {
		switch (o->kind) {
		case GRAFT_TYPE_IS_STRUCT:
		case GRAFT_TYPE_IS_UNION:
			if (o->declaration || n->declaration)
				return graft_comparer_declared(comparer, pair,
							       o, n);
			return graft_comparer_aggregates(comparer, pair, o, n);
		case GRAFT_TYPE_IS_ENUM:
			return graft_comparer_enums(comparer, pair, o, n);
		case GRAFT_TYPE_IS_FUNCTION:
			return look_at_functions(comparer, pair, o, n);
		default:
			break;
		}
	}
	// Bytes are bytes.
	if (o->kind == GRAFT_TYPE_IS_BASE && n->kind == GRAFT_TYPE_IS_BASE &&
	    o->size == 1 && n->size == 1)
		return NULL;
	err = graft_comparer_same_value(comparer, pair->o, pair->n, pair->way,
					&same);
	if (err || same)
		return err;
	return graft_comparer_differ_in_kind(comparer, pair);
}

static struct graft_error *
look_at(struct graft_comparer *comparer, const struct graft_type_pair *pair)
{
	const struct graft_type *o;
	const struct graft_type *n;

	if (pair->o == GRAFT_DWARF_NONE)
		return graft_comparer_fresh(comparer, pair);
	struct graft_error *err = graft_dwarf_type(comparer->old_dwarf, pair->o,
						   &o);
	if (!err)
		err = graft_dwarf_type(comparer->new_dwarf, pair->n, &n);
	if (err)
		return err;
	if (pair->use == GRAFT_TYPE_IN_FRAME)
		return look_at_frame(comparer, pair, o, n);
	return look_at_lives(comparer, pair, o, n);
}

struct graft_error *
graft_comparer_run(struct graft_comparer *comparer)
{
	struct graft_error *err = NULL;

	while (!err && comparer->work_count) {
		struct graft_type_pair pair =
			comparer->work[--comparer->work_count];
		err = look_at(comparer, &pair);
	}
	return err;
}

void
graft_comparer_deinit(struct graft_comparer *comparer)
{
	free(comparer->work);
	free(comparer->seen);
	free(comparer->said);
	*comparer = (struct graft_comparer){ 0 };
}
