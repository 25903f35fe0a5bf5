// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which symbol covers an address best, decided once for all addresses.
 *
 * A sweep over the starts and ends of all symbols keeps those that are open in
 * a heap, best on top; each change of the top begins a span. So a lookup is one
 * binary search however deep symbols nest.
 */

#include "elf/image.h"

#include "elf/model.h"

struct sweep {
	const struct graft_symbol **heap;
	size_t heap_count;
	uint64_t *ends;
	/** Symbols that may be answers, by ascending address. */
	const struct graft_symbol **starts;
	size_t count;
};

static void
sweep_deinit(struct sweep *sweep)
{
	free(sweep->heap);
	free(sweep->ends);
	free(sweep->starts);
}

/** A symbol without a size covers its own address only. */
static uint64_t
end_of(const struct graft_symbol *symbol)
{
	return symbol->addr + (symbol->size ? symbol->size : 1);
}

static bool
is_answer(const struct graft_symbol *symbol)
{
	return symbol->defined && !symbol->absolute && *symbol->name &&
	       symbol->type != STT_TLS && symbol->type != STT_SECTION;
}

static bool
is_code_or_data(const struct graft_symbol *symbol)
{
	return symbol->type == STT_FUNC || symbol->type == STT_OBJECT ||
	       symbol->type == STT_GNU_IFUNC || symbol->type == STT_COMMON;
}

static int
bind_rank(const struct graft_symbol *symbol)
{
	if (symbol->bind == STB_LOCAL)
		return 2;
	return symbol->bind == STB_WEAK;
}

static bool
is_better(const struct graft_symbol *a, const struct graft_symbol *b)
{
	if (is_code_or_data(a) != is_code_or_data(b))
		return is_code_or_data(a);
	// The innermost one, where they nest.
	if (a->addr != b->addr)
		return a->addr > b->addr;
	if ((a->size != 0) != (b->size != 0))
		return a->size != 0;
	if (bind_rank(a) != bind_rank(b))
		return bind_rank(a) < bind_rank(b);
	// They stand in one array: the order of the files.
	return a < b;
}

static void
heap_push(struct sweep *sweep, const struct graft_symbol *symbol)
{
	size_t i = sweep->heap_count++;
	while (i && is_better(symbol, sweep->heap[(i - 1) / 2])) {
		sweep->heap[i] = sweep->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	sweep->heap[i] = symbol;
}

static void
heap_pop(struct sweep *sweep)
{
	const struct graft_symbol *last = sweep->heap[--sweep->heap_count];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= sweep->heap_count)
			break;
		if (child + 1 < sweep->heap_count &&
		    is_better(sweep->heap[child + 1], sweep->heap[child]))
			child++;
		if (!is_better(sweep->heap[child], last))
			break;
		sweep->heap[i] = sweep->heap[child];
		i = child;
	}
	sweep->heap[i] = last;
}

static int
compare_addrs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void
run_sweep(struct sweep *sweep, struct graft_image *image)
{
	const struct graft_symbol *top = NULL;
	size_t start = 0, end = 0;
	// Every start has an end behind it: when ends are done, so are starts.
	while (end < sweep->count) {
		uint64_t at = sweep->ends[end];
		if (start < sweep->count && sweep->starts[start]->addr < at)
			at = sweep->starts[start]->addr;
		while (start < sweep->count && sweep->starts[start]->addr == at)
			heap_push(sweep, sweep->starts[start++]);
		while (end < sweep->count && sweep->ends[end] == at)
			end++;
		while (sweep->heap_count && end_of(sweep->heap[0]) <= at)
			heap_pop(sweep);

		const struct graft_symbol *now = sweep->heap_count
							 ? sweep->heap[0]
							 : NULL;
		if (now != top)
			image->spans[image->span_count++] = (struct graft_span){
				.addr = at, .symbol = now
			};
		top = now;
	}
}

struct graft_error *
graft_spans_make(struct graft_image *image)
{
	size_t count = image->symbol_count;
	GRAFT_CLEANUP(sweep_deinit)
	struct sweep sweep = {
		.heap = calloc(count + 1, sizeof(*sweep.heap)),
		.ends = calloc(count + 1, sizeof(*sweep.ends)),
		.starts = calloc(count + 1, sizeof(*sweep.starts)),
	};
	image->spans = calloc(2 * count + 1, sizeof(*image->spans));
	if (!sweep.heap || !sweep.ends || !sweep.starts || !image->spans)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	for (size_t i = 0; i < count; i++) {
		const struct graft_symbol *symbol = &image->symbols[i];
		if (!is_answer(symbol))
			continue;
		sweep.ends[sweep.count] = end_of(symbol);
		sweep.starts[sweep.count++] = symbol;
	}
	qsort(sweep.ends, sweep.count, sizeof(*sweep.ends), compare_addrs);
	run_sweep(&sweep, image);
	return NULL;
}

const struct graft_symbol *
graft_image_symbol_at(const struct graft_image *image, uint64_t addr)
{
	// The last span that starts at or before addr.
	size_t low = 0, high = image->span_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (image->spans[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? image->spans[low - 1].symbol : NULL;
}

const struct graft_symbol *
graft_image_object_at(const struct graft_image *image, uint64_t addr)
{
	const struct graft_symbol *symbol = graft_image_symbol_at(image, addr);

	return symbol && symbol->type == STT_OBJECT &&
			       addr - symbol->addr < symbol->size
		       ? symbol
		       : NULL;
}
