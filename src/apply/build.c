// SPDX-License-Identifier: Apache-2.0

#include "apply/build.h"

#include "base/clock.h"
#include "base/fault.h"
#include "plan/hook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	/** System calls that are made in one stop of one thread. */
	CALLS_MAX = 16,
};

static struct graft_target_call
map_call(uint64_t addr, uint64_t len, uint32_t prot)
{
	return (struct graft_target_call){
		.nr = SYS_mmap,
		.args = { addr, len, prot,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			  (uint64_t)-1, 0 },
	};
}

static struct graft_target_call
unmap_call(uint64_t addr, uint64_t len)
{
	return (struct graft_target_call){
		.nr = SYS_munmap,
		.args = { addr, len },
	};
}

GRAFT_MUST_CHECK static struct graft_error *
say_refused(const char *what, uint64_t addr, int64_t result)
{
	if (result == -EEXIST)
		return graft_error_new(
			GRAFT_ERROR_NO_SPACE_NEARBY,
			"the place for the shadow at 0x%llx was taken meanwhile",
			(unsigned long long)addr);
	return graft_error_new(
		GRAFT_ERROR_REFUSED, "the kernel refuses %s at 0x%llx: %s%s",
		what, (unsigned long long)addr, strerror((int)-result),
		result == -ENOMEM
			? " (it may have as many mappings as vm.max_map_count allows)"
			: "");
}

struct graft_error *
graft_build_unmap(struct graft_target *target, uint64_t addr, uint64_t len)
{
	struct graft_target_call call = unmap_call(addr, len);
	struct graft_error *err = graft_fault("undo-unmap");

	if (!err)
		err = graft_target_syscalls(target, &call, 1);
	if (!err && call.result < 0)
		err = say_refused("munmap", addr, call.result);
	return err;
}

/** Unmap what an error leaves. @param[in,out] left Set if it stays. */
static void
take_away(struct graft_target *target, uint64_t addr, uint64_t len, bool *left)
{
	struct graft_error *err = graft_build_unmap(target, addr, len);

	*left |= err && graft_error_code(err) != GRAFT_ERROR_TARGET_GONE;
	graft_error_free(err);
}

static void
take_away_all(struct graft_target *target,
	      const struct graft_header_region *regions, size_t count,
	      bool *left)
{
	while (count-- > 0)
		take_away(target, regions[count].addr, regions[count].len,
			  left);
}

/** A header page that is written as soon as it is mapped. */
struct page {
	const struct graft_header *header;
	/** Why it was not. Owned. */
	struct graft_error *err;
};

/** Write the header page, in state `building`. */
GRAFT_MUST_CHECK static struct graft_error *
write_header(struct graft_target *target, const struct graft_header *header)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err = graft_fault("apply-header");
	if (err)
		return err;
	err = graft_header_encode(header, &bytes, &len);
	if (err)
		return err;
	err = graft_target_write(target, header->addr, bytes, len);
	if (err)
		return graft_error_prefix(
			err, "its read-only memory cannot be written");
	return NULL;
}

/**
 * Write the header page before anything else is mapped: from here on the process tells
 * by itself what is to be unmapped. A #graft_target_made_fn.
 */
static bool
page_made(void *ctx, struct graft_target *target,
	  const struct graft_target_call *call)
{
	struct page *page = ctx;

	if (call->result != (int64_t)page->header->addr)
		return false;
	page->err = write_header(target, page->header);
	if (!page->err && page->header->region_count)
		page->err = graft_fault("apply-map");
	return !page->err;
}

/**
 * Map a few regions in one stop.
 *
 * @param[in,out] page If the first region is that of a header page; else NULL.
 * @param[in,out] left Set if, on error, some of them may be mapped.
 */
