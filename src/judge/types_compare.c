// SPDX-License-Identifier: Apache-2.0

#include "judge/types_compare.h"

#include "base/hash.h"
#include "base/vec.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Arrays and pointers in front of each other. */
	DEPTH_MAX = 32,
	/** Pairs that are looked at. A large library has some ten thousand. */
	PAIRS_MAX = 1 << 22,
};

struct graft_error *
graft_type_print(struct graft_dwarf *dwarf, uint32_t number,
		 struct graft_type_text *ret)
{
	char tail[48] = "";
	size_t len = 0;
	const struct graft_type *type;

	for (int i = 0; i < DEPTH_MAX; i++) {
		struct graft_error *err = graft_dwarf_type(dwarf, number,
							   &type);
		if (err)
			return err;
		if (type->name[0] || (type->kind != GRAFT_TYPE_IS_POINTER &&
				      type->kind != GRAFT_TYPE_IS_ARRAY))
			break;
		if (len + 24 > sizeof(tail))
			break;
		if (type->kind == GRAFT_TYPE_IS_ARRAY)
			len += (size_t)snprintf(
				tail + len, sizeof(tail) - len, "[%llu]",
				(unsigned long long)type->elements);
		else
			len += (size_t)snprintf(tail + len, sizeof(tail) - len,
						type->reference ? "&" : "*");
		number = type->target;
	}
	const char *kind = type->kind == GRAFT_TYPE_IS_STRUCT  ? "struct "
			   : type->kind == GRAFT_TYPE_IS_UNION ? "union "
			   : type->kind == GRAFT_TYPE_IS_ENUM  ? "enum "
							       : "";
	const char *name = type->name[0]                          ? type->name
			   : type->kind == GRAFT_TYPE_IS_FUNCTION ? "function"
								  : "(no name)";
	(void)snprintf(ret->str, sizeof(ret->str), "%s%.90s%s%s", kind, name,
		       len ? " " : "", tail);
	return NULL;
}

struct graft_error *
graft_comparer_print(const struct graft_comparer *comparer, uint32_t o,
		     uint32_t n, struct graft_type_text *was,
		     struct graft_type_text *is)
{
	const struct graft_type *old_type;
	const struct graft_type *new_type;
	struct graft_error *err = graft_type_print(comparer->old_dwarf, o, was);

	if (!err)
		err = graft_type_print(comparer->new_dwarf, n, is);
	if (err || strcmp(was->str, is->str) != 0)
		return err;
	// A typedef of one name that stands for something else.
	err = graft_dwarf_type_peel(comparer->old_dwarf, o, &o, &old_type);
	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, n, &n,
					    &new_type);
	if (!err)
		err = graft_type_print(comparer->old_dwarf, o, was);
	if (!err)
		err = graft_type_print(comparer->new_dwarf, n, is);
	if (err || strcmp(was->str, is->str) != 0)
		return err;
	size_t len = strlen(is->str);
	(void)snprintf(was->str + len, sizeof(was->str) - len, " (%llu bytes)",
		       (unsigned long long)old_type->size);
	(void)snprintf(is->str + len, sizeof(is->str) - len,
		       " (%llu bytes, of another kind)",
		       (unsigned long long)new_type->size);
	return NULL;
}

/** Remember a pair. @return Whether it is new. */
static struct graft_error *
remember(struct graft_comparer *comparer, const struct graft_type_pair *pair,
	 bool *new_ret)
{
	uint64_t key[2] = { (uint64_t)pair->o << 32 | pair->n,
			    (uint64_t)pair->use + 1 };

	if (comparer->seen_count * 2 >= comparer->seen_size) {
		size_t size = comparer->seen_size ? comparer->seen_size * 2
						  : 1024;
		uint64_t(*table)[2] = calloc(size, sizeof(*table));
		if (!table)
			return graft_error_no_memory();
		for (size_t i = 0; i < comparer->seen_size; i++) {
			if (!comparer->seen[i][1])
				continue;
			uint64_t hash = graft_hash_mix(comparer->seen[i][1],
						       comparer->seen[i][0]);
			while (table[hash & (size - 1)][1])
				hash++;
			memcpy(table[hash & (size - 1)], comparer->seen[i],
			       sizeof(key));
		}
		free(comparer->seen);
		comparer->seen = table;
		comparer->seen_size = size;
	}
	uint64_t hash = graft_hash_mix(key[1], key[0]);
	size_t mask = comparer->seen_size - 1;
	*new_ret = false;
	for (; comparer->seen[hash & mask][1]; hash++) {
		if (memcmp(comparer->seen[hash & mask], key, sizeof(key)) == 0)
			return NULL;
	}
	memcpy(comparer->seen[hash & mask], key, sizeof(key));
	comparer->seen_count++;
	*new_ret = true;
	return NULL;
}

