// SPDX-License-Identifier: Apache-2.0

#include "proc/scan.h"

#include "proc/stack.h"

#include <string.h>

/** A range and where it stood. */
struct entry {
	uint64_t start;
	uint64_t end;
	/** The greatest end of this one and all before it. */
	uint64_t reach;
	size_t index;
};

struct graft_scan {
	/** Words w with w - first <= span may be in a range. */
	uint64_t first;
	uint64_t span;
	size_t count;
	struct entry entries[];
};

static int
compare_entries(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	return (a->start > b->start) - (a->start < b->start);
}

struct graft_error *
graft_scan_new(const struct graft_range *ranges, size_t count,
	       struct graft_scan **ret)
{
	struct graft_scan *scan =
		calloc(1, sizeof(*scan) + count * sizeof(scan->entries[0]));
	if (!scan)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "ranges");
	for (size_t i = 0; i < count; i++)
		if (ranges[i].start < ranges[i].end)
			scan->entries[scan->count++] = (struct entry){
				.start = ranges[i].start,
				.end = ranges[i].end,
				.index = i,
			};
	if (scan->count)
		qsort(scan->entries, scan->count, sizeof(scan->entries[0]),
		      compare_entries);
	uint64_t reach = 0;
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->entries[i].end > reach)
			reach = scan->entries[i].end;
		scan->entries[i].reach = reach;
	}
	// The start itself is let through: it counts where it is exact.
	scan->first = scan->count ? scan->entries[0].start : UINT64_MAX;
	scan->span = scan->count ? reach - scan->first : 0;
	*ret = scan;
	return NULL;
}

void
graft_scan_find(const struct graft_scan *scan, uint64_t word, bool exact,
		graft_scan_range_fn fn, void *arg)
{
	// As if for a return address: its call ends one byte before it.
	if (!exact && word == 0)
		return;
	uint64_t addr = exact ? word : word - 1;
	size_t low = 0;
	size_t high = scan->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (scan->entries[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low > 0 && scan->entries[low - 1].reach > addr; low--)
		if (scan->entries[low - 1].end > addr)
			fn(arg, scan->entries[low - 1].index);
}

void
graft_scan_words(const struct graft_scan *scan, const uint8_t *bytes,
		 size_t len, graft_scan_word_fn fn, void *arg)
{
	uint64_t first = scan->first;
	uint64_t span = scan->span;
	for (size_t off = 0; len - off >= 8; off += 8) {
		uint64_t word = 0;
		memcpy(&word, bytes + off, sizeof(word));
		if (word - first <= span || graft_scan_is_frame(word))
			fn(arg, off, word);
	}
}

void
graft_scan_free(struct graft_scan *scan)
{
	free(scan);
}
