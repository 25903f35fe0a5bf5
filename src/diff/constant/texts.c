// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/texts.h"

#include "base/hash.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/constant/reach.h"

#include <string.h>

/** A text of OLD. */
struct text {
	uint64_t hash;
	uint64_t addr;
};

struct graft_text_index {
	struct text *texts;
	size_t count;
};

void
graft_text_index_free(struct graft_text_index *index)
{
	if (!index)
		return;
	free(index->texts);
	free(index);
}

static int
by_hash(const void *x, const void *y)
{
	const struct text *a = x;
	const struct text *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return (a->addr > b->addr) - (a->addr < b->addr);
}

static struct graft_error *
index_texts(struct graft_closure *closure)
{
	const struct graft_code *code = closure->diff->old_code;
	struct graft_text_index *index = calloc(1, sizeof(*index));

	if (!index)
		return graft_error_no_memory();
	closure->texts = index;
	index->texts = calloc(code->start_count + 1, sizeof(*index->texts));
	if (!index->texts)
		return graft_error_no_memory();
	for (size_t i = 0; i < code->start_count; i++) {
		uint64_t len;
		if (graft_area_of(code->image, code->starts[i]) !=
		    GRAFT_AREA_CONSTANT)
			continue;
		const char *text = graft_constant_text(code->image,
						       code->starts[i], &len);
		if (text)
			index->texts[index->count++] = (struct text){
				graft_hash_bytes(0, text, len), code->starts[i]
			};
	}
	if (index->count)
		qsort(index->texts, index->count, sizeof(*index->texts),
		      by_hash);
	return NULL;
}

struct graft_error *
graft_text_find(struct graft_closure *closure, uint64_t new_addr, uint64_t *ret)
{
	struct graft_diff *diff = closure->diff;
	uint64_t len;
	uint64_t old_len;
	const char *text = graft_constant_text(diff->new_image, new_addr, &len);

	*ret = 0;
	if (!text)
		return NULL;
	// Nothing but the text: no number that looks like it, no table of rows.
	uint64_t extent = graft_constant_extent(diff->new_code, new_addr);
	for (uint64_t i = len; i < extent; i++) {
		const uint8_t *byte = graft_image_bytes(diff->new_image,
							new_addr + i, 1);
		if (i > len + 63 || !byte || *byte != 0)
			return NULL;
	}
	uint64_t next;
	if (graft_reach_goes_on(diff->new_code, new_addr, &next) &&
	    next < new_addr + len)
		return NULL;
	if (!closure->texts) {
		struct graft_error *err = index_texts(closure);
		if (err)
			return err;
	}
	const struct graft_text_index *index = closure->texts;
	uint64_t hash = graft_hash_bytes(0, text, len);
	size_t low = 0;
	size_t high = index->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (index->texts[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < index->count && index->texts[low].hash == hash; low++) {
		const char *old_text = graft_constant_text(
			diff->old_image, index->texts[low].addr, &old_len);
		if (old_text && old_len == len &&
		    memcmp(old_text, text, len) == 0) {
			*ret = index->texts[low].addr;
			return NULL;
		}
	}
	return NULL;
}
