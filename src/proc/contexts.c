// SPDX-License-Identifier: Apache-2.0

#include "proc/contexts.h"

#include "proc/batch.h"
#include "proc/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE_BYTES = 4096,
	/** More is not searched in a stop. */
	SEARCH_BYTES_MAX = 1 << 30,
	/** Entries of /proc/PID/pagemap read at once. */
	PAGEMAP_ENTRIES = 4096,
	/** A thread's stack ends that soon above its control block. */
	CONTROL_BYTES_MAX = 2 * PAGE_BYTES,
	/** malloc(3) aligns the heaps of its arenas to this. */
	ARENA_ALIGN = 64 << 20,
};

/** Memory that is not searched. */
struct skip {
	uint64_t start;
	uint64_t end;
};

/** A search. */
struct search {
	const struct graft_live_view *view;
	const struct graft_scan *scan;
	graft_contexts_word_fn fn;
	void *arg;
	struct graft_maps *maps;
	struct graft_batch *batch;
	int pagemap;
	uint64_t *entries;
	/** By ascending start. */
	struct skip *skips;
	size_t skip_count;
	uint64_t bytes;
};

static void
search_deinit(struct search *search)
{
	graft_maps_free(search->maps);
	graft_batch_free(search->batch);
	if (search->pagemap >= 0)
		(void)close(search->pagemap);
	free(search->entries);
	free(search->skips);
}

static int
compare_skips(const void *left, const void *right)
{
	const struct skip *a = left;
	const struct skip *b = right;
	return (a->start > b->start) - (a->start < b->start);
}

// Where the memory begins that is dead below a live part: the mapping is this
// thread's stack and nothing else. That is so for the main thread's, and where
// the part ends at a control block and a guard page lies below; not where
// malloc's arenas put inaccessible memory before a heap.
static uint64_t
dead_start(const struct search *search, const struct graft_live_part *part)
{
	const struct graft_maps *maps = search->maps;
	const struct graft_map *map = graft_maps_at(maps, part->start);
	if (!map)
		return part->start;
	if (strcmp(map->path, "[stack]") == 0)
		return map->start;
	const struct graft_thread *thread =
		&search->view->threads[part->thread];
	uint64_t fs = thread->regs.fs_base;
	if (map == maps->maps || thread->tid == search->view->pid ||
	    map->inode || map->start % ARENA_ALIGN == 0 || part->end < fs ||
	    part->end - fs > PAGE_BYTES || fs >= map->end ||
	    map->end - fs > CONTROL_BYTES_MAX)
		return part->start;
	const struct graft_map *guard = map - 1;
	bool guarded = guard->end == map->start && guard->prot == PROT_NONE &&
		       !guard->inode;
	return guarded ? map->start : part->start;
}

static struct graft_error *
find_skips(struct search *search, const struct graft_live *live)
{
	size_t count = 0;
	const struct graft_live_part *parts = graft_live_parts(live, &count);
	search->skips = calloc(count + 1, sizeof(*search->skips));
	if (!search->skips)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "contexts");
	for (size_t i = 0; i < count; i++) {
		if (parts[i].dead)
			continue;
		bool away = graft_live_is_away(live, parts[i].thread);
		search->skips[search->skip_count++] = (struct skip){
			.start = away ? parts[i].start
				      : dead_start(search, &parts[i]),
			.end = parts[i].end,
		};
	}
	qsort(search->skips, search->skip_count, sizeof(*search->skips),
	      compare_skips);
	return NULL;
}

static struct graft_error *
search_init(struct search *search, const struct graft_live *live)
{
	pid_t tid = search->view->threads[0].tid;
	struct graft_error *err = graft_maps_read(tid, &search->maps);
	if (err)
		return err;
	err = graft_batch_new(&search->batch);
	if (err)
		return err;
	search->entries = calloc(PAGEMAP_ENTRIES, sizeof(uint64_t));
	if (!search->entries)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "contexts");
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/pagemap", tid);
	search->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (search->pagemap < 0)
		return graft_error_os(errno, "open %s", path);
	return find_skips(search, live);
}

/** A piece in which words are looked at. */
struct piece_walk {
	const struct search *search;
	uint64_t addr;
};

