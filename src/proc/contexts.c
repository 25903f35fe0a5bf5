// SPDX-License-Identifier: Apache-2.0

#include "proc/contexts.h"

#include "proc/maps.h"
#include "proc/present.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE_BYTES = 4096,
	/** More is not searched in a stop. */
	SEARCH_BYTES_MAX = 1 << 30,
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
	struct graft_present *present;
	/** By ascending start. */
	struct skip *skips;
	size_t skip_count;
};

static void
search_deinit(struct search *search)
{
	graft_maps_free(search->maps);
	graft_present_free(search->present);
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
search_init(struct search *search, const struct graft_live *live)
{
	pid_t tid = search->view->threads[0].tid;
	struct graft_error *err = graft_maps_read(tid, &search->maps);
	if (!err)
		err = graft_present_new(tid, SEARCH_BYTES_MAX,
					GRAFT_BATCH_PIECE_MAX, take_piece,
					search, NULL, &search->present);
	return err ? err : find_skips(search, live);
}

// Say what it means that there is too much.
static struct graft_error *
say_too_much(struct graft_error *err)
{
	if (!err || graft_error_code(err) != GRAFT_ERROR_LIMIT)
		return err;
	graft_error_free(err);
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"R-13: the process may have suspended contexts and "
		"more than %d bytes of memory to search for them",
		SEARCH_BYTES_MAX);
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
			err = graft_present_add(search->present, start, whole);
			if (!err && whole < skip->start)
				err = graft_present_add_bytes(
					search->present, whole, skip->start);
		}
		start = skip->end;
		uint64_t whole = (start + PAGE_BYTES - 1) &
				 -(uint64_t)PAGE_BYTES;
		if (start >= end)
			break;
		if (!err && start < whole)
			err = graft_present_add_bytes(search->present,
						      start & -8ULL, whole);
		start = whole;
	}
	if (!err && start < end)
		err = graft_present_add(search->present, start, end);
	return err;
}

static bool
begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/**
 * Can a stack lie here? Memory that others map too is as good for one as any; what a device
 * or the kernel gave is not, and may be very large.
 */
static bool
may_hold_stacks(const struct graft_map *map)
{
	int prot = PROT_READ | PROT_WRITE;
	const char *path = map->path ? map->path : "";

	if ((map->prot & prot) != prot)
		return false;
	// Memory of no file that is shared is shown as a file of /dev/zero.
	return !map->shared || begins(path, "/dev/zero") ||
	       begins(path, "/dev/shm/") || begins(path, "/dev/hugepages") ||
	       (!begins(path, "/dev/") && !begins(path, "anon_inode:"));
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
	};
	struct graft_error *err = search_init(&search, live);
	for (size_t i = 0; !err && i < search.maps->count; i++) {
		const struct graft_map *map = &search.maps->maps[i];
		if (may_hold_stacks(map))
			err = search_map(&search, map->start, map->end);
	}
	if (!err)
		err = graft_present_flush(search.present);
	return say_too_much(err);
}
