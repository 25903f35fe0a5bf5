// SPDX-License-Identifier: Apache-2.0

// Constants: compared by content. Their addresses are not part of the proof.

#include "check/walk.h"

#include <string.h>

enum {
	/** Printable bytes that make a text for sure. */
	TEXT_SURE = 4,
	/** Zeroes that may stand between two constants. */
	PADDING_MAX = 63,
	/** Zeroes that may stand between two texts: the end of the first, and
	 * what aligns the second. */
	ALIGN_MAX = 32,
};

struct graft_error *
graft_constant_compare(struct graft_walk *walk,
		       const struct graft_walk_site *site, uint64_t old_addr,
		       uint64_t new_addr, uint64_t len)
{
	uint64_t same;
	struct graft_error *err = graft_content_compare(walk, site, old_addr,
							new_addr, len, &same);

	if (err)
		return err;
	if (same < len)
		return graft_walk_differ(walk, site, old_addr, new_addr,
					 "the constants differ at byte %llu of "
					 "%llu",
					 (unsigned long long)same,
					 (unsigned long long)len);
	walk->result->constants++;
	walk->result->constant_bytes += len;
	return NULL;
}

struct graft_error *
graft_constant_add(struct graft_walk *walk, const struct graft_walk_site *site,
		   uint64_t old_addr, uint64_t new_addr)
{
	struct graft_joint *entry;
	struct graft_error *err;
	bool fresh;

	err = graft_joint_put(&walk->constant_index, old_addr, new_addr,
			      walk->constants.count, &entry, &fresh);
	if (err || !fresh)
		return err;
	return graft_walk_list_add(
		&walk->constants,
		(struct graft_walk_ref){ old_addr, new_addr, 0, *site, false });
}

/** Take a difference between two texts that is meant to be. */
static struct graft_error *
take_texts(struct graft_walk *walk, const struct graft_walk_ref *ref,
	   bool *taken_ret)
{
	uint64_t old_len;
	uint64_t new_len;
	const char *o = graft_world_text(&walk->old_world, ref->old_addr,
					 &old_len);
	const char *n = graft_world_text(&walk->new_world, ref->new_addr,
					 &new_len);

	*taken_ret = o && n;
	if (!*taken_ret)
		return NULL;
	if (graft_release_only_differs(walk, o, n))
		return graft_walk_except(
			walk, "version text at 0x%llx stays: \"%.60s\"",
			(unsigned long long)ref->old_addr, o);
	if (graft_left_is_main(walk, &ref->site))
		return graft_walk_except(
			walk,
			"text of main at 0x%llx stays, as R-21 "
			"says: \"%.60s\"",
			(unsigned long long)ref->old_addr, o);
	*taken_ret = false;
	return NULL;
}

/** Are the bytes of NEW behind a constant nothing but zeroes? */
static bool
is_padding(const struct graft_walk *walk, uint64_t addr, uint64_t end)
{
	const struct graft_world_range *range =
		graft_world_range_at(&walk->new_world, addr);

	if (addr == end)
		return true;
	if (!range || end - addr > PADDING_MAX)
		return false;
	for (uint64_t i = addr; i < end; i++) {
		if (range->bytes && range->bytes[i - range->addr])
			return false;
	}
	return true;
}

/** Does text stand among texts: does another one end in front of it, with no more
 * than the zeroes between them that align the second? */
static bool
is_among_texts(const struct graft_world *world, uint64_t addr)
{
	const struct graft_world_range *range = graft_world_range_at(world,
								     addr);

	if (!range || !range->bytes)
		return false;
	uint64_t offset = addr - range->addr;
	uint64_t zeroes = 0;
	while (zeroes < offset && zeroes <= ALIGN_MAX &&
	       !range->bytes[offset - zeroes - 1])
		zeroes++;
	return zeroes > 0 && zeroes <= ALIGN_MAX && zeroes < offset &&
	       (zeroes == 1 || addr % 8 == 0) &&
	       (range->bytes[offset - zeroes - 1] >= ' ' ||
		range->bytes[offset - zeroes - 1] == '\n');
}

/**
 * Ask whether two constants may end where they begin to differ: OLD has the next
 * thing there already, and NEW the end of a text, or padding. Text among texts
 * ends with itself: what follows the last one may have no name at all.
 */
static bool
ends_at(const struct graft_walk *walk, const struct graft_walk_ref *ref,
	uint64_t same, uint64_t len)
{
	uint64_t text_len;
	const char *text = graft_world_text(&walk->new_world, ref->new_addr,
					    &text_len);

	if (text && text_len <= same && text_len > TEXT_SURE &&
	    is_among_texts(&walk->old_world, ref->old_addr) &&
	    is_among_texts(&walk->new_world, ref->new_addr))
		return true;
	if (!same || graft_world_next_start(&walk->old_world, ref->old_addr) >
			     ref->old_addr + same)
		return false;
	return (text && text_len <= same && text_len > TEXT_SURE) ||
	       is_padding(walk, ref->new_addr + same, ref->new_addr + len);
}

static struct graft_error *
differ(struct graft_walk *walk, const struct graft_walk_ref *ref, uint64_t same)
{
	uint64_t len;
	const char *o = graft_world_text(&walk->old_world, ref->old_addr, &len);
	const char *n = graft_world_text(&walk->new_world, ref->new_addr, &len);

	if (o && n)
		return graft_walk_differ(walk, &ref->site, ref->old_addr,
					 ref->new_addr,
					 "the text \"%.60s\" instead of "
					 "\"%.60s\"",
					 o, n);
	return graft_walk_differ(walk, &ref->site, ref->old_addr, ref->new_addr,
				 "the constants differ at byte %llu",
				 (unsigned long long)same);
}

/** Compare two constants of unknown length. */
static struct graft_error *
compare(struct graft_walk *walk, struct graft_walk_ref *ref)
{
	uint64_t len = graft_world_next_start(&walk->new_world, ref->new_addr) -
		       ref->new_addr;
	uint64_t text_len;
	uint64_t same;
	struct graft_error *err;
	bool taken;

	// The end of a text may be the start of another one.
	if (graft_world_text(&walk->new_world, ref->new_addr, &text_len) &&
	    text_len > len)
		len = text_len;
	err = graft_table_follow(walk, &ref->site, ref->old_addr, ref->new_addr,
				 &taken);
	if (err || taken)
		return err;
	err = graft_content_compare(walk, &ref->site, ref->old_addr,
				    ref->new_addr, len, &same);
	if (err)
		return err;
	if (same < len &&
	    graft_world_area_at(&walk->new_world, ref->new_addr) ==
		    GRAFT_WORLD_CODE)
		return graft_walk_enter(walk, &ref->site, ref->old_addr,
					ref->new_addr, "takes the address of");
	if (same < len && !ends_at(walk, ref, same, len)) {
		if (graft_end_is_likely(walk, &ref->site))
			return graft_end_add(walk, &ref->site, ref->old_addr,
					     ref->new_addr);
		err = take_texts(walk, ref, &taken);
		return err || taken ? err : differ(walk, ref, same);
	}
	walk->result->constants++;
	walk->result->constant_bytes += same;
	ref->len = same;
	return NULL;
}

struct graft_error *
graft_constant_run(struct graft_walk *walk)
{
	struct graft_walk_list *list = &walk->constants;
	struct graft_error *err = NULL;

	while (!err && list->done < list->count) {
		size_t i = list->done++;
		// The list may grow and move meanwhile.
		struct graft_walk_ref ref = list->refs[i];
		err = compare(walk, &ref);
		list->refs[i].len = ref.len;
	}
	return err;
}
