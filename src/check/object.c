// SPDX-License-Identifier: Apache-2.0

// Writable objects: which of OLD stands for which of NEW, and do both start
// with the same contents?

#include "check/walk.h"

#include <string.h>

enum {
	/** How much more room NEW may have by the alignment of what follows. */
	SLACK = 63,
};

struct graft_error *
graft_object_add(struct graft_walk *walk, const struct graft_walk_site *site,
		 uint64_t old_addr, uint64_t new_addr, uint64_t len)
{
	bool end = len == 0 && graft_end_is_likely(walk, site);
	struct graft_walk_list *list = &walk->objects;
	struct graft_joint *entry;
	struct graft_error *err;
	bool fresh;

	err = graft_joint_put(&walk->object_index, old_addr, new_addr,
			      list->count, &entry, &fresh);
	if (err)
		return err;
	if (!fresh) {
		struct graft_walk_ref *known = &list->refs[entry->value];
		if (len > known->len)
			known->len = len;
		if (!known->end || end)
			return NULL;
		// It is more than an end after all.
		entry->value = list->count;
	}
	walk->result->objects += fresh;
	return graft_walk_list_add(
		list,
		(struct graft_walk_ref){ old_addr, new_addr, len, *site, end });
}

/** Length of a name without the numbers that a compiler puts behind it. */
static size_t
stem_len(const char *name)
{
	size_t len = strlen(name);

	for (;;) {
		size_t cut = len;
		while (cut > 0 && name[cut - 1] >= '0' && name[cut - 1] <= '9')
			cut--;
		if (cut == len || cut < 2 || name[cut - 1] != '.')
			return len;
		len = cut - 1;
	}
}

/** Is one name the other, behind the name of a function? */
static bool
is_in_function(const char *in, size_t in_len, const char *name, size_t len)
{
	return in_len > len + 1 && in[in_len - len - 1] == '.' &&
	       strncmp(in + in_len - len, name, len) == 0;
}

/**
 * Are two names the same but for what a compiler numbers, and but for the
 * function whose static variable it is or was?
 */
static bool
same_stem(const char *a, const char *b)
{
	size_t a_len = stem_len(a);
	size_t b_len = stem_len(b);

	return (a_len == b_len && strncmp(a, b, a_len) == 0) ||
	       is_in_function(a, a_len, b, b_len) ||
	       is_in_function(b, b_len, a, a_len);
}

/** The symbol of an object in the build that holds an address, or NULL. */
static const struct graft_symbol *
symbol_of(const struct graft_world *world, uint64_t addr, uint64_t *off_ret)
{
	uint64_t own;
	const struct graft_image *image = graft_world_image_of(world, addr,
							       &own);

	if (!graft_image_has_symtab(image))
		return NULL;
	const struct graft_symbol *symbol = graft_image_object_at(image, own);
	if (!symbol)
		return NULL;
	*off_ret = own - symbol->addr;
	return symbol;
}

/** Has an object of OLD another name that is this one? */
static bool
has_alias(const struct graft_world *world, const struct graft_symbol *of,
	  const char *name)
{
	size_t count;
	const struct graft_symbol *all = graft_image_symbols(world->image,
							     &count);
	size_t low = 0;

	while (low < count) {
		size_t mid = low + (count - low) / 2;
		if (all[mid].defined && all[mid].addr < of->addr)
			low = mid + 1;
		else
			count = mid;
	}
	(void)graft_image_symbols(world->image, &count);
	for (; low < count && all[low].defined && all[low].addr == of->addr;
	     low++) {
		if (same_stem(all[low].name, name))
			return true;
	}
	return false;
}

/** Where both builds have names for their objects, the names must agree. */
static struct graft_error *
compare_names(struct graft_walk *walk, const struct graft_walk_ref *ref)
{
	uint64_t old_off;
	uint64_t new_off;
	const struct graft_symbol *o = symbol_of(&walk->old_world,
						 ref->old_addr, &old_off);
	const struct graft_symbol *n = symbol_of(&walk->new_world,
						 ref->new_addr, &new_off);

	if (!o || !n)
		return NULL;
	if (old_off == new_off && o->size >= n->size &&
	    (same_stem(o->name, n->name) ||
	     has_alias(&walk->old_world, o, n->name)))
		return NULL;
	return graft_walk_differ(walk, &ref->site, ref->old_addr, ref->new_addr,
				 "the object %s+%llu of %llu bytes instead of "
				 "%s+%llu of %llu",
				 o->name, (unsigned long long)old_off,
				 (unsigned long long)o->size, n->name,
				 (unsigned long long)new_off,
				 (unsigned long long)n->size);
}

/**
 * How far the object at an address may reach: to its end where the build has
 * symbols, else to the next address that its code or data names.
 */
static uint64_t
room_at(const struct graft_world *world, uint64_t addr)
{
	uint64_t off;
	const struct graft_symbol *symbol = symbol_of(world, addr, &off);

	if (symbol)
		return symbol->size - off;
	return graft_world_next_start(world, addr) - addr;
}

static struct graft_error *
compare_contents(struct graft_walk *walk, const struct graft_walk_ref *ref)
{
	uint64_t old_room = room_at(&walk->old_world, ref->old_addr);
	uint64_t len = room_at(&walk->new_world, ref->new_addr);
	uint64_t done = 0;
	uint64_t taken;
	uint64_t same;
	struct graft_error *err = compare_names(walk, ref);

	if (!err && len > old_room + SLACK && ref->len == 0)
		return graft_walk_differ(
			walk, &ref->site, ref->old_addr, ref->new_addr,
			"the object of OLD has room for %llu bytes, that of "
			"NEW for %llu",
			(unsigned long long)old_room, (unsigned long long)len);
	len = len < old_room ? len : old_room;
	len = len > ref->len ? len : ref->len;
	while (!err) {
		err = graft_content_compare(
			walk, &ref->site, ref->old_addr + done,
			ref->new_addr + done, len - done, &same);
		done += same;
		if (err || done == len)
			break;
		err = graft_release_take(walk, ref->old_addr, ref->new_addr,
					 done, len, &taken);
		if (err || !taken)
			break;
		done = taken;
	}
	if (err)
		return err;
	walk->result->object_bytes += done;
	if (done == len)
		return NULL;
	return graft_walk_differ(walk, &ref->site, ref->old_addr, ref->new_addr,
				 "the objects do not start with the same "
				 "contents: byte %llu of %llu",
				 (unsigned long long)done,
				 (unsigned long long)len);
}

struct graft_error *
graft_object_run(struct graft_walk *walk)
{
	struct graft_walk_list *list = &walk->objects;
	struct graft_error *err = NULL;

	while (!err && list->done < list->count) {
		// The list may grow and move meanwhile.
		struct graft_walk_ref ref = list->refs[list->done++];
		if (!ref.end)
			err = compare_contents(walk, &ref);
	}
	return err;
}
