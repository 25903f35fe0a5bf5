// SPDX-License-Identifier: Apache-2.0

#include "patch/places.h"

#include <string.h>

enum {
	/** Bytes that have an owner together: functions begin at such a multiple. */
	GRAIN_LOG = 4,
	/** Of the table of what is learned. */
	LEARNED_LOG_MIN = 4,
	LEARNED_LOG_MAX = 20,
};

void
graft_places_deinit(struct graft_places *places)
{
	graft_addresses_deinit(&places->addresses);
	free(places->owners);
	free(places->learned);
	*places = (struct graft_places){ 0 };
}

/** Steps by length, and the order that they have. */
static int
compare_steps(const void *a, const void *b)
{
	const struct graft_step *x = *(const struct graft_step *const *)a;
	const struct graft_step *y = *(const struct graft_step *const *)b;

	if (x->copy != y->copy)
		return x->copy < y->copy ? -1 : 1;
	return (x > y) - (x < y);
}

/** The longest step that has a byte owns it; what none has belongs to the one before. */
static struct graft_error *
find_owners(struct graft_places *places)
{
	const struct graft_steps *steps = places->steps;
	const size_t grains = (places->len >> GRAIN_LOG) + 1;
	GRAFT_FREE const struct graft_step **sorted = calloc(steps->count + 1,
							     sizeof(*sorted));

	places->owners = calloc(grains, sizeof(*places->owners));
	if (!sorted || !places->owners)
		return graft_error_no_memory();
	for (size_t i = 0; i < steps->count; i++)
		sorted[i] = &steps->items[i];
	qsort(sorted, steps->count, sizeof(*sorted), compare_steps);
	for (size_t i = 0; i < steps->count; i++) {
		const int64_t from = sorted[i]->old_at;
		const int64_t end = from + sorted[i]->copy;
		for (int64_t k = from >> GRAIN_LOG;
		     sorted[i]->copy && k <= (end - 1) >> GRAIN_LOG; k++)
			places->owners[k] =
				(uint32_t)(sorted[i] - steps->items) + 1;
	}
	for (size_t i = 1; i < grains; i++) {
		if (!places->owners[i])
			places->owners[i] = places->owners[i - 1];
	}
	return NULL;
}

struct graft_error *
graft_places_init(struct graft_places *places, const uint8_t *bytes, size_t len,
		  const struct graft_steps *steps)
{
	places->bytes = bytes;
	places->len = len;
	places->steps = steps;
	struct graft_error *err = graft_addresses_find(bytes, len, &places->old,
						       &places->addresses);
	if (err)
		return err;
	places->learned_log = LEARNED_LOG_MIN;
	while (places->learned_log < LEARNED_LOG_MAX &&
	       (size_t)1 << places->learned_log <
		       2 * (places->addresses.count + 1))
		places->learned_log++;
	places->learned = calloc((size_t)1 << places->learned_log,
				 sizeof(*places->learned));
	return places->learned ? find_owners(places) : graft_error_no_memory();
}

size_t
graft_places_first(const struct graft_places *places, int64_t off)
{
	size_t low = 0;
	size_t high = places->addresses.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (places->addresses.items[middle].off < off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** The entry of an address, or the one that it would get. */
static struct graft_learned *
find_learned(const struct graft_places *places, uint64_t old)
{
	size_t i = (old * 0x9e3779b97f4a7c15U) >> (64 - places->learned_log);

	while (places->learned[i].old && places->learned[i].old != old)
		i = (i + 1) & (((size_t)1 << places->learned_log) - 1);
	return &places->learned[i];
}

/** Where the steps put an address. */
static uint64_t
find_by_steps(const struct graft_places *places, uint64_t addr)
{
	const struct graft_load *load = graft_layout_find_addr(&places->old,
							       addr);
	const struct graft_load *to;

	if (!load)
		return addr;
	uint64_t off = addr - load->addr + load->off;
	if (addr - load->addr >= load->size) {
		// Behind the bytes of the file: as far from their end.
		to = &places->new.loads[load - places->old.loads];
		return addr - load->addr - load->size + to->addr + to->size;
	}
	uint32_t owner = places->owners[off >> GRAIN_LOG];
	if (owner) {
		const struct graft_step *step =
			&places->steps->items[owner - 1];
		off += (uint64_t)step->new_at - (uint64_t)step->old_at;
	}
	to = graft_layout_find_off(&places->new, off);
	return to ? off - to->off + to->addr : addr;
}

static uint64_t
find_new(const struct graft_places *places, uint64_t addr)
{
	const struct graft_learned *learned = find_learned(places, addr);

	return addr && learned->old ? learned->new
				    : find_by_steps(places, addr);
}

/** The number that an address holds. */
static uint64_t
read_value(const uint8_t *at, enum graft_address_kind kind)
{
	uint64_t whole;
	int32_t half;

	if (kind == GRAFT_ADDRESS_WHOLE) {
		memcpy(&whole, at, sizeof(whole));
		return whole;
	}
	memcpy(&half, at, sizeof(half));
	return (uint64_t)(int64_t)half;
}

/** What the number of an address is counted from, in both files. */
static bool
find_origins(const struct graft_places *places,
	     const struct graft_address *address, int64_t off,
	     uint64_t *old_ret, uint64_t *new_ret)
{
	const bool table = address->kind == GRAFT_ADDRESS_TABLE;
	const uint64_t old_off = table ? address->table : address->off;
	const struct graft_load *old = graft_layout_find_off(&places->old,
							     old_off);
	const struct graft_load *new = graft_layout_find_off(&places->new,
							     (uint64_t)off);
	const uint64_t more = address->kind == GRAFT_ADDRESS_NEXT ? 4 : 0;

	*old_ret = 0;
	*new_ret = 0;
	if (address->kind == GRAFT_ADDRESS_WHOLE)
		return true;
	if (!old || !new)
		return false;
	*old_ret = old_off - old->off + old->addr + more;
	*new_ret = table ? find_new(places, *old_ret)
			 : (uint64_t)off - new->off + new->addr + more;
	return true;
}

bool
graft_places_compute(const struct graft_places *places,
		     const struct graft_address *address, int64_t off,
		     uint8_t ret[8])
{
	uint64_t old;
	uint64_t new;

	if (!find_origins(places, address, off, &old, &new))
		return false;
	uint64_t to = find_new(
		places,
		old + read_value(places->bytes + address->off, address->kind));
	to -= new;
	memcpy(ret, &to, sizeof(to));
	return true;
}

void
graft_places_learn(struct graft_places *places,
		   const struct graft_address *address, int64_t off,
		   const uint8_t *now)
{
	uint64_t old;
	uint64_t new;

	// When the table is so full, nothing more is learned.
	if (places->learned_count >= (size_t)3 << (places->learned_log - 2) ||
	    !find_origins(places, address, off, &old, &new))
		return;
	old += read_value(places->bytes + address->off, address->kind);
	if (!old)
		return;
	struct graft_learned *learned = find_learned(places, old);
	places->learned_count += !learned->old;
	learned->old = old;
	learned->new = new + read_value(now, address->kind);
}
