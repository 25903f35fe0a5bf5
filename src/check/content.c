// SPDX-License-Identifier: Apache-2.0

// Contents of two places: bytes, and slots by what they are bound to.

#include "check/walk.h"

#include <string.h>

/** Get the bytes at an address up to a bound, or NULL for zeroes. */
static const uint8_t *
bytes_at(const struct graft_world_range *range, uint64_t addr)
{
	return range->bytes ? range->bytes + (addr - range->addr) : NULL;
}

/** How many bytes are the same, from the first. */
static uint64_t
same_bytes(const uint8_t *a, const uint8_t *b, uint64_t len)
{
	if (a && b && memcmp(a, b, len) == 0)
		return len;
	for (uint64_t i = 0; i < len; i++) {
		if ((a ? a[i] : 0) != (b ? b[i] : 0))
			return i;
	}
	return len;
}

struct graft_error *
graft_content_compare(struct graft_walk *walk,
		      const struct graft_walk_site *site, uint64_t old_addr,
		      uint64_t new_addr, uint64_t len, uint64_t *same_ret)
{
	const struct graft_world *ow = &walk->old_world;
	const struct graft_world *nw = &walk->new_world;
	const struct graft_world_range *o = graft_world_range_at(ow, old_addr);
	const struct graft_world_range *n = graft_world_range_at(nw, new_addr);
	size_t os = graft_world_slot_from(ow, old_addr);
	size_t ns = graft_world_slot_from(nw, new_addr);

	*same_ret = 0;
	if (!o || !n)
		return NULL;
	if (len > o->size - (old_addr - o->addr))
		len = o->size - (old_addr - o->addr);
	if (len > n->size - (new_addr - n->addr))
		len = n->size - (new_addr - n->addr);
	for (uint64_t off = 0; off < len;) {
		uint64_t old_next = os < ow->slot_count
					    ? ow->slots[os].addr - old_addr
					    : len;
		uint64_t new_next = ns < nw->slot_count
					    ? nw->slots[ns].addr - new_addr
					    : len;
		uint64_t next = old_next < new_next ? old_next : new_next;
		next = next < len ? next : len;
		// A slot that begins inside of the one before it.
		if (next < off) {
			*same_ret = next;
			return NULL;
		}
		uint64_t same = same_bytes(bytes_at(o, old_addr + off),
					   bytes_at(n, new_addr + off),
					   next - off);
		struct graft_error *err = graft_number_check_words(
			walk, site, old_addr + off, new_addr + off, same);
		if (err)
			return err;
		off += same;
		*same_ret = off;
		if (off < next || off == len || old_next != new_next)
			return NULL;
		bool wide = nw->slots[ns].value.kind ==
			    GRAFT_VALUE_TLS_DESCRIPTOR;
		err = graft_value_compare(walk, site, &ow->slots[os++],
					  &nw->slots[ns++], false);
		if (err)
			return err;
		off += wide ? 16 : 8;
		*same_ret = off < len ? off : len;
	}
	return NULL;
}
