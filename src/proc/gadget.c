// SPDX-License-Identifier: Apache-2.0

#include "proc/gadget.h"

#include "proc/maps.h"

#include <string.h>
#include <sys/mman.h>

enum {
	/** Bytes that are read at once. In a C library both stand in the first
	 * hundred KiB. */
	CHUNK = 32 * 1024,
	/** Bytes of code that are looked at before we give up. */
	SEARCH_MAX = 256 * 1024 * 1024,
	/** Longest pattern. */
	PATTERN_MAX = 9,
};

/** `syscall; ret`. */
static const uint8_t CALL[] = { 0x0f, 0x05, 0xc3 };

/** `mov $15, %rax; syscall`, as glibc's __restore_rt has it. */
static const uint8_t RESTORE[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00,
				   0x00, 0x00, 0x0f, 0x05 };

/** `mov $15, %eax; syscall`, as musl and others have it. */
static const uint8_t RESTORE_SHORT[] = { 0xb8, 0x0f, 0x00, 0x00,
					 0x00, 0x0f, 0x05 };

/** Say whether gadgets may be taken from a mapping: code that a runtime writes (JIT)
 * does not stay. */
static bool
is_usable(uint64_t inode, int prot)
{
	return inode != 0 && (prot & (PROT_EXEC | PROT_WRITE | PROT_READ)) ==
				     (PROT_EXEC | PROT_READ);
}

/** Do these bytes stand at @p addr of the target? */
static bool
stands_at(struct graft_target *target, uint64_t addr, const uint8_t *bytes,
	  size_t len)
{
	uint8_t live[PATTERN_MAX];
	struct graft_error *err = graft_target_read(target, addr, live, len);
	graft_error_free(err);
	return !err && memcmp(live, bytes, len) == 0;
}

/** Find where a hint leads in the target, or 0. */
static uint64_t
follow(const struct graft_maps *maps, const struct graft_hint *hint)
{
	for (size_t i = 0; hint->inode && i < maps->count; i++) {
		const struct graft_map *map = &maps->maps[i];
		if (is_usable(map->inode, map->prot) && map->dev == hint->dev &&
		    map->inode == hint->inode && hint->off >= map->off &&
		    hint->off - map->off < map->end - map->start)
			return map->start + (hint->off - map->off);
	}
	return 0;
}

/** Say whether a hint leads to where it led in the last process. */
static bool
leads_there(struct graft_vmas *vmas, const struct graft_hint *hint)
{
	struct graft_vma vma;
	bool found = false;

	if (!hint->inode)
		return false;
	struct graft_error *err = graft_vmas_next(vmas, hint->addr, &vma,
						  &found);
	graft_error_free(err);
	return !err && found && vma.start <= hint->addr &&
	       is_usable(vma.inode, vma.prot) && vma.dev == hint->dev &&
	       vma.inode == hint->inode &&
	       vma.off + (hint->addr - vma.start) == hint->off;
}

/** Give the hint that leads to an address. */
static void
give(const struct graft_maps *maps, uint64_t addr, struct graft_hint *ret)
{
	const struct graft_map *map = graft_maps_at(maps, addr);

	if (map)
		*ret = (struct graft_hint){ .dev = map->dev,
					    .inode = map->inode,
					    .off = map->off +
						   (addr - map->start),
					    .addr = addr };
}

/** Look for a pattern in a chunk unless it was found. */
static void
look(uint64_t *found, uint64_t addr, const uint8_t *chunk, size_t len,
     const uint8_t *bytes, size_t bytes_len)
{
	const uint8_t *hit = *found ? NULL
				    : memmem(chunk, len, bytes, bytes_len);
	if (hit)
		*found = addr + (uint64_t)(hit - chunk);
}

/** Look through one mapping, as far as it can be read. */
GRAFT_MUST_CHECK static struct graft_error *
search(struct graft_target *target, const struct graft_map *map, uint8_t *chunk)
{
	struct graft_gadgets *g = &target->gadgets;
	// Chunks overlap by what a pattern may stick out.
	for (uint64_t addr = map->start;
	     addr < map->end && (!g->call || !g->restore);
	     addr += CHUNK - PATTERN_MAX) {
		uint64_t left = map->end - addr;
		size_t len = left < CHUNK ? (size_t)left : CHUNK;
		bool there;
		struct graft_error *err =
			graft_target_try_read(target, addr, chunk, len, &there);
		if (err || !there)
			return err;
		look(&g->call, addr, chunk, len, CALL, sizeof(CALL));
		look(&g->restore, addr, chunk, len, RESTORE, sizeof(RESTORE));
		look(&g->restore, addr, chunk, len, RESTORE_SHORT,
		     sizeof(RESTORE_SHORT));
	}
	return NULL;
}

/** Forget what does not stand there (any more). */
static void
forget_false(struct graft_target *target)
{
	struct graft_gadgets *g = &target->gadgets;

	if (g->call && !stands_at(target, g->call, CALL, sizeof(CALL)))
		g->call = 0;
	if (g->restore &&
	    !stands_at(target, g->restore, RESTORE, sizeof(RESTORE)) &&
	    !stands_at(target, g->restore, RESTORE_SHORT,
		       sizeof(RESTORE_SHORT)))
		g->restore = 0;
}

/** Search all code for what is not known. */
GRAFT_MUST_CHECK static struct graft_error *
search_all(struct graft_target *target, const struct graft_maps *maps)
{
	const struct graft_gadgets *g = &target->gadgets;
	GRAFT_FREE uint8_t *chunk = malloc(CHUNK);
	if (!chunk)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "code");
	// The C library has both, so it comes first; then all others.
	uint64_t budget = SEARCH_MAX;
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < maps->count; i++) {
			const struct graft_map *map = &maps->maps[i];
			bool libc = strstr(map->path, "/libc") ||
				    strstr(map->path, "/ld-");
			uint64_t len = map->end - map->start;
			if (libc != (pass == 0) || len > budget ||
			    !is_usable(map->inode, map->prot))
				continue;
			budget -= len;
			struct graft_error *err = search(target, map, chunk);
			if (err || (g->call && g->restore))
				return err;
		}
	}
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "process %d (%s) has no `syscall; ret` that "
			       "could return into rt_sigreturn",
			       target->pid, target->comm);
}

/** Take what hints lead to, and search for the rest. */
GRAFT_MUST_CHECK static struct graft_error *
find_in(struct graft_target *target, const struct graft_maps *maps)
{
	struct graft_gadgets *g = &target->gadgets;
	struct graft_hints *hints = target->hints;

	if (hints && !g->call && !g->restore) {
		*g = (struct graft_gadgets){
			.call = follow(maps, &hints->call),
			.restore = follow(maps, &hints->restore),
		};
		forget_false(target);
	}
	struct graft_error *err = g->call && g->restore
					  ? NULL
					  : search_all(target, maps);
	if (!err && hints) {
		give(maps, g->call, &hints->call);
		give(maps, g->restore, &hints->restore);
	}
	return err;
}

struct graft_error *
graft_gadgets_find(struct graft_target *target, struct graft_vmas *vmas)
{
	struct graft_gadgets *g = &target->gadgets;
	const struct graft_hints *hints = target->hints;

	if (hints && !g->call && !g->restore &&
	    leads_there(vmas, &hints->call) &&
	    leads_there(vmas, &hints->restore))
		*g = (struct graft_gadgets){ .call = hints->call.addr,
					     .restore = hints->restore.addr };
	forget_false(target);
	if (g->call && g->restore)
		return NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_read(target->pid, &maps);
	return err ? err : find_in(target, maps);
}