static void
take_word(void *arg, size_t off, uint64_t word)
{
	const struct piece_walk *walk = arg;
	walk->search->fn(walk->search->arg, walk->addr + off, word);
}

static void
take_piece(void *arg, const struct graft_batch_piece *piece)
{
	// A page that cannot be read (of a device, or poisoned) holds no
	// stack: nothing could run on it.
	struct piece_walk walk = { .search = arg, .addr = piece->addr };
	graft_scan_words(walk.search->scan, piece->bytes, piece->got, take_word,
			 &walk);
}

static struct graft_error *
flush(struct search *search)
{
	return graft_batch_read(search->batch, search->view->threads[0].tid,
				take_piece, search);
}

static struct graft_error *
add(struct search *search, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t len = end - start;
		if (len > GRAFT_BATCH_PIECE_MAX)
			len = GRAFT_BATCH_PIECE_MAX;
		if (graft_batch_add(search->batch, start, len, 0)) {
			start += len;
			search->bytes += len;
			continue;
		}
		struct graft_error *err = flush(search);
		if (err)
			return err;
	}
	if (search->bytes > SEARCH_BYTES_MAX)
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-13: the process may have suspended contexts and "
			"more than %d bytes of memory to search for them",
			SEARCH_BYTES_MAX);
	return NULL;
}

// Add what is present of some whole pages. What never was written, and what
// was given back, has no entry in the page tables.
static struct graft_error *
add_present(struct search *search, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t count = (end - start + PAGE_BYTES - 1) / PAGE_BYTES;
		if (count > PAGEMAP_ENTRIES)
			count = PAGEMAP_ENTRIES;
		ssize_t got = pread(search->pagemap, search->entries, count * 8,
				    (off_t)(start / PAGE_BYTES * 8));
		if (got < 8)
			return graft_error_os(got < 0 ? errno : EIO,
					      "read the page map");
		count = (uint64_t)got / 8;
		for (uint64_t i = 0; i < count; i++) {
			// Bit 63: present; bit 62: swapped out.
			uint64_t page = start + i * PAGE_BYTES;
			if (search->entries[i] >> 62 == 0)
				continue;
			uint64_t next = i + 1;
			while (next < count && search->entries[next] >> 62)
				next++;
			struct graft_error *err =
				add(search, page, start + next * PAGE_BYTES);
			if (err)
				return err;
			i = next;
		}
		start += count * PAGE_BYTES;
	}
	return NULL;
}

// Search a mapping without what is to be skipped. Pages that are skipped in
// part are read without a look at the page map.
static struct graft_error *
search_map(struct search *search, uint64_t start, uint64_t end)
{
	struct graft_error *err = NULL;
	for (size_t i = 0; !err && i < search->skip_count; i++) {
		const struct skip *skip = &search->skips[i];
		if (skip->end <= start || skip->start >= end)
			continue;
		if (skip->start > start) {
			uint64_t whole = skip->start & -(uint64_t)PAGE_BYTES;
			err = add_present(search, start, whole);
			if (!err && whole < skip->start)
				err = add(search, whole, skip->start);
		}
		start = skip->end;
		uint64_t whole = (start + PAGE_BYTES - 1) &
				 -(uint64_t)PAGE_BYTES;
		if (start >= end)
			break;
		if (!err && start < whole)
			err = add(search, start & -8ULL, whole);
		start = whole;
	}
	if (!err && start < end)
		err = add_present(search, start, end);
	return err;
}

struct graft_error *
graft_contexts_search(const struct graft_live_view *view,
		      const struct graft_live *live,
		      const struct graft_scan *scan, graft_contexts_word_fn fn,
		      void *arg)
{
	GRAFT_CLEANUP(search_deinit)
	struct search search = {
		.view = view,
		.scan = scan,
		.fn = fn,
		.arg = arg,
		.pagemap = -1,
	};
	struct graft_error *err = search_init(&search, live);
	int prot = PROT_READ | PROT_WRITE;
	for (size_t i = 0; !err && i < search.maps->count; i++) {
		const struct graft_map *map = &search.maps->maps[i];
		if ((map->prot & prot) == prot && !map->shared)
			err = search_map(&search, map->start, map->end);
	}
	if (!err)
		err = flush(&search);
	return err;
}
