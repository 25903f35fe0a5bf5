// SPDX-License-Identifier: Apache-2.0

#include "diff/match/align.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <string.h>

/** Most cells of a table of exact alignment: 4 Mi, 16 MiB. */
enum { CELLS_MAX = 4 << 20 };

struct span {
	uint32_t a, a_end;
	uint32_t b, b_end;
};

struct align {
	const uint64_t *a;
	const uint64_t *b;
	struct graft_align_pair *pairs;
	size_t count;
	size_t cap;
};

/** An element with its place, to be sorted by hash. */
struct item {
	uint64_t hash;
	uint32_t at;
	uint32_t side;
};

static struct graft_error *
emit(struct align *align, uint32_t a, uint32_t b)
{
	struct graft_error *err = graft_vec_reserve(&align->pairs, &align->cap,
						    align->count + 1,
						    sizeof(*align->pairs));
	if (!err)
		align->pairs[align->count++] = (struct graft_align_pair){ a,
									  b };
	return err;
}

static int
by_hash(const void *x, const void *y)
{
	const struct item *i = x;
	const struct item *j = y;

	if (i->hash != j->hash)
		return i->hash < j->hash ? -1 : 1;
	if (i->side != j->side)
		return i->side < j->side ? -1 : 1;
	return (i->at > j->at) - (i->at < j->at);
}

static int
by_a(const void *x, const void *y)
{
	const struct graft_align_pair *i = x;
	const struct graft_align_pair *j = y;

	return (i->a > j->a) - (i->a < j->a);
}

/** Collect the pairs of elements that are unique in both spans, by a. */
static struct graft_error *
find_anchors(const struct align *align, struct span s,
	     struct graft_align_pair **ret, size_t *count_ret)
{
	size_t n = s.a_end - s.a;
	size_t m = s.b_end - s.b;
	GRAFT_FREE struct item *items = calloc(n + m, sizeof(*items));
	GRAFT_FREE struct graft_align_pair *anchors = calloc(n < m ? n : m,
							     sizeof(*anchors));
	if (!items || !anchors)
		return graft_error_no_memory();

	for (uint32_t i = 0; i < n; i++)
		items[i] = (struct item){ align->a[s.a + i], s.a + i, 0 };
	for (uint32_t i = 0; i < m; i++)
		items[n + i] = (struct item){ align->b[s.b + i], s.b + i, 1 };
	qsort(items, n + m, sizeof(*items), by_hash);

	size_t count = 0;
	for (size_t i = 0, end; i < n + m; i = end) {
		for (end = i + 1;
		     end < n + m && items[end].hash == items[i].hash; end++)
			;
		if (end - i == 2 && items[i].side != items[i + 1].side)
			anchors[count++] = (struct graft_align_pair){
				items[i].at, items[i + 1].at
			};
	}
	qsort(anchors, count, sizeof(*anchors), by_a);
	*ret = GRAFT_TAKE(anchors);
	*count_ret = count;
	return NULL;
}

/** Keep the longest run of anchors that ascends in b too, in place. */
static struct graft_error *
keep_ascending(struct graft_align_pair *anchors, size_t *count)
{
	size_t n = *count;
	GRAFT_FREE uint32_t *tail = calloc(n + 1, sizeof(*tail));
	GRAFT_FREE uint32_t *before = calloc(n + 1, sizeof(*before));
	if (!tail || !before)
		return graft_error_no_memory();

	// Patience sorting: tail[k] ends the best run of length k + 1.
	size_t len = 0;
	for (uint32_t i = 0; i < n; i++) {
		size_t low = 0;
		size_t high = len;
		while (low < high) {
			size_t mid = low + (high - low) / 2;
			if (anchors[tail[mid]].b < anchors[i].b)
				low = mid + 1;
			else
				high = mid;
		}
		before[i] = low ? tail[low - 1] : UINT32_MAX;
		tail[low] = i;
		if (low == len)
			len++;
	}
	uint32_t at = len ? tail[len - 1] : 0;
	for (size_t k = len; k > 0; k--) {
		tail[k - 1] = at;
		at = before[at];
	}
	for (size_t k = 0; k < len; k++)
		anchors[k] = anchors[tail[k]];
	*count = len;
	return NULL;
}

/** Exact longest common subsequence of a small span. */
static struct graft_error *
align_exactly(struct align *align, struct span s)
{
	size_t n = s.a_end - s.a;
	size_t m = s.b_end - s.b;
	size_t width = m + 1;

	if (n == 0 || m == 0 || n > CELLS_MAX / width)
		return NULL;
	GRAFT_FREE uint32_t *len = calloc((n + 1) * width, sizeof(*len));
	if (!len)
		return graft_error_no_memory();
	for (size_t i = n; i-- > 0;) {
		for (size_t j = m; j-- > 0;) {
			uint32_t *cell = &len[i * width + j];
			uint32_t down = cell[width];
			uint32_t right = cell[1];
			if (align->a[s.a + i] == align->b[s.b + j])
				*cell = cell[width + 1] + 1;
			else
				*cell = down > right ? down : right;
		}
	}
	for (size_t i = 0, j = 0; i < n && j < m;) {
		const uint32_t *cell = &len[i * width + j];
		if (align->a[s.a + i] == align->b[s.b + j]) {
			struct graft_error *err = emit(align, s.a + (uint32_t)i,
						       s.b + (uint32_t)j);
			if (err)
				return err;
			i++;
			j++;
		} else if (cell[width] >= cell[1]) {
			i++;
		} else {
			j++;
		}
	}
	return NULL;
}

static struct graft_error *
align_span(struct align *align, struct span s)
{
	struct graft_error *err = NULL;

	while (!err && s.a < s.a_end && s.b < s.b_end &&
	       align->a[s.a] == align->b[s.b])
		err = emit(align, s.a++, s.b++);
	uint32_t same = 0;
	while (s.a < s.a_end && s.b < s.b_end &&
	       align->a[s.a_end - 1] == align->b[s.b_end - 1]) {
		s.a_end--;
		s.b_end--;
		same++;
	}
	if (!err && s.a < s.a_end && s.b < s.b_end) {
		GRAFT_FREE struct graft_align_pair *anchors = NULL;
		size_t count = 0;
		err = find_anchors(align, s, &anchors, &count);
		if (!err && count)
			err = keep_ascending(anchors, &count);
		if (!err && count == 0)
			err = align_exactly(align, s);
		struct span gap = { .a = s.a, .b = s.b };
		for (size_t i = 0; !err && i < count; i++) {
			gap.a_end = anchors[i].a;
			gap.b_end = anchors[i].b;
			err = align_span(align, gap);
			if (!err)
				err = emit(align, anchors[i].a, anchors[i].b);
			gap.a = anchors[i].a + 1;
			gap.b = anchors[i].b + 1;
		}
		if (!err && count) {
			gap.a_end = s.a_end;
			gap.b_end = s.b_end;
			err = align_span(align, gap);
		}
	}
	for (uint32_t i = 0; !err && i < same; i++)
		err = emit(align, s.a_end + i, s.b_end + i);
	return err;
}

struct graft_error *
graft_align(const uint64_t *a, size_t a_count, const uint64_t *b,
	    size_t b_count, struct graft_align_pair **ret, size_t *count_ret)
{
	struct align align = { .a = a, .b = b };
	struct span all = { .a_end = (uint32_t)a_count,
			    .b_end = (uint32_t)b_count };

	struct graft_error *err = align_span(&align, all);
	if (err) {
		free(align.pairs);
		return err;
	}
	*ret = align.pairs;
	*count_ret = align.count;
	return NULL;
}
