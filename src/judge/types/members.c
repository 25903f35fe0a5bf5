// SPDX-License-Identifier: Apache-2.0

// Two structs, unions or enums of the two builds, member by member.

#include "judge/types/compare.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** What was found about one type; the first difference is told. */
struct found {
	char sentence[400];
	uint32_t member;
	size_t count;
};

__attribute__((__format__(__printf__, 3, 4))) static void
find(struct found *found, uint32_t member, const char *fmt, ...)
{
	va_list args;

	if (found->count++ > 0)
		return;
	found->member = member;
	va_start(args, fmt);
	(void)vsnprintf(found->sentence, sizeof(found->sentence), fmt, args);
	va_end(args);
}

/** A position in an object, for people. */
struct position {
	char str[48];
};

static struct position
print_position(uint64_t bit_off)
{
	struct position at;

	if (bit_off % 8)
		(void)snprintf(at.str, sizeof(at.str), "%llu, bit %llu",
			       (unsigned long long)bit_off / 8,
			       (unsigned long long)bit_off % 8);
	else
		(void)snprintf(at.str, sizeof(at.str), "%llu",
			       (unsigned long long)bit_off / 8);
	return at;
}

/** Get the name that a member is known by: a base class by that of its type. */
static struct graft_error *
name_of(struct graft_dwarf *dwarf, const struct graft_member *member,
	const char **ret)
{
	const struct graft_type *type;

	*ret = member->name;
	if (member->name[0] || !member->base)
		return NULL;
	struct graft_error *err = graft_dwarf_type(dwarf, member->type, &type);
	if (!err)
		*ret = type->name;
	return err;
}

/** Find the member of NEW that a member of OLD is: the one of its name, or of
 * those without a name the one at its place among them. */
static struct graft_error *
find_like(struct graft_comparer *comparer, const struct graft_type *o,
	  size_t at, const struct graft_type *n, size_t *ret)
{
	const char *name;
	const char *other;
	size_t nameless = 0;
	struct graft_error *err = name_of(comparer->old_dwarf, &o->members[at],
					  &name);

	for (size_t i = 0; !err && i < at && !name[0]; i++) {
		err = name_of(comparer->old_dwarf, &o->members[i], &other);
		nameless += !err && !other[0];
	}
	// It mostly is where it was.
	for (size_t i = 0; !err && i < n->member_count; i++) {
		size_t guess = name[0] ? (at + i) % n->member_count : i;
		err = name_of(comparer->new_dwarf, &n->members[guess], &other);
		if (err || strcmp(name, other) != 0 ||
		    o->members[at].base != n->members[guess].base)
			continue;
		if (!name[0] && nameless-- > 0)
			continue;
		*ret = guess;
		return NULL;
	}
	*ret = n->member_count;
	return err;
}

/** Compare one member of OLD with the one of NEW that it is. */
static struct graft_error *
compare_member(struct graft_comparer *comparer,
	       const struct graft_type_pair *pair, const struct graft_member *o,
	       const struct graft_member *n, uint32_t place,
	       struct found *found)
{
	struct graft_type_text was;
	struct graft_type_text is;
	bool same;
	const char *what = o->base ? "base class" : "member";
	const char *name;
	struct graft_error *err = name_of(comparer->old_dwarf, o, &name);

	if (!err && !name[0])
		name = "(no name)";
	if (!err)
		err = graft_comparer_same_value(comparer, o->type, n->type,
						pair->way, &same);
	if (err)
		return err;
	if (o->bit_off != n->bit_off || o->dynamic != n->dynamic)
		find(found, place, "%s %.80s moved from byte %s to byte %s",
		     what, name, print_position(o->bit_off).str,
		     print_position(n->bit_off).str);
	else if (o->bit_size != n->bit_size)
		find(found, place, "%s %.80s had %llu bits and has %llu", what,
		     name, (unsigned long long)o->bit_size,
		     (unsigned long long)n->bit_size);
	if (same)
		return NULL;
	err = graft_comparer_print(comparer, o->type, n->type, &was, &is);
	if (!err)
		find(found, place, "%s %.80s was %s and is %s", what, name,
		     was.str, is.str);
	return err;
}

static struct graft_error *
compare_members(struct graft_comparer *comparer,
		const struct graft_type_pair *pair, const struct graft_type *o,
		const struct graft_type *n, struct found *found)
{
	GRAFT_FREE bool *taken = calloc(n->member_count + 1, sizeof(*taken));
	struct graft_error *err = NULL;
	const char *name = "";

	if (!taken)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < o->member_count; i++) {
		size_t like;
		err = find_like(comparer, o, i, n, &like);
		if (err)
			break;
		if (like < n->member_count) {
			taken[like] = true;
			err = compare_member(comparer, pair, &o->members[i],
					     &n->members[like], (uint32_t)like,
					     found);
			continue;
		}
		err = name_of(comparer->old_dwarf, &o->members[i], &name);
		if (!err)
			find(found, GRAFT_DWARF_NONE,
			     "member %.80s at byte %s is gone", name,
			     print_position(o->members[i].bit_off).str);
	}
	for (size_t i = 0; !err && i < n->member_count; i++) {
		if (taken[i])
			continue;
		err = name_of(comparer->new_dwarf, &n->members[i], &name);
		if (!err)
			find(found, (uint32_t)i,
			     "member %.80s at byte %s is new", name,
			     print_position(n->members[i].bit_off).str);
	}
	return err;
}