/** Say whether a pair was looked at as a value in frames. */
static bool
was_in_frame(const struct graft_comparer *comparer,
	     const struct graft_type_pair *pair)
{
	uint64_t key[2] = { (uint64_t)pair->o << 32 | pair->n,
			    (uint64_t)GRAFT_TYPE_IN_FRAME + 1 };
	uint64_t hash = graft_hash_mix(key[1], key[0]);
	size_t mask = comparer->seen_size - 1;

	for (; comparer->seen_size && comparer->seen[hash & mask][1]; hash++) {
		if (memcmp(comparer->seen[hash & mask], key, sizeof(key)) == 0)
			return true;
	}
	return false;
}

struct graft_error *
graft_comparer_first(struct graft_comparer *comparer, uint32_t old_subject,
		     uint32_t new_subject, bool *ret)
{
	const struct graft_type_pair pair = {
		old_subject, new_subject, GRAFT_TYPE_OF_VARIABLES, { "", "" }
	};

	return remember(comparer, &pair, ret);
}

struct graft_error *
graft_comparer_add(struct graft_comparer *comparer, uint32_t o, uint32_t n,
		   enum graft_type_use use, struct graft_type_way way)
{
	const struct graft_type *was;
	const struct graft_type *is;
	bool is_new;
	struct graft_type_pair pair = { o, n, use, way };

	if (use == GRAFT_TYPE_FRESH || use == GRAFT_TYPE_FRESH_IN_FRAME)
		pair.o = GRAFT_DWARF_NONE;
	// Pairs are told apart by what stands behind typedefs, but for what only
	// NEW has: there the typedef may be its name.
	else {
		struct graft_error *err = graft_dwarf_type_peel(
			comparer->old_dwarf, o, &pair.o, &was);
		if (!err)
			err = graft_dwarf_type_peel(comparer->new_dwarf, n,
						    &pair.n, &is);
		if (err)
			return err;
		// Behind `void *` code of OLD may well know what NEW says.
		if (use == GRAFT_TYPE_LIVES &&
		    was->kind == GRAFT_TYPE_IS_VOID &&
		    is->kind != GRAFT_TYPE_IS_VOID)
			pair = (struct graft_type_pair){ GRAFT_DWARF_NONE, n,
							 GRAFT_TYPE_FRESH,
							 way };
	}
	struct graft_error *err = remember(comparer, &pair, &is_new);
	if (err || !is_new)
		return err;
	if (comparer->seen_count > PAIRS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d pairs of types",
				       PAIRS_MAX);
	err = graft_vec_reserve(&comparer->work, &comparer->work_cap,
				comparer->work_count + 1,
				sizeof(*comparer->work));
	if (err)
		return err;
	comparer->work[comparer->work_count++] = pair;
	return NULL;
}

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
		    old_type->dimensions != new_type->dimensions) {
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

	if (comparer->frames && was_in_frame(comparer->frames, pair)) {
		comparer->framed++;
		return NULL;
	}
	if (comparer->differences++ == 0)
		comparer->first = *pair;
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

/** Two things that pointers or members lead to are of different kinds. */
static struct graft_error *
differ_in_kind(struct graft_comparer *comparer,
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

/** Compare where one side, or both, only declares a type. */
static struct graft_error *
look_at_declared(struct graft_comparer *comparer,
		 const struct graft_type_pair *pair, const struct graft_type *o,
		 const struct graft_type *n)
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
	return strcmp(o->name, n->name) ? differ_in_kind(comparer, pair) : NULL;
}

/** Look at a type that only NEW has here. */
static struct graft_error *
look_at_fresh(struct graft_comparer *comparer,
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
			return add_by_name(comparer, &was, &is, pair->way);
		comparer->fresh += !type->declaration;
	}
	for (size_t i = 0; !err && i < type->member_count; i++)
		err = graft_comparer_add(comparer, 0, type->members[i].type,
					 inside, pair->way);
	if (!err && type->kind == GRAFT_TYPE_IS_FUNCTION)
		err = graft_comparer_add(comparer, 0, type->target, inside,
					 pair->way);
	return err;
}

/** Look at a type that NEW has behind `void *`: what has its name there? */
static struct graft_error *
look_at_hidden(struct graft_comparer *comparer,
	       const struct graft_type_pair *pair, const struct graft_type *o)
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
		return look_at_hidden(comparer, pair, o);
	if (o->kind == GRAFT_TYPE_IS_ODD || n->kind == GRAFT_TYPE_IS_ODD) {
		comparer->unknown++;
		return NULL;
	}
	if (o->kind == n->kind) {
		switch (o->kind) {
		case GRAFT_TYPE_IS_STRUCT:
		case GRAFT_TYPE_IS_UNION:
			if (o->declaration || n->declaration)
				return look_at_declared(comparer, pair, o, n);
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
	return differ_in_kind(comparer, pair);
}

static struct graft_error *
look_at(struct graft_comparer *comparer, const struct graft_type_pair *pair)
{
	const struct graft_type *o;
	const struct graft_type *n;

	if (pair->o == GRAFT_DWARF_NONE)
		return look_at_fresh(comparer, pair);
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
