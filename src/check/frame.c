// SPDX-License-Identifier: Apache-2.0

// The unwind tables that a hotpatch brings: where code of the shadow lands when an
// exception passes, the unwinder must find for it what NEW says of the same code.

#include "check/walk.h"

#include "base/cursor.h"
#include "patch/patch.h"

#include <string.h>

/** The parts of a CIE and of an FDE, as the unwinder reads them. */
struct parts {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_reg;
	struct graft_cursor first_rules;
	/** Address of the slot of the personality routine; 0: none. */
	uint64_t personality;
	bool signal_frame;
	uint64_t start;
	uint64_t size;
	uint64_t lsda;
	struct graft_cursor rules;
};

/** The table in the old world. */
struct list {
	const uint8_t *bytes;
	/** Where it is there. */
	uint64_t addr;
	uint64_t len;
};

/** Take a distance of 4 bytes from itself. */
static uint64_t
take_near(const struct list *list, struct graft_cursor *c)
{
	uint64_t here = list->addr + (uint64_t)(c->at - list->bytes);

	return here + (uint64_t)(int64_t)(int32_t)graft_cursor_le(c, 4);
}

/** Open the entry at an offset. */
static struct graft_cursor
open_entry(const struct list *list, uint64_t off)
{
	struct graft_cursor c = graft_cursor_make(list->bytes, list->len);
	(void)graft_cursor_take(&c, off);
	uint64_t len = graft_cursor_le(&c, 4);
	const uint8_t *body = graft_cursor_take(&c, len);

	struct graft_cursor entry = graft_cursor_make(body, body ? len : 0);
	entry.bad = !body;
	return entry;
}

static bool
read_cie(const struct list *list, uint64_t off, struct parts *ret)
{
	struct graft_cursor c = open_entry(list, off);
	bool ok = graft_cursor_le(&c, 4) == 0 && graft_cursor_le(&c, 1) == 1;
	const char *letters = (const char *)c.at;

	if (!ok || c.bad || !memchr(letters, '\0', graft_cursor_left(&c)))
		return false;
	(void)graft_cursor_take(&c, strlen(letters) + 1);
	ret->code_align = graft_cursor_leb(&c);
	ret->data_align = graft_cursor_signed_leb(&c);
	ret->return_reg = graft_cursor_le(&c, 1);
	(void)graft_cursor_leb(&c);
	for (const char *letter = letters; ok && *letter; letter++) {
		if (*letter == 'P') {
			ok = graft_cursor_le(&c, 1) == 0x9b;
			ret->personality = take_near(list, &c);
		} else if (*letter == 'L' || *letter == 'R') {
			ok = graft_cursor_le(&c, 1) == 0x1b;
		} else if (*letter == 'S') {
			ret->signal_frame = true;
		} else {
			ok = *letter == 'z' && letter == letters;
		}
	}
	ret->first_rules = c;
	return ok && !c.bad;
}

static bool
read_fde(const struct list *list, uint64_t off, struct parts *ret)
{
	struct graft_cursor c = open_entry(list, off);
	uint64_t back = graft_cursor_le(&c, 4);

	*ret = (struct parts){ 0 };
	if (c.bad || back == 0 || back > off + 4 ||
	    !read_cie(list, off + 4 - back, ret))
		return false;
	ret->start = take_near(list, &c);
	ret->size = graft_cursor_le(&c, 4);
	if (graft_cursor_leb(&c))
		ret->lsda = take_near(list, &c);
	ret->rules = c;
	return !c.bad;
}

/** Are instructions the same, but for nothing at their ends? */
static bool
same_rules(struct graft_cursor c, const uint8_t *rules, size_t len)
{
	size_t left = graft_cursor_left(&c);
	size_t both = left < len ? left : len;
	bool same = both == 0 || memcmp(c.at, rules, both) == 0;

	for (size_t i = both; same && i < left; i++)
		same = c.at[i] == 0;
	for (size_t i = both; same && i < len; i++)
		same = rules[i] == 0;
	return same;
}

/** Find the FDE of the table that covers an address of the old world. */
static bool
find_fde(const struct list *list, uint64_t addr, struct parts *ret)
{
	uint64_t off = 0;

	while (off + 4 <= list->len) {
		struct graft_cursor c = open_entry(list, off);
		size_t len = graft_cursor_left(&c);
		if (c.bad || len == 0)
			return false;
		if (graft_cursor_le(&c, 4) != 0 && !c.bad &&
		    read_fde(list, off, ret) && addr - ret->start < ret->size)
			return true;
		off += 4 + len;
	}
	return false;
}

struct graft_error *
graft_frame_compare(struct graft_walk *walk, const struct graft_walk_site *site,
		    uint64_t old_addr, uint64_t new_addr, bool *same_ret)
{
	const struct graft_world *world = &walk->old_world;
	const struct graft_patch_module *module = world->module;
	uint64_t end;
	const struct graft_extent *extent =
		graft_world_extent_at(&walk->new_world, new_addr, &end);
	struct parts parts = { 0 };

	*same_ret = false;
	if (!extent || !module || !module->frames_len)
		return NULL;
	struct list list = { .addr = world->shadow + module->frames_addr,
			     .len = module->frames_len };
	const struct graft_world_range *range = graft_world_range_at(world,
								     list.addr);
	if (!range || !range->bytes ||
	    range->size - (list.addr - range->addr) < list.len)
		return NULL;
	list.bytes = range->bytes + (list.addr - range->addr);
	if (!find_fde(&list, old_addr, &parts))
		return NULL;
	*same_ret = parts.start - extent->addr == old_addr - new_addr &&
		    parts.size == extent->size &&
		    parts.lsda ==
			    (extent->lsda ? extent->lsda + world->shadow : 0) &&
		    parts.code_align == extent->code_align &&
		    parts.data_align == extent->data_align &&
		    parts.return_reg == extent->return_reg &&
		    parts.signal_frame == extent->signal_frame &&
		    same_rules(parts.first_rules, extent->first_rules,
			       extent->first_rules_len) &&
		    same_rules(parts.rules, extent->rules, extent->rules_len) &&
		    (!parts.personality || extent->personality_indirect);
	if (!*same_ret || !extent->lsda)
		return NULL;
	*same_ret = parts.personality != 0;
	if (!*same_ret)
		return NULL;
	return graft_constant_compare(walk, site, parts.personality,
				      extent->personality, 8);
}
