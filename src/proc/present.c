// SPDX-License-Identifier: Apache-2.0

#include "proc/present.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 4096,
	/** Entries of /proc/PID/pagemap read at once. */
	PAGEMAP_ENTRIES = 4096,
};

struct graft_present {
	pid_t tid;
	uint64_t limit;
	uint64_t bytes;
	graft_batch_fn fn;
	void *arg;
	struct graft_batch *batch;
	/** Where the batch is from, and goes back to; NULL: nowhere. */
	struct graft_batch **keep;
	int pagemap;
	uint64_t entries[PAGEMAP_ENTRIES];
};

void
graft_present_free(struct graft_present *present)
{
	if (!present)
		return;
	graft_batch_give(present->keep, present->batch);
	if (present->pagemap >= 0)
		(void)close(present->pagemap);
	free(present);
}

struct graft_error *
graft_present_new(pid_t tid, uint64_t limit, size_t expected, graft_batch_fn fn,
		  void *arg, struct graft_batch **keep,
		  struct graft_present **ret)
{
	char path[64];
	GRAFT_CLEANUP(graft_present_freep)
	struct graft_present *present = calloc(1, sizeof(*present));
	if (!present)
		return graft_error_no_memory();
	present->tid = tid;
	present->limit = limit;
	present->fn = fn;
	present->arg = arg;
	(void)snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)tid);
	present->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (present->pagemap < 0)
		return graft_error_os(errno, "open %s", path);
	present->keep = keep;
	struct graft_error *err = graft_batch_take(keep, expected,
						   &present->batch);
	if (err)
		return err;
	*ret = GRAFT_TAKE(present);
	return NULL;
}

struct graft_error *
graft_present_flush(struct graft_present *present)
{
	return graft_batch_read(present->batch, present->tid, present->fn,
				present->arg);
}

struct graft_error *
graft_present_add_bytes(struct graft_present *present, uint64_t start,
			uint64_t end)
{
	while (start < end) {
		uint64_t len = end - start;
		if (len > GRAFT_BATCH_PIECE_MAX)
			len = GRAFT_BATCH_PIECE_MAX;
		if (graft_batch_add(present->batch, start, len, 0)) {
			start += len;
			present->bytes += len;
			continue;
		}
		struct graft_error *err = graft_present_flush(present);
		if (err)
			return err;
	}
	if (present->bytes > present->limit)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %llu bytes of memory",
				       (unsigned long long)present->limit);
	return NULL;
}

struct graft_error *
graft_present_add(struct graft_present *present, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t count = (end - start + PAGE_BYTES - 1) / PAGE_BYTES;
		if (count > PAGEMAP_ENTRIES)
			count = PAGEMAP_ENTRIES;
		ssize_t got = pread(present->pagemap, present->entries,
				    count * 8, (off_t)(start / PAGE_BYTES * 8));
		if (got < 8)
			return graft_error_os(got < 0 ? errno : EIO,
					      "read the page map");
		count = (uint64_t)got / 8;
		for (uint64_t i = 0; i < count; i++) {
			// Bit 63: present; bit 62: swapped out.
			uint64_t page = start + i * PAGE_BYTES;
			if (present->entries[i] >> 62 == 0)
				continue;
			uint64_t next = i + 1;
			while (next < count && present->entries[next] >> 62)
				next++;
			struct graft_error *err = graft_present_add_bytes(
				present, page, start + next * PAGE_BYTES);
			if (err)
				return err;
			i = next;
		}
		start += count * PAGE_BYTES;
	}
	return NULL;
}
