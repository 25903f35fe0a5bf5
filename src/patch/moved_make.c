// SPDX-License-Identifier: Apache-2.0

#include "patch/moved.h"

#include "base/text.h"
#include "patch/pack.h"
#include "patch/places.h"

#include <string.h>

/** What is under construction. */
struct making {
	struct graft_steps steps;
	struct graft_places places;
	/** What copying alone gives, of the new file's length. */
	uint8_t *copied;
	uint64_t count;
	struct graft_text corrections;
	struct graft_text added;
	struct graft_text fresh;
};

static void
making_deinit(struct making *m)
{
	graft_places_deinit(&m->places);
	graft_steps_deinit(&m->steps);
	free(m->copied);
	graft_text_deinit(&m->corrections);
	graft_text_deinit(&m->added);
	graft_text_deinit(&m->fresh);
}

/** Move the addresses of a step along. */
static void
move_step(struct making *m, const struct graft_step *step, const uint8_t *new)
{
	const struct graft_addresses *all = &m->places.addresses;
	const int64_t end = step->old_at + step->copy;

	for (size_t i = graft_places_first(&m->places, step->old_at);
	     i < all->count; i++) {
		const struct graft_address *address = &all->items[i];
		const uint32_t width = graft_address_width(address->kind);
		const int64_t at = step->new_at + address->off - step->old_at;
		uint8_t bytes[8];
		if ((int64_t)address->off + width > end)
			break;
		if (graft_places_compute(&m->places, address, at, bytes))
			memcpy(m->copied + at, bytes, width);
		graft_places_learn(&m->places, address, at, new + at);
	}
}

/** Write what is wrong in the copies, and what is new. */
static void
put_corrections(struct making *m, const uint8_t *new)
{
	uint64_t right = 0;

	for (size_t i = 0; i < m->steps.count; i++) {
		const struct graft_step *step = &m->steps.items[i];
		const int64_t end = step->new_at + step->copy;
		for (int64_t at = step->new_at; at < end;) {
			uint64_t wrong = 0;
			for (; at < end && m->copied[at] != new[at]; at++) {
				uint8_t byte =
					(uint8_t)(new[at] - m->copied[at]);
				graft_text_put_bytes(&m->added, &byte, 1);
				wrong++;
			}
			if (wrong) {
				graft_pack_put(&m->corrections, right);
				graft_pack_put(&m->corrections, wrong);
				m->count++;
				right = 0;
			}
			for (; at < end && m->copied[at] == new[at]; at++)
				right++;
		}
		graft_text_put_bytes(&m->fresh, new + end, (size_t)step->fresh);
	}
}

static void
put_layout(const struct graft_layout *old, const struct graft_layout *new,
	   struct graft_text *out)
{
	graft_pack_put(out, new->count);
	for (size_t i = 0; i < new->count; i++) {
		const struct graft_load none = { 0 };
		const struct graft_load *from = i < old->count ? &old->loads[i]
							       : &none;
		graft_pack_put_delta(out, new->loads[i].off, from->off);
		graft_pack_put_delta(out, new->loads[i].addr, from->addr);
		graft_pack_put_delta(out, new->loads[i].size, from->size);
	}
}

static void
put_steps(const struct graft_steps *steps, struct graft_text *out)
{
	graft_pack_put(out, steps->count);
	for (size_t i = 0; i < steps->count; i++) {
		const struct graft_step *step = &steps->items[i];
		const int64_t end = step->old_at + step->copy;
		graft_pack_put(out, (uint64_t)step->copy);
		graft_pack_put(out, (uint64_t)step->fresh);
		// The last one leads nowhere.
		graft_pack_put_signed(
			out, i + 1 < steps->count ? step[1].old_at - end : 0);
	}
}

struct graft_error *
graft_moved_make(const uint8_t *old, size_t old_len, const uint8_t *new,
		 size_t new_len, uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLEANUP(making_deinit) struct making m = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	struct graft_places *places = &m.places;
	char *bytes;

	struct graft_error *err = graft_steps_find(old, old_len, new, new_len,
						   &m.steps);
	m.copied = malloc(new_len + 1);
	if (!err && !m.copied)
		err = graft_error_no_memory();
	const bool moves = graft_layout_read(old, old_len, &places->old) &&
			   graft_layout_read(new, new_len, &places->new);
	if (!err && moves)
		err = graft_places_init(places, old, old_len, &m.steps);
	if (err)
		return err;
	for (size_t i = 0; i < m.steps.count; i++) {
		const struct graft_step *step = &m.steps.items[i];
		memcpy(m.copied + step->new_at, old + step->old_at,
		       (size_t)step->copy);
		if (moves)
			move_step(&m, step, new);
	}
	put_corrections(&m, new);
	if (m.corrections.failed || m.added.failed || m.fresh.failed)
		return graft_error_no_memory();
	if (!moves)
		places->new.count = 0;
	put_layout(&places->old, &places->new, &out);
	put_steps(&m.steps, &out);
	graft_pack_put(&out, m.count);
	graft_text_put_bytes(&out, graft_text_str(&m.corrections),
			     m.corrections.len);
	graft_text_put_bytes(&out, graft_text_str(&m.added), m.added.len);
	graft_text_put_bytes(&out, graft_text_str(&m.fresh), m.fresh.len);
	*len_ret = out.len;
	err = graft_text_take(&out, &bytes);
	if (!err)
		*ret = (uint8_t *)bytes;
	return err;
}