GRAFT_MUST_CHECK static struct graft_error *
map_some(struct graft_target *target, const struct graft_header_region *regions,
	 size_t count, struct page *page, bool *left)
{
	struct graft_target_call calls[CALLS_MAX];
	size_t done = 0;

	for (size_t i = 0; i < count; i++)
		calls[i] = map_call(regions[i].addr, regions[i].len,
				    regions[i].prot);
	if (page) {
		calls[0].made = page_made;
		calls[0].ctx = page;
	}
	struct graft_error *err = graft_target_syscalls(target, calls, count);
	// Which calls a lost thread made, and still makes, nobody knows now.
	*left |= err && graft_error_code(err) == GRAFT_ERROR_LIMIT;
	if (err) {
		if (page)
			graft_error_free(GRAFT_TAKE(page->err));
		return err;
	}
	while (done < count &&
	       calls[done].result == (int64_t)regions[done].addr)
		done++;
	if (done == count && !(page && page->err))
		return NULL;
	// Kernels before 4.17 do not know MAP_FIXED_NOREPLACE and take the
	// address for a wish: what they mapped elsewhere must go.
	err = page ? GRAFT_TAKE(page->err) : NULL;
	if (!err)
		err = say_refused("mmap", regions[done].addr,
				  calls[done].result > 0 ? -EEXIST
							 : calls[done].result);
	for (size_t i = done; i < count; i++) {
		if (calls[i].result > 0)
			take_away(target, (uint64_t)calls[i].result,
				  regions[i].len, left);
	}
	// The page last, and only if nothing is left: it tells whoever comes next.
	take_away_all(target, regions + (page != NULL), done - (page && done),
		      left);
	if (page && done && !*left)
		take_away(target, regions[0].addr, regions[0].len, left);
	return err;
}

/** Map the header page and, behind it in order, the regions. */
GRAFT_MUST_CHECK static struct graft_error *
map_all(struct graft_target *target, const struct graft_header *header,
	bool *left)
{
	struct page page = { .header = header };
	size_t count = header->region_count + (size_t)1;
	GRAFT_FREE struct graft_header_region *regions =
		calloc(count, sizeof(*regions));
	if (!regions)
		return graft_error_no_memory();

	regions[0] = (struct graft_header_region){
		.addr = header->addr,
		.len = header->len,
		.prot = PROT_READ,
	};
	memcpy(regions + 1, header->regions,
	       header->region_count * sizeof(*regions));
	for (size_t i = 0; i < count; i += CALLS_MAX) {
		size_t more = count - i;
		struct graft_error *err = i ? graft_fault("apply-map")
					    : graft_fault("apply-page");
		if (!err)
			err = map_some(target, &regions[i],
				       more < CALLS_MAX ? more : CALLS_MAX,
				       i ? NULL : &page, left);
		if (!err)
			continue;
		if (i)
			take_away_all(target, regions + 1, i - 1, left);
		if (i && !*left)
			take_away(target, header->addr, header->len, left);
		return err;
	}
	return NULL;
}

/** Write one piece, and read it back. */
GRAFT_MUST_CHECK static struct graft_error *
write_piece(struct graft_target *target, const struct graft_shadow_piece *piece,
	    bool reuse)
{
	struct graft_error *err;

	// New objects of a shadow that is used again keep their values: what
	// carried code stored elsewhere may depend on them.
	if (!piece->len || (reuse && (piece->prot & PROT_WRITE)))
		return NULL;
	GRAFT_FREE uint8_t *back = malloc(piece->len);
	if (!back)
		return graft_error_no_memory();
	if (reuse) {
		err = graft_target_read(target, piece->addr, back, piece->len);
		if (err || memcmp(back, piece->bytes, piece->len) == 0)
			return err;
	}
	err = graft_fault("apply-write");
	if (err)
		return err;
	err = graft_target_write(target, piece->addr, piece->bytes, piece->len);
	if (err)
		return err;
	err = graft_target_read(target, piece->addr, back, piece->len);
	if (!err && memcmp(back, piece->bytes, piece->len) != 0)
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "what was written at 0x%llx is not there",
				      (unsigned long long)piece->addr);
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
write_all(struct graft_target *target, const struct graft_plan_module *module)
{
	for (size_t i = 0; i < module->shadow.count; i++) {
		struct graft_error *err = write_piece(
			target, &module->shadow.pieces[i], module->reuse);
		if (err)
			return err;
	}
	// A shadow that is used again stays `reverted` until its jumps are in:
	// whoever finds it so must not unmap it.
	if (module->reuse)
		return graft_build_set_before(target, &module->header,
					      &module->header.before);
	struct graft_error *err = graft_fault("apply-ready");
	if (err)
		return err;
	return graft_build_set_state(target, &module->header,
				     GRAFT_HEADER_READY);
}

