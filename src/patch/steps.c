// SPDX-License-Identifier: Apache-2.0

#include "patch/steps.h"

#include "base/cleanup.h"
#include "base/vec.h"

#include <stdbool.h>
#include <string.h>

enum {
	/** Bytes that two places must share to be compared. */
	SEED = 8,
	HASH_BITS = 20,
	/** In a larger file only every so many bytes begin a place, so that memory is bounded. */
	LARGE = 64 << 20,
	LARGE_STRIDE = 16,
	/** Places of the old file that are tried for one of the new. */
	TRIES = 48,
	/** By how many bytes another place must be better to be taken. */
	BETTER = 8,
	/** A match that is long enough to look for no longer one. */
	LONG = 4096,
	NONE = -1,
};

/** Where the old file has what. */
struct places {
	const uint8_t *old;
	int64_t old_len;
	int32_t *first;
	/** For each place the one before with the same hash. */
	int32_t *before;
	/** A place begins at each multiple of it; the numbers above count places. */
	int32_t stride;
};

static void
places_deinit(struct places *places)
{
	free(places->first);
	free(places->before);
}

static uint32_t
hash(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return (uint32_t)(word * 0x9e3779b97f4a7c15U >> (64 - HASH_BITS));
}

static struct graft_error *
places_init(struct places *places, const uint8_t *old, size_t old_len)
{
	const size_t count = (size_t)1 << HASH_BITS;

	places->old = old;
	places->old_len = (int64_t)old_len;
	places->first = malloc(count * sizeof(*places->first));
	places->stride = old_len > LARGE ? LARGE_STRIDE : 1;
	places->before = malloc((old_len / (size_t)places->stride + 1) *
				sizeof(*places->before));
	if (!places->first || !places->before)
		return graft_error_no_memory();
	memset(places->first, 0xff, count * sizeof(*places->first));
	for (size_t i = 0; i * (size_t)places->stride + SEED <= old_len; i++) {
		uint32_t h = hash(old + i * (size_t)places->stride);
		places->before[i] = places->first[h];
		places->first[h] = (int32_t)i;
	}
	return NULL;
}

/** Find the longest run of the old file that a place of the new one starts with. */
static int64_t
find(const struct places *places, const uint8_t *new, int64_t left,
     int64_t *pos_ret)
{
	int64_t best = 0;

	if (left < SEED)
		return 0;
	int32_t at = places->first[hash(new)];
	for (int i = 0; at != NONE && i < TRIES && best < LONG;
	     i++, at = places->before[at]) {
		const int64_t from = (int64_t)at * places->stride;
		const uint8_t *old = places->old + from;
		int64_t most = places->old_len - from;
		int64_t len = 0;
		if (most > left)
			most = left;
		if (best >= most || old[best] != new[best])
			continue;
		while (len < most && old[len] == new[len])
			len++;
		if (len > best) {
			best = len;
			*pos_ret = from;
		}
	}
	return best;
}

/** What is under construction. */
struct making {
	const uint8_t *old;
	int64_t old_len;
	const uint8_t *new;
	int64_t new_len;
	/** Where in the two files the step begins that is not written yet. */
	int64_t new_at;
	int64_t old_at;
	struct graft_steps *steps;
};

/** How far the copy goes on from where the step begins: as long as half of it is right. */
static int64_t
reach_forward(const struct making *m, int64_t end)
{
	int64_t right = 0;
	int64_t best = 0;
	int64_t len = 0;

	for (int64_t i = 0;
	     m->new_at + i < end && m->old_at + i < m->old_len;) {
		right += m->old[m->old_at + i] == m->new[m->new_at + i];
		i++;
		if (right * 2 - i > best * 2 - len) {
			best = right;
			len = i;
		}
	}
	return len;
}

/** How far the next copy may begin before its match. */
static int64_t
reach_back(const struct making *m, int64_t scan, int64_t pos)
{
	int64_t right = 0;
	int64_t best = 0;
	int64_t len = 0;

	for (int64_t i = 1; scan >= m->new_at + i && pos >= i; i++) {
		right += m->old[pos - i] == m->new[scan - i];
		if (right * 2 - i > best * 2 - len) {
			best = right;
			len = i;
		}
	}
	return len;
}

/** Where two copies that overlap are best cut: bytes of the first that are kept. */
static int64_t
cut(const struct making *m, int64_t forward, int64_t overlap, int64_t scan,
    int64_t pos, int64_t back)
{
	int64_t score = 0;
	int64_t best = 0;
	int64_t keep = 0;

	for (int64_t i = 0; i < overlap; i++) {
		score += m->new[m->new_at + forward - overlap + i] ==
			 m->old[m->old_at + forward - overlap + i];
		score -= m->new[scan - back + i] == m->old[pos - back + i];
		if (score > best) {
			best = score;
			keep = i + 1;
		}
	}
	return keep;
}

/** Take the step up to a match, and begin the next there. */
static struct graft_error *
put_step(struct making *m, int64_t scan, int64_t pos)
{
	int64_t forward = reach_forward(m, scan);
	int64_t back = scan < m->new_len ? reach_back(m, scan, pos) : 0;
	int64_t overlap = m->new_at + forward - (scan - back);
	struct graft_steps *steps = m->steps;

	if (overlap > 0) {
		int64_t keep = cut(m, forward, overlap, scan, pos, back);
		forward += keep - overlap;
		back -= keep;
	}
	struct graft_error *err = graft_vec_reserve(&steps->items, &steps->cap,
						    steps->count + 1,
						    sizeof(*steps->items));
	if (err)
		return err;
	steps->items[steps->count++] = (struct graft_step){
		.copy = forward,
		.fresh = scan - back - (m->new_at + forward),
		.old_at = m->old_at,
		.new_at = m->new_at,
	};
	m->new_at = scan - back;
	m->old_at = pos - back;
	return NULL;
}

/** Say whether the new file has at a place what the copy that goes on would give. */
static bool
goes_on(const struct making *m, int64_t at, int64_t offset)
{
	return at < m->new_len && at + offset >= 0 &&
	       at + offset < m->old_len && m->old[at + offset] == m->new[at];
}

static struct graft_error *
make_steps(struct making *m, const struct places *places)
{
	struct graft_error *err = NULL;
	int64_t offset = 0;
	int64_t scan = 0;
	int64_t len = 0;
	int64_t pos = 0;

	while (!err && scan < m->new_len) {
		int64_t score = 0;
		scan += len;
		for (int64_t ahead = scan; scan < m->new_len; scan++) {
			len = find(places, m->new + scan, m->new_len - scan,
				   &pos);
			for (; ahead < scan + len; ahead++)
				score += goes_on(m, ahead, offset);
			if ((len == score && len != 0) || len > score + BETTER)
				break;
			score -= goes_on(m, scan, offset);
		}
		// Where the copy that goes on is as good, it goes on.
		if (len != score || scan >= m->new_len) {
			err = put_step(m, scan < m->new_len ? scan : m->new_len,
				       pos);
			offset = pos - scan;
		}
	}
	return err;
}

struct graft_error *
graft_steps_find(const uint8_t *old, size_t old_len, const uint8_t *new,
		 size_t new_len, struct graft_steps *steps)
{
	GRAFT_CLEANUP(places_deinit) struct places places = { 0 };
	struct making m = {
		.old = old,
		.old_len = (int64_t)old_len,
		.new = new,
		.new_len = (int64_t)new_len,
		.steps = steps,
	};

	struct graft_error *err = places_init(&places, old, old_len);
	return err ? err : make_steps(&m, &places);
}
