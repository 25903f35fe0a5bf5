// SPDX-License-Identifier: Apache-2.0

#include "patch/difference.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "base/text.h"
#include "patch/pack.h"

#include <string.h>

enum {
	/** Bytes that two places must share to be compared. */
	SEED = 8,
	HASH_BITS = 20,
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
	places->before = malloc((old_len + 1) * sizeof(*places->before));
	if (!places->first || !places->before)
		return graft_error_no_memory();
	memset(places->first, 0xff, count * sizeof(*places->first));
	for (size_t i = 0; i + SEED <= old_len; i++) {
		uint32_t h = hash(old + i);
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
		const uint8_t *old = places->old + at;
		int64_t most = places->old_len - at;
		int64_t len = 0;
		if (most > left)
			most = left;
		if (best >= most || old[best] != new[best])
			continue;
		while (len < most && old[len] == new[len])
			len++;
		if (len > best) {
			best = len;
			*pos_ret = at;
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
	uint64_t count;
	struct graft_text steps;
	struct graft_text added;
	struct graft_text fresh;
};

static void
making_deinit(struct making *m)
{
	graft_text_deinit(&m->steps);
	graft_text_deinit(&m->added);
	graft_text_deinit(&m->fresh);
}

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

/** Write the step up to a match, and begin the next there. */
static void
put_step(struct making *m, int64_t scan, int64_t pos)
{
	int64_t forward = reach_forward(m, scan);
	int64_t back = scan < m->new_len ? reach_back(m, scan, pos) : 0;
	int64_t overlap = m->new_at + forward - (scan - back);

	if (overlap > 0) {
		int64_t keep = cut(m, forward, overlap, scan, pos, back);
		forward += keep - overlap;
		back -= keep;
	}
	int64_t fresh = scan - back - (m->new_at + forward);
	graft_pack_put(&m->steps, (uint64_t)forward);
	graft_pack_put(&m->steps, (uint64_t)fresh);
	graft_pack_put_signed(&m->steps, pos - back - (m->old_at + forward));
	m->count++;
	for (int64_t i = 0; i < forward; i++) {
		uint8_t byte = (uint8_t)(m->new[m->new_at + i] -
					 m->old[m->old_at + i]);
		graft_text_put_bytes(&m->added, &byte, 1);
	}
	graft_text_put_bytes(&m->fresh, m->new + m->new_at + forward,
			     (size_t)fresh);
	m->new_at = scan - back;
	m->old_at = pos - back;
}

/** Say whether the new file has at a place what the copy that goes on would give. */
static bool
goes_on(const struct making *m, int64_t at, int64_t offset)
{
	return at < m->new_len && at + offset >= 0 &&
	       at + offset < m->old_len && m->old[at + offset] == m->new[at];
}

static void
make_steps(struct making *m, const struct places *places)
{
	int64_t offset = 0;
	int64_t scan = 0;
	int64_t len = 0;
	int64_t pos = 0;

	while (scan < m->new_len) {
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
			put_step(m, scan < m->new_len ? scan : m->new_len, pos);
			offset = pos - scan;
		}
	}
}

struct graft_error *
graft_difference_make(const uint8_t *old, size_t old_len, const uint8_t *new,
		      size_t new_len, uint8_t **ret, size_t *len_ret)
{
	GRAFT_CLEANUP(places_deinit) struct places places = { 0 };
	GRAFT_CLEANUP(making_deinit)
	struct making m = {
		.old = old,
		.old_len = (int64_t)old_len,
		.new = new,
		.new_len = (int64_t)new_len,
	};
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	char *bytes;

	struct graft_error *err = places_init(&places, old, old_len);
	if (err)
		return err;
	make_steps(&m, &places);
	if (m.steps.failed || m.added.failed || m.fresh.failed)
		return graft_error_no_memory();
	graft_pack_put(&out, m.count);
	graft_text_put_bytes(&out, graft_text_str(&m.steps), m.steps.len);
	graft_text_put_bytes(&out, graft_text_str(&m.added), m.added.len);
	graft_text_put_bytes(&out, graft_text_str(&m.fresh), m.fresh.len);
	*len_ret = out.len;
	err = graft_text_take(&out, &bytes);
	if (!err)
		*ret = (uint8_t *)bytes;
	return err;
}

static struct graft_error *
bad(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "difference: %s", what);
}

/** Sum up what the steps copy and bring, and see that both are there. */
static struct graft_error *
check_steps(struct graft_cursor c, uint64_t count, size_t old_len,
	    size_t new_len, uint64_t *copied_ret)
{
	uint64_t copied = 0;
	uint64_t fresh = 0;
	int64_t at = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t copy = graft_pack_take(&c);
		uint64_t more = graft_pack_take(&c);
		int64_t seek = graft_pack_take_signed(&c);
		if (copy > new_len || more > new_len ||
		    copy > old_len - (size_t)at)
			return bad("it copies what is not there");
		copied += copy;
		fresh += more;
		if (copied + fresh > new_len)
			return bad("it gives too much");
		at += (int64_t)copy;
		// The last step leads nowhere; any other into the old file.
		if (seek > (int64_t)old_len || seek < -(int64_t)old_len ||
		    at + seek < 0 || at + seek > (int64_t)old_len)
			return bad("it goes on outside of the old file");
		at += seek;
	}
	if (c.bad || copied + fresh != new_len ||
	    graft_cursor_left(&c) != new_len)
		return bad("it does not give what it says");
	*copied_ret = copied;
	return NULL;
}

struct graft_error *
graft_difference_apply(const uint8_t *bytes, size_t len, const uint8_t *old,
		       size_t old_len, size_t new_len, uint8_t **ret)
{
	struct graft_cursor c = graft_cursor_make(bytes, len);
	uint64_t count = graft_pack_take_count(&c, SIZE_MAX);
	uint64_t copied = 0;

	if (c.bad)
		return bad("no steps");
	struct graft_error *err = check_steps(c, count, old_len, new_len,
					      &copied);
	if (err)
		return err;
	GRAFT_FREE uint8_t *out = malloc(new_len + 1);
	if (!out)
		return graft_error_no_memory();
	const uint8_t *added = bytes + len - new_len;
	const uint8_t *fresh = added + copied;
	const uint8_t *from = old;
	uint8_t *to = out;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t copy = graft_pack_take(&c);
		uint64_t more = graft_pack_take(&c);
		int64_t seek = graft_pack_take_signed(&c);
		for (uint64_t k = 0; k < copy; k++)
			*to++ = (uint8_t)(*from++ + *added++);
		if (more)
			memcpy(to, fresh, more);
		to += more;
		fresh += more;
		from += seek;
	}
	*ret = GRAFT_TAKE(out);
	return NULL;
}
