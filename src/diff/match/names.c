// SPDX-License-Identifier: Apache-2.0

#include "diff/match/names.h"

#include "diff/match/stem.h"

#include <string.h>

/** A symbol with its name, ready to be read. */
struct key {
	const struct graft_symbol *symbol;
	struct graft_stem stem;
};

/** Defined symbols of one side by key. */
struct side {
	const struct graft_image *image;
	struct key *keys;
	size_t count;
};

struct graft_names {
	struct side old_side;
	struct side new_side;
};

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/** Functions and objects of one name are different things. */
static int
kind_of(const struct graft_symbol *symbol)
{
	switch (symbol->type) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return 1;
	case STT_OBJECT:
		return 2;
	case STT_TLS:
		return 3;
	default:
		return 0;
	}
}

size_t
graft_names_unnumbered(const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t end = len;
		while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
			end--;
		if (end == len || end < 2 || name[end - 1] != '.')
			return len;
		len = end - 1;
	}
}

/** Read a symbol's name for its stem: what its author wrote. */
static struct graft_stem
stem_of(const struct graft_symbol *symbol)
{
	return graft_stem_of(symbol->name, symbol->bind == STB_LOCAL);
}

static struct key
key_of(const struct graft_symbol *symbol)
{
	return (struct key){ symbol, stem_of(symbol) };
}

static int
compare_key(const struct key *x, const struct key *y)
{
	const struct graft_symbol *a = x->symbol;
	const struct graft_symbol *b = y->symbol;
	int order = graft_stem_compare(&x->stem, &y->stem, GRAFT_STEM_ALL);

	if (order)
		return order;
	if (kind_of(a) != kind_of(b))
		return kind_of(a) < kind_of(b) ? -1 : 1;
	bool a_local = a->bind == STB_LOCAL;
	bool b_local = b->bind == STB_LOCAL;
	if (a_local != b_local)
		return a_local ? -1 : 1;
	return a_local ? compare_text(a->file, b->file) : 0;
}

static int
by_key(const void *x, const void *y)
{
	const struct key *a = x;
	const struct key *b = y;
	int order = compare_key(a, b);

	if (order)
		return order;
	return (a->symbol->addr > b->symbol->addr) -
	       (a->symbol->addr < b->symbol->addr);
}

static struct graft_error *
index_side(const struct graft_image *image, struct side *side)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	side->image = image;
	side->keys = calloc(count + 1, sizeof(*side->keys));
	if (!side->keys)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		if (symbols[i].defined && !symbols[i].absolute &&
		    symbols[i].name[0] && kind_of(&symbols[i]) != 0)
			side->keys[side->count++] = key_of(&symbols[i]);
	}
	if (side->count)
		qsort(side->keys, side->count, sizeof(*side->keys), by_key);
	return NULL;
}

struct graft_error *
graft_names_make(const struct graft_image *old_image,
		 const struct graft_image *new_image, struct graft_names **ret)
{
	GRAFT_CLEANUP(graft_names_freep)
	struct graft_names *names = calloc(1, sizeof(*names));
	if (!names)
		return graft_error_no_memory();

	struct graft_error *err = index_side(old_image, &names->old_side);
	if (!err)
		err = index_side(new_image, &names->new_side);
	if (err)
		return err;
	*ret = GRAFT_TAKE(names);
	return NULL;
}

void
graft_names_free(struct graft_names *names)
{
	if (!names)
		return;
	free(names->old_side.keys);
	free(names->new_side.keys);
	free(names);
}

/**
 * Find the symbol with a key.
 *
 * @param[out] ret NULL if there is none, or several at different addresses.
 * @return Whether there is any.
 */
static bool
find(const struct side *side, const struct key *key, const struct key **ret)
{
	size_t low = 0;
	size_t high = side->count;

	*ret = NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare_key(&side->keys[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == side->count || compare_key(&side->keys[low], key) != 0)
		return false;
	const struct key *first = &side->keys[low];
	for (size_t i = low + 1;
	     i < side->count && compare_key(&side->keys[i], key) == 0; i++) {
		if (side->keys[i].symbol->addr != first->symbol->addr)
			return true;
	}
	*ret = first;
	return true;
}

/** Find what stands on the other side for a symbol of one's own. */
static const struct graft_symbol *
counterpart(const struct side *own, const struct side *other,
	    const struct graft_symbol *symbol)
{
	const struct key key = key_of(symbol);
	const struct key *only;
	const struct key *found;

	if (kind_of(symbol) == 0 || !symbol->name[0])
		return NULL;
	(void)find(own, &key, &only);
	if (!only)
		return NULL;
	(void)find(other, &key, &found);
	// The second of two lambdas is not the first of one, though those that
	// would tell may have no symbol: they are inlined.
	if (!found ||
	    graft_stem_compare(&key.stem, &found->stem, GRAFT_STEM_COMMON) != 0)
		return NULL;
	return found->symbol;
}

const struct graft_symbol *
graft_names_old(const struct graft_names *names,
		const struct graft_symbol *new_symbol)
{
	return counterpart(&names->new_side, &names->old_side, new_symbol);
}

const struct graft_symbol *
graft_names_new(const struct graft_names *names,
		const struct graft_symbol *old_symbol)
{
	return counterpart(&names->old_side, &names->new_side, old_symbol);
}

bool
graft_names_is_new(const struct graft_names *names,
		   const struct graft_symbol *new_symbol)
{
	const struct key key = key_of(new_symbol);
	const struct key *old_key;

	if (kind_of(new_symbol) == 0 || !new_symbol->name[0])
		return false;
	if (new_symbol->bind == STB_LOCAL &&
	    !graft_image_has_symtab(names->old_side.image))
		return false;
	return !find(&names->old_side, &key, &old_key);
}

bool
graft_names_is_counted(const struct graft_names *names,
		       const struct graft_symbol *new_symbol)
{
	const struct key key = key_of(new_symbol);

	return graft_stem_is_numbered(&key.stem) &&
	       !graft_names_old(names, new_symbol);
}

bool
graft_names_same_stem(const struct graft_symbol *a,
		      const struct graft_symbol *b)
{
	const struct key x = key_of(a);
	const struct key y = key_of(b);

	return compare_key(&x, &y) == 0;
}
