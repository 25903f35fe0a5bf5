// SPDX-License-Identifier: Apache-2.0

#include "persist/make_delta.h"

#include "base/cleanup.h"
#include "patch/difference.h"
#include "patch/disk.h"
#include "patch/prefix.h"

enum {
	/** Longer files take too much memory and time to be compared byte by byte. */
	DIFFERENCE_MAX = 64 << 20,
};

struct graft_error *
graft_make_delta(struct graft_disk_entry *entry, const uint8_t *old,
		 const uint8_t *new, uint8_t **ret, size_t *len_ret)
{
	GRAFT_FREE uint8_t *plain = NULL;
	GRAFT_FREE uint8_t *difference = NULL;
	GRAFT_FREE uint8_t *frame = NULL;
	size_t plain_len;
	size_t size = 0;
	size_t len;

	struct graft_error *err = graft_prefix_compress(
		new, entry->size, old, entry->old_size, &plain, &plain_len);
	if (!err && entry->size <= DIFFERENCE_MAX &&
	    entry->old_size <= DIFFERENCE_MAX)
		err = graft_difference_make(old, entry->old_size, new,
					    entry->size, &difference, &size);
	if (!err && difference)
		err = graft_prefix_compress(difference, size, old,
					    entry->old_size, &frame, &len);
	if (err)
		return err;
	// A few bytes more are what it takes to say that it is one.
	if (frame && len + sizeof("\"difference_size\":") < plain_len) {
		entry->difference_size = size;
		*ret = GRAFT_TAKE(frame);
		*len_ret = len;
		return NULL;
	}
	*ret = GRAFT_TAKE(plain);
	*len_ret = plain_len;
	return NULL;
}