struct graft_error *
graft_build_make(struct graft_target *target,
		 const struct graft_plan_module *module, bool *left_ret)
{
	const struct graft_header *header = &module->header;
	bool left = false;

	if (module->reuse)
		return write_all(target, module);
	struct graft_error *err = map_all(target, header, &left);
	if (!err) {
		err = write_all(target, module);
		if (err)
			take_away_all(target, header->regions,
				      header->region_count, &left);
		// The page tells whoever comes next what is left.
		if (err && !left)
			take_away(target, header->addr, header->len, &left);
	}
	*left_ret |= left;
	return err;
}

/** Say whether a mapping of exactly this place and protection is there. */
static bool
is_there(const struct graft_maps *maps,
	 const struct graft_header_region *region)
{
	const struct graft_map *map = graft_maps_at(maps, region->addr);

	return map && map->start == region->addr &&
	       map->end == region->addr + region->len && !map->inode &&
	       !map->shared && map->prot == (int)region->prot;
}

/** Pass the fault point between two calls. A #graft_target_made_fn. */
static bool
unmapped(void *ctx, struct graft_target *target,
	 const struct graft_target_call *call)
{
	struct graft_error **err = ctx;

	(void)target;
	(void)call;
	*err = graft_fault("undo-unmap");
	return !*err;
}

/** Unmap a few pieces in one stop, in order, up to the first that stays. */
GRAFT_MUST_CHECK static struct graft_error *
unmap_some(struct graft_target *target, struct graft_target_call *calls,
	   size_t count, bool last)
{
	struct graft_error *between = NULL;
	struct graft_error *err = graft_fault("undo-unmap");

	for (size_t i = 0; i + 1 < count; i++) {
		calls[i].made = unmapped;
		calls[i].ctx = &between;
	}
	if (!err)
		err = last ? graft_target_last_syscalls(target, calls, count)
			   : graft_target_syscalls(target, calls, count);
	if (err) {
		graft_error_free(between);
		return err;
	}
	for (size_t i = 0; i < count && !between; i++) {
		if (calls[i].result < 0)
			return say_refused("munmap", calls[i].args[0],
					   calls[i].result);
	}
	return between;
}

/** Take a shadow away. @param[in] last Nothing else is done in the process then. */
GRAFT_MUST_CHECK static struct graft_error *
undo(struct graft_target *target, const struct graft_header *header,
     const struct graft_maps *maps, bool last)
{
	bool linked;
	struct graft_error *err = graft_hook_is_linked(target, header, &linked);
	// What the unwinder asks must stay: somebody was killed between telling
	// it and the first jump.
	if (!err && linked)
		return graft_build_set_state(target, header,
					     GRAFT_HEADER_REVERTED);
	if (!err)
		err = graft_build_set_state(target, header,
					    GRAFT_HEADER_BUILDING);
	if (err)
		return err;
	GRAFT_FREE struct graft_target_call *calls =
		calloc(header->region_count + (size_t)1, sizeof(*calls));
	if (!calls)
		return graft_error_no_memory();
	size_t count = 0;
	for (uint32_t i = header->region_count; i-- > 0;) {
		const struct graft_header_region *region = &header->regions[i];
		if (!maps || is_there(maps, region))
			calls[count++] = unmap_call(region->addr, region->len);
	}
	// The page last: it tells whoever comes next what is left. What lies right in
	// front of it goes in the same call, wholly or not at all.
	struct graft_target_call page = unmap_call(header->addr, header->len);
	if (count && calls[0].args[0] + calls[0].args[1] == header->addr) {
		page = unmap_call(calls[0].args[0],
				  calls[0].args[1] + header->len);
		memmove(calls, calls + 1, --count * sizeof(*calls));
	}
	calls[count++] = page;
	for (size_t i = 0; i < count && !err; i += CALLS_MAX) {
		size_t more = count - i;
		err = unmap_some(target, &calls[i],
				 more < CALLS_MAX ? more : CALLS_MAX,
				 last && more <= CALLS_MAX);
	}
	return err;
}

struct graft_error *
graft_build_undo(struct graft_target *target, const struct graft_header *header,
		 const struct graft_maps *maps)
{
	return undo(target, header, maps, false);
}

struct graft_error *
graft_build_give_back(struct graft_target *target,
		      const struct graft_header *header)
{
	return undo(target, header, NULL, true);
}