/** compare the virtual functions of a class. */
static struct graft_error *
compare_virtuals(struct graft_comparer *comparer,
		 const struct graft_type_pair *pair, const struct graft_type *o,
		 const struct graft_type *n)
{
	char sentence[300];

	for (size_t i = 0; i < o->virtual_count || i < n->virtual_count; i++) {
		const char *was = i < o->virtual_count ? o->virtuals[i].name
						       : "nothing";
		const char *is = i < n->virtual_count ? n->virtuals[i].name
						      : "nothing";
		if (i < o->virtual_count && i < n->virtual_count &&
		    strcmp(was, is) == 0 &&
		    o->virtuals[i].index == n->virtuals[i].index)
			continue;
		(void)snprintf(sentence, sizeof(sentence),
			       "virtual function %zu was %.80s and is %.80s", i,
			       was, is);
		return graft_comparer_differ(comparer, pair, GRAFT_RULE_VTABLE,
					     GRAFT_DWARF_NONE, sentence);
	}
	return NULL;
}

/** Compare what tells the variants of a type apart (Rust). */
static bool
same_variants(const struct graft_type *o, const struct graft_type *n)
{
	if (o->enumerator_count != n->enumerator_count)
		return false;
	for (size_t i = 0; i < o->enumerator_count; i++) {
		if (o->enumerators[i].value != n->enumerators[i].value)
			return false;
	}
	return true;
}

struct graft_error *
graft_comparer_aggregates(struct graft_comparer *comparer,
			  const struct graft_type_pair *pair,
			  const struct graft_type *o,
			  const struct graft_type *n)
{
	struct found found = { .member = GRAFT_DWARF_NONE };
	char sentence[500];
	struct graft_error *err = compare_members(comparer, pair, o, n, &found);

	if (!err && !same_variants(o, n))
		find(&found, GRAFT_DWARF_NONE,
		     "its variants are told apart by other values");
	if (!err && o->size != n->size && found.count == 0)
		find(&found, GRAFT_DWARF_NONE, "it had %llu bytes and has %llu",
		     (unsigned long long)o->size, (unsigned long long)n->size);
	if (!err && found.count == 0)
		err = graft_comparer_same_align(comparer, pair->o, pair->n,
						sentence, sizeof(sentence));
	if (!err && found.count == 0 && sentence[0])
		find(&found, GRAFT_DWARF_NONE, "%s", sentence);
	if (!err && found.count > 0) {
		(void)snprintf(sentence, sizeof(sentence), "%s",
			       found.sentence);
		if (found.count > 1)
			(void)snprintf(sentence, sizeof(sentence),
				       "%s, and %zu more of it differ",
				       found.sentence, found.count - 1);
		err = graft_comparer_differ(comparer, pair, GRAFT_RULE_LAYOUT,
					    found.member, sentence);
	}
	if (!err && o->size != n->size) {
		(void)snprintf(sentence, sizeof(sentence),
			       "objects of it had %llu bytes and have %llu",
			       (unsigned long long)o->size,
			       (unsigned long long)n->size);
		err = graft_comparer_differ(comparer, pair, GRAFT_RULE_SIZE,
					    GRAFT_DWARF_NONE, sentence);
	}
	if (!err)
		err = graft_comparer_same_count(comparer, pair->o, pair->n,
						sentence, sizeof(sentence));
	if (!err && sentence[0])
		err = graft_comparer_differ(comparer, pair, GRAFT_RULE_SIZE,
					    GRAFT_DWARF_NONE, sentence);
	if (!err)
		err = compare_virtuals(comparer, pair, o, n);
	return err;
}

/** Say whether an enumerator only says how many there are: the last and the
 * largest on both sides, with a name that says so. Whoever stores it has an
 * instruction that stores another number, and that is looked at too. */
static bool
is_count(const struct graft_type *type, size_t at)
{
	static const char *const words[] = { "max", "count", "last", "num",
					     "end", "size",  "total" };
	const struct graft_enumerator *e = &type->enumerators[at];
	char name[64];

	if (at + 1 != type->enumerator_count)
		return false;
	for (size_t i = 0; i < at; i++) {
		if (type->enumerators[i].value >= e->value)
			return false;
	}
	size_t len = 0;
	for (; e->name[len] && len < sizeof(name) - 1; len++)
		name[len] = (char)tolower((unsigned char)e->name[len]);
	name[len] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return false;
}

struct graft_error *
graft_comparer_enums(struct graft_comparer *comparer,
		     const struct graft_type_pair *pair,
		     const struct graft_type *o, const struct graft_type *n)
{
	char sentence[300];

	if (o->size != n->size && !o->declaration && !n->declaration) {
		(void)snprintf(sentence, sizeof(sentence),
			       "its values had %llu bytes and have %llu",
			       (unsigned long long)o->size,
			       (unsigned long long)n->size);
		return graft_comparer_differ(comparer, pair, GRAFT_RULE_LAYOUT,
					     GRAFT_DWARF_NONE, sentence);
	}
	for (size_t i = 0; i < o->enumerator_count; i++) {
		const struct graft_enumerator *was = &o->enumerators[i];
		size_t at = 0;
		while (at < n->enumerator_count &&
		       strcmp(n->enumerators[at].name, was->name) != 0)
			at++;
		if (at < n->enumerator_count &&
		    (n->enumerators[at].value == was->value ||
		     (is_count(o, i) && is_count(n, at))))
			continue;
		if (at < n->enumerator_count)
			(void)snprintf(sentence, sizeof(sentence),
				       "%.80s was %lld and is %lld", was->name,
				       (long long)was->value,
				       (long long)n->enumerators[at].value);
		else
			(void)snprintf(sentence, sizeof(sentence),
				       "%.80s, which was %lld, is gone",
				       was->name, (long long)was->value);
		return graft_comparer_differ(comparer, pair, GRAFT_RULE_MEANING,
					     GRAFT_DWARF_NONE, sentence);
	}
	return NULL;
}
