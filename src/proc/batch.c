// SPDX-License-Identifier: Apache-2.0

#include "proc/batch.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum {
	/** UIO_MAXIOV of the kernel. */
	PIECES_MAX = 1024,
	ARENA_BYTES = GRAFT_BATCH_PIECE_MAX,
	/** More is read only for a single piece: what was read is looked at
	 * while it is in the cache. */
	READ_BYTES = 128 * 1024,
	PAGE_BYTES = 4096,
};

struct graft_batch {
	uint8_t *arena;
	/** So much of it was touched. */
	size_t ready;
	size_t used;
	size_t count;
	struct graft_batch_piece pieces[PIECES_MAX];
	struct iovec remote[PIECES_MAX];
};

/** Have a page for each address, as kernels before 5.14 do not at once. */
static void
touch(volatile uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE_BYTES)
		bytes[i] = 0;
}

/** Make memory ready that will be read into. */
static void
expect(struct graft_batch *batch, size_t expected)
{
	// Touched now, so that no page fault costs time in a stop. What is behind
	// that is for single pieces of deep stacks, which few processes have, and
	// costs each a tenth of a millisecond.
	size_t now = (expected + PAGE_BYTES - 1) & -(size_t)PAGE_BYTES;
	if (now > READ_BYTES)
		now = READ_BYTES;
	if (now <= batch->ready)
		return;
	if (madvise(batch->arena, now, MADV_POPULATE_WRITE) != 0)
		touch(batch->arena, now);
	batch->ready = now;
}

struct graft_error *
graft_batch_new(size_t expected, struct graft_batch **ret)
{
	GRAFT_CLEANUP(graft_batch_freep)
	struct graft_batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "batch");
	void *arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "batch");
	batch->arena = arena;
	expect(batch, expected);
	*ret = GRAFT_TAKE(batch);
	return NULL;
}

struct graft_error *
graft_batch_take(struct graft_batch **keep, size_t expected,
		 struct graft_batch **ret)
{
	if (!keep || !*keep)
		return graft_batch_new(expected, ret);
	*ret = GRAFT_TAKE(*keep);
	expect(*ret, expected);
	return NULL;
}

void
graft_batch_give(struct graft_batch **keep, struct graft_batch *batch)
{
	if (batch && keep && !*keep) {
		graft_batch_clear(batch);
		*keep = GRAFT_TAKE(batch);
	}
	graft_batch_free(batch);
}

void
graft_batch_clear(struct graft_batch *batch)
{
	batch->count = 0;
	batch->used = 0;
}

bool
graft_batch_add(struct graft_batch *batch, uint64_t addr, size_t len,
		size_t tag)
{
	if (batch->count == PIECES_MAX || len > ARENA_BYTES - batch->used ||
	    (batch->count > 0 && batch->used + len > READ_BYTES))
		return false;
	batch->pieces[batch->count] = (struct graft_batch_piece){
		.addr = addr,
		.len = len,
		.tag = tag,
		.got = 0,
		.bytes = batch->arena + batch->used,
	};
	batch->remote[batch->count] = (struct iovec){
		.iov_base = (void *)(uintptr_t)addr,
		.iov_len = len,
	};
	batch->used += len;
	batch->count++;
	return true;
}

// Read from a piece on. The kernel stops at the first page that is not there,
// possibly in the middle of a piece.
static ssize_t
read_from(struct graft_batch *batch, pid_t tid, size_t first)
{
	const struct graft_batch_piece *piece = &batch->pieces[first];
	size_t before = (size_t)(piece->bytes - batch->arena);
	struct iovec local = { .iov_base = batch->arena + before,
			       .iov_len = batch->used - before };
	return process_vm_readv(tid, &local, 1, &batch->remote[first],
				batch->count - first, 0);
}

static struct graft_error *
read_error(pid_t tid)
{
	switch (errno) {
	case ESRCH:
		return graft_error_new(GRAFT_ERROR_TARGET_GONE, "thread %d",
				       tid);
	case EPERM:
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "read the memory of thread %d", tid);
	default:
		return graft_error_os(errno, "read the memory of thread %d",
				      tid);
	}
}

static struct graft_error *
read_all(struct graft_batch *batch, pid_t tid)
{
	size_t first = 0;
	while (first < batch->count) {
		ssize_t got = read_from(batch, tid, first);
		if (got < 0 && errno != EFAULT)
			return read_error(tid);
		size_t left = got > 0 ? (size_t)got : 0;
		while (first < batch->count &&
		       left >= batch->pieces[first].len) {
			left -= batch->pieces[first].len;
			batch->pieces[first].got = batch->pieces[first].len;
			first++;
		}
		// This one cannot be read to its end; go on behind it.
		if (first < batch->count)
			batch->pieces[first++].got = left;
	}
	return NULL;
}

struct graft_error *
graft_batch_read(struct graft_batch *batch, pid_t tid, graft_batch_fn fn,
		 void *arg)
{
	struct graft_error *err = read_all(batch, tid);
	size_t count = batch->count;
	graft_batch_clear(batch);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		fn(arg, &batch->pieces[i]);
	return NULL;
}

void
graft_batch_free(struct graft_batch *batch)
{
	if (!batch)
		return;
	if (batch->arena)
		(void)munmap(batch->arena, ARENA_BYTES);
	free(batch);
}
