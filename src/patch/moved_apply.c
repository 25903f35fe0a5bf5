// SPDX-License-Identifier: Apache-2.0

#include "patch/moved.h"

#include "base/cursor.h"
#include "base/vec.h"
#include "patch/pack.h"
#include "patch/places.h"

#include <string.h>

/** What is under construction. */
struct applying {
	struct graft_steps steps;
	struct graft_places places;
	bool moves;
	/** Copied bytes that are right before the next wrong one, and how many are wrong. */
	uint64_t right;
	uint64_t wrong;
	uint64_t count;
	struct graft_cursor corrections;
	const uint8_t *added;
	uint8_t *out;
};

static void
applying_deinit(struct applying *a)
{
	graft_places_deinit(&a->places);
	graft_steps_deinit(&a->steps);
	free(a->out);
}

static struct graft_error *
bad(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "delta: %s", what);
}

static struct graft_error *
read_layout(struct applying *a, struct graft_cursor *c, const uint8_t *old,
	    size_t old_len)
{
	const size_t count = graft_pack_take_count(c, GRAFT_LAYOUT_LOADS_MAX);
	struct graft_layout *from = &a->places.old;
	struct graft_layout *to = &a->places.new;

	a->moves = count > 0;
	if (!a->moves)
		return NULL;
	if (!graft_layout_read(old, old_len, from))
		return bad("it moves addresses of what has none");
	// Only the first so many of either stand for each other.
	to->count = count;
	for (size_t i = 0; i < count; i++) {
		struct graft_load *load = &to->loads[i];
		const struct graft_load *base = &from->loads[i];
		load->off = graft_pack_take_delta(c, base->off);
		load->addr = graft_pack_take_delta(c, base->addr);
		load->size = graft_pack_take_delta(c, base->size);
	}
	return NULL;
}

/** Read the steps: each copies from the old file, and all together give the new one. */
static struct graft_error *
read_steps(struct applying *a, struct graft_cursor *c, size_t old_len,
	   size_t new_len, uint64_t *copied_ret)
{
	const size_t count = graft_pack_take_count(c, SIZE_MAX);
	struct graft_steps *steps = &a->steps;
	uint64_t copied = 0;
	uint64_t at = 0;
	int64_t old_at = 0;

	struct graft_error *err = graft_vec_reserve(
		&steps->items, &steps->cap, count, sizeof(*steps->items));
	for (size_t i = 0; !err && i < count && !c->bad; i++) {
		const uint64_t copy = graft_pack_take(c);
		const uint64_t fresh = graft_pack_take(c);
		const int64_t seek = graft_pack_take_signed(c);
		if (copy > old_len - (uint64_t)old_at)
			return bad("it copies what is not there");
		if (copy > new_len - at || fresh > new_len - at - copy)
			return bad("it gives too much");
		steps->items[steps->count++] = (struct graft_step){
			.copy = (int64_t)copy,
			.fresh = (int64_t)fresh,
			.old_at = old_at,
			.new_at = (int64_t)at,
		};
		copied += copy;
		at += copy + fresh;
		old_at += (int64_t)copy;
		if (seek > (int64_t)old_len - old_at || seek < -old_at)
			return bad("it goes on outside of the old file");
		old_at += seek;
	}
	if (!err && (c->bad || at != new_len))
		err = bad("it does not give what it says");
	*copied_ret = copied;
	return err;
}

/** Sum up the corrections: they lie in what is copied, and what they add is there. */
static struct graft_error *
read_corrections(struct applying *a, struct graft_cursor *c, uint64_t copied,
		 size_t new_len)
{
	uint64_t at = 0;
	uint64_t sum = 0;

	a->count = graft_pack_take_count(c, SIZE_MAX);
	a->corrections = *c;
	for (uint64_t i = 0; i < a->count && !c->bad; i++) {
		const uint64_t right = graft_pack_take(c);
		const uint64_t wrong = graft_pack_take(c);
		if (right > copied - at || wrong > copied - at - right)
			return bad("it corrects what it does not copy");
		at += right + wrong;
		sum += wrong;
	}
	if (c->bad || graft_cursor_left(c) != sum + (new_len - copied))
		return bad("it does not bring what it says");
	a->added = graft_cursor_take(c, (size_t)sum);
	return NULL;
}

/** Correct the next copied bytes. */
static void
correct(struct applying *a, uint8_t *at, uint64_t len)
{
	while (len) {
		if (!a->right && !a->wrong) {
			if (!a->count)
				return;
			a->count--;
			a->right = graft_pack_take(&a->corrections);
			a->wrong = graft_pack_take(&a->corrections);
		}
		uint64_t skip = a->right < len ? a->right : len;
		a->right -= skip;
		at += skip;
		len -= skip;
		for (; len && !a->right && a->wrong; len--, a->wrong--) {
			*at = (uint8_t)(*at + *a->added++);
			at++;
		}
	}
}

/** Copy, move the addresses along, correct. */
static void
apply_step(struct applying *a, const struct graft_step *step,
	   const uint8_t *old)
{
	const struct graft_addresses *all = &a->places.addresses;
	const int64_t end = step->old_at + step->copy;
	int64_t done = 0;

	if (step->copy)
		memcpy(a->out + step->new_at, old + step->old_at,
		       (size_t)step->copy);
	size_t i = a->moves ? graft_places_first(&a->places, step->old_at) : 0;
	for (; a->moves && i < all->count; i++) {
		const struct graft_address *address = &all->items[i];
		const uint32_t width = graft_address_width(address->kind);
		const int64_t at = address->off - step->old_at;
		uint8_t *to = a->out + step->new_at + at;
		uint8_t bytes[8];
		if ((int64_t)address->off + width > end)
			break;
		correct(a, a->out + step->new_at + done, (uint64_t)(at - done));
		if (graft_places_compute(&a->places, address, step->new_at + at,
					 bytes))
			memcpy(to, bytes, width);
		correct(a, to, width);
		graft_places_learn(&a->places, address, step->new_at + at, to);
		done = at + width;
	}
	correct(a, a->out + step->new_at + done, (uint64_t)(step->copy - done));
}

struct graft_error *
graft_moved_apply(const uint8_t *bytes, size_t len, const uint8_t *old,
		  size_t old_len, size_t new_len, uint8_t **ret)
{
	GRAFT_CLEANUP(applying_deinit) struct applying a = { 0 };
	struct graft_cursor c = graft_cursor_make(bytes, len);
	uint64_t copied;

	struct graft_error *err = read_layout(&a, &c, old, old_len);
	if (!err)
		err = read_steps(&a, &c, old_len, new_len, &copied);
	if (!err)
		err = read_corrections(&a, &c, copied, new_len);
	if (!err && a.moves)
		err = graft_places_init(&a.places, old, old_len, &a.steps);
	if (err)
		return err;
	a.out = malloc(new_len + 1);
	if (!a.out)
		return graft_error_no_memory();
	for (size_t i = 0; i < a.steps.count; i++) {
		const struct graft_step *step = &a.steps.items[i];
		apply_step(&a, step, old);
		const uint8_t *fresh = graft_cursor_take(&c,
							 (size_t)step->fresh);
		if (step->fresh)
			memcpy(a.out + step->new_at + step->copy, fresh,
			       (size_t)step->fresh);
	}
	*ret = GRAFT_TAKE(a.out);
	return NULL;
}
