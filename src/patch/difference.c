// SPDX-License-Identifier: Apache-2.0

#include "patch/difference.h"

#include "base/cleanup.h"
#include "base/cursor.h"
#include "patch/pack.h"

#include <string.h>

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
