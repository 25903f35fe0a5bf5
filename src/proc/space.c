// SPDX-License-Identifier: Apache-2.0

// graft_maps_find_free(): where in an address space a block may lie.

#include "proc/maps.h"

#include <string.h>

/** Stacks may grow down to here. Twice the usual limit of 8 MiB is common,
 * and a jump reaches 2 GiB, so be generous. */
static const uint64_t STACK_ROOM = UINT64_C(128) << 20;

/** Below it mmap(2) refuses (vm.mmap_min_addr), above it user space ends. */
static const uint64_t SPACE_START = UINT64_C(1) << 16;
static const uint64_t SPACE_END = (UINT64_C(1) << 47) - 4096;

/** A search: the window that is allowed, and what fits into it. */
struct search {
	uint64_t low;
	uint64_t high;
	uint64_t len;
	uint64_t congruent;
	uint64_t align;
};

/** Highest start in [start, end) within the window, or false. */
static bool
fit_high(const struct search *s, uint64_t start, uint64_t end, uint64_t *ret)
{
	start = start > s->low ? start : s->low;
	end = end < s->high ? end : s->high;
	if (end <= start || end - start < s->len)
		return false;
	uint64_t at = end - s->len;
	uint64_t down = (at - s->congruent) & (s->align - 1);
	if (down > at - start)
		return false;
	*ret = at - down;
	return true;
}

/** Lowest start in [start, end) within the window, or false. */
static bool
fit_low(const struct search *s, uint64_t start, uint64_t end, uint64_t *ret)
{
	start = start > s->low ? start : s->low;
	end = end < s->high ? end : s->high;
	if (end <= start || end - start < s->len)
		return false;
	uint64_t up = (s->congruent - start) & (s->align - 1);
	if (up > end - start - s->len)
		return false;
	*ret = start + up;
	return true;
}

/** The part of the gap in front of mapping @p i that nobody needs. */
static void
gap_before(const struct graft_maps *maps, size_t i, uint64_t *start,
	   uint64_t *end)
{
	*start = i ? maps->maps[i - 1].end : SPACE_START;
	*end = i < maps->count ? maps->maps[i].start : SPACE_END;
	// The heap grows up with brk(2) until it meets a mapping.
	if (i && strcmp(maps->maps[i - 1].path, "[heap]") == 0)
		*start = *end;
	if (i < maps->count && strcmp(maps->maps[i].path, "[stack]") == 0)
		*end = *end - *start > STACK_ROOM ? *end - STACK_ROOM : *start;
}

bool
graft_maps_find_free(const struct graft_maps *maps, uint64_t near_start,
		     uint64_t near_end, uint64_t len, uint64_t congruent,
		     uint64_t align, uint64_t reach, uint64_t *ret)
{
	if (len == 0 || near_start >= near_end || align == 0 ||
	    (align & (align - 1)) || reach > INT32_MAX || len > reach ||
	    near_end - near_start > reach)
		return false;
	struct search s = {
		.low = near_end > reach ? near_end - reach : 0,
		.high = near_start > UINT64_MAX - reach ? UINT64_MAX
							: near_start + reach,
		.len = len,
		.congruent = congruent & (align - 1),
		.align = align,
	};

	// Nearest gap below the module first, then the nearest above it.
	uint64_t start, end;
	for (size_t i = maps->count + 1; i-- > 0;) {
		gap_before(maps, i, &start, &end);
		end = end < near_start ? end : near_start;
		if (start < end && fit_high(&s, start, end, ret))
			return true;
	}
	for (size_t i = 0; i <= maps->count; i++) {
		gap_before(maps, i, &start, &end);
		start = start > near_end ? start : near_end;
		if (start < end && fit_low(&s, start, end, ret))
			return true;
	}
	return false;
}
