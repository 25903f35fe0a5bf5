// SPDX-License-Identifier: Apache-2.0

#include "diff/unwind/eh_slots.h"

#include "base/vec.h"
#include "diff/unwind/lsda.h"

void
graft_eh_slots_deinit(struct graft_eh_slots *slots)
{
	if (!slots)
		return;
	free(slots->addrs);
	*slots = (struct graft_eh_slots){ 0 };
}

static struct graft_error *
add(struct graft_eh_slots *slots, uint64_t addr)
{
	// Neighbours mostly name the same one.
	if (slots->count && slots->addrs[slots->count - 1] == addr)
		return NULL;
	struct graft_error *err = graft_vec_reserve(&slots->addrs, &slots->cap,
						    slots->count + 1,
						    sizeof(*slots->addrs));

	if (!err)
		slots->addrs[slots->count++] = addr;
	return err;
}

static struct graft_error *
add_types(struct graft_eh_slots *slots, const struct graft_image *image,
	  const struct graft_extent *extent)
{
	GRAFT_CLEANUP(graft_lsda_deinit) struct graft_lsda lsda = { 0 };
	struct graft_error *err = graft_lsda_read(image, extent, &lsda);

	if (err) {
		graft_error_free(err);
		return NULL;
	}
	for (uint64_t i = 1; !err && i <= lsda.type_count; i++) {
		uint64_t field;
		bool indirect;
		uint64_t addr = graft_lsda_type(&lsda, i, &field, &indirect);
		if (addr && indirect)
			err = add(slots, addr);
	}
	return err;
}

static int
by_addr(const void *x, const void *y)
{
	const uint64_t *a = x;
	const uint64_t *b = y;

	return (*a > *b) - (*a < *b);
}

struct graft_error *
graft_eh_slots_find(const struct graft_image *image, struct graft_eh_slots *ret)
{
	GRAFT_CLEANUP(graft_eh_slots_deinit)
	struct graft_eh_slots slots = { 0 };
	size_t count;
	const struct graft_extent *extents = graft_image_extents(image, &count);
	struct graft_error *err = NULL;
	size_t kept = 0;

	for (size_t i = 0; !err && i < count; i++) {
		if (extents[i].personality && extents[i].personality_indirect)
			err = add(&slots, extents[i].personality);
	}
	for (size_t i = 0; !err && i < count; i++) {
		if (extents[i].lsda)
			err = add_types(&slots, image, &extents[i]);
	}
	if (err)
		return err;
	if (slots.count)
		qsort(slots.addrs, slots.count, sizeof(*slots.addrs), by_addr);
	for (size_t i = 0; i < slots.count; i++) {
		if (kept == 0 || slots.addrs[kept - 1] != slots.addrs[i])
			slots.addrs[kept++] = slots.addrs[i];
	}
	slots.count = kept;
	*ret = slots;
	slots = (struct graft_eh_slots){ 0 };
	return NULL;
}

bool
graft_eh_slots_has(const struct graft_eh_slots *slots, uint64_t addr)
{
	return slots->count && bsearch(&addr, slots->addrs, slots->count,
				       sizeof(*slots->addrs), by_addr);
}
