// SPDX-License-Identifier: Apache-2.0

#include "plan/find.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
};

static bool
may_hold(const struct graft_map *map)
{
	return !map->inode && !map->shared && map->prot == PROT_READ &&
	       map->path[0] != '[';
}

/** Drop an error that only means that nothing can be read there. */
GRAFT_MUST_CHECK static struct graft_error *
forgive(struct graft_error *err)
{
	if (!err)
		return NULL;
	switch (graft_error_code(err)) {
	case GRAFT_ERROR_OS:
	case GRAFT_ERROR_BAD_INPUT:
	case GRAFT_ERROR_UNSUPPORTED:
		graft_error_free(err);
		return NULL;
	default:
		return err;
	}
}

/** Read the header at an address. @param[out] ret NULL: there is none. */
GRAFT_MUST_CHECK static struct graft_error *
read_header(const struct graft_memory *memory, uint64_t addr, uint64_t room,
	    struct graft_header **ret)
{
	uint8_t peek[GRAFT_HEADER_PEEK_SIZE];
	struct graft_header *header = NULL;
	bool read;

	*ret = NULL;
	struct graft_error *err = memory->read(memory->ctx, addr, peek,
					       sizeof(peek), &read);
	uint32_t len = !err && read ? graft_header_peek(peek) : 0;
	if (err || !len || len > room)
		return err;
	GRAFT_FREE uint8_t *bytes = malloc(len);
	if (!bytes)
		return graft_error_no_memory();
	err = memory->read(memory->ctx, addr, bytes, len, &read);
	if (err || !read)
		return err;
	err = forgive(graft_header_decode(bytes, len, &header));
	if (err || !header)
		return err;
	// A copy of one is none.
	if (header->addr != addr || header->len > room) {
		graft_header_free(header);
		return NULL;
	}
	*ret = header;
	return NULL;
}

struct graft_error *
graft_headers_add(const struct graft_memory *memory, uint64_t start,
		  uint64_t end, struct graft_headers *headers, size_t *cap)
{
	uint64_t addr = start;

	while (addr < end) {
		struct graft_header *header;
		struct graft_error *err = read_header(memory, addr, end - addr,
						      &header);
		if (err)
			return err;
		if (!header) {
			addr += PAGE;
			// A large mapping without a header in front is not ours.
			if (addr - start > GRAFT_HEADER_MAX)
				return NULL;
			continue;
		}
		addr += header->len ? header->len : PAGE;
		err = graft_vec_reserve(&headers->headers, cap,
					headers->count + 1,
					sizeof(*headers->headers));
		if (err) {
			graft_header_free(header);
			return err;
		}
		headers->headers[headers->count++] = header;
	}
	return NULL;
}

/** As graft_memory_fn, of a running process. */
static struct graft_error *
read_target(const void *ctx, uint64_t addr, void *buf, size_t len, bool *ret)
{
	struct graft_target *const *target = ctx;

	return graft_target_try_read(*target, addr, buf, len, ret);
}

struct graft_error *
graft_headers_find(struct graft_target *target, const struct graft_maps *maps,
		   struct graft_headers **ret)
{
	const struct graft_memory memory = { .read = read_target,
					     .ctx = &target };
	size_t cap = 0;
	GRAFT_CLEANUP(graft_headers_freep)
	struct graft_headers *headers = calloc(1, sizeof(*headers));
	if (!headers)
		return graft_error_no_memory();
	for (size_t i = 0; i < maps->count; i++) {
		if (!may_hold(&maps->maps[i]))
			continue;
		struct graft_error *err =
			graft_headers_add(&memory, maps->maps[i].start,
					  maps->maps[i].end, headers, &cap);
		if (err)
			return err;
	}
	*ret = GRAFT_TAKE(headers);
	return NULL;
}

bool
graft_headers_may_be(const struct graft_maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		if (may_hold(&maps->maps[i]))
			return true;
	}
	return false;
}

void
graft_headers_free(struct graft_headers *headers)
{
	if (!headers)
		return;
	for (size_t i = 0; i < headers->count; i++)
		graft_header_free(headers->headers[i]);
	free(headers->headers);
	free(headers);
}

const struct graft_header *
graft_headers_before(const struct graft_headers *headers,
		     const struct graft_header *header)
{
	for (size_t i = 0; header->before.addr && i < headers->count; i++) {
		const struct graft_header *at = headers->headers[i];
		if (at != header && at->addr == header->before.addr &&
		    at->base == header->base &&
		    strcmp(at->id, header->before.id) == 0)
			return at;
	}
	return NULL;
}

bool
graft_headers_in_chain(const struct graft_headers *headers,
		       const struct graft_header *top,
		       const struct graft_header *header)
{
	const struct graft_header *at = top;

	// What a hostile process says may lead in a circle.
	for (size_t i = 0; at && i < headers->count; i++) {
		at = graft_headers_before(headers, at);
		if (at == header)
			return at != NULL;
	}
	return false;
}

const struct graft_header_redirect *
graft_header_redirect_at(const struct graft_header *header,
			 const struct graft_header_redirect *other)
{
	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		if (r->entry + r->skip == other->entry + other->skip)
			return r;
	}
	return NULL;
}

/** How many entries hold what. */
struct tally {
	/** The header's own jump. */
	uint32_t own;
	/** A jump of the one before, where the header has no entry. */
	uint32_t stale;
	/** The header's own jump, ruined by a uprobe. */
	uint32_t ruined;
	/** Neither a jump of the two nor OLD. */
	uint32_t unknown;
};

static bool
is_jump(const struct graft_header_redirect *r, const uint8_t *live)
{
	return r && memcmp(live, r->jump, GRAFT_JUMP_SIZE) == 0;
}

bool
graft_redirect_is_ruined(const struct graft_header_redirect *redirect,
			 const uint8_t *live)
{
	// Behind an instruction that stays, no uprobe of an entry writes.
	return redirect->skip == 0 && live[0] == redirect->original[0] &&
	       memcmp(live + 1, redirect->jump + 1, GRAFT_JUMP_SIZE - 1) == 0;
}

/** Say what the live bytes of one entry are. */
static void
count_entry(const struct graft_header_redirect *r,
	    const struct graft_header_redirect *other, const uint8_t *live,
	    bool own, struct tally *tally)
{
	bool jump = is_jump(r, live);
	bool known = jump || is_jump(other, live) ||
		     memcmp(live, r->original, GRAFT_JUMP_SIZE) == 0;
	bool ruined = !known && own && graft_redirect_is_ruined(r, live);

	tally->own += jump && own;
	tally->stale += jump && !own;
	tally->ruined += ruined;
	tally->unknown += !known && !ruined;
}

/** Count what stands at the entries of a header, or at those of the one before. */
GRAFT_MUST_CHECK static struct graft_error *
count_entries(const struct graft_memory *memory,
	      const struct graft_header *header,
	      const struct graft_header *other, bool own, struct tally *tally)
{
	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		const struct graft_header_redirect *o =
			other ? graft_header_redirect_at(other, r) : NULL;
		uint8_t live[GRAFT_JUMP_SIZE];
		bool read;
		if (o && !own)
			continue;
		struct graft_error *err = memory->read(memory->ctx,
						       r->entry + r->skip, live,
						       sizeof(live), &read);
		if (err)
			return err;
		if (read)
			count_entry(r, o, live, own, tally);
		tally->unknown += !read;
	}
	return NULL;
}

struct graft_error *
graft_header_stranger(struct graft_target *target,
		      const struct graft_header *header,
		      const struct graft_header *before, uint8_t *live_ret,
		      const struct graft_header_redirect **ret)
{
	*ret = NULL;
	for (uint32_t i = 0; i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		struct tally tally = { 0 };
		uint8_t live[GRAFT_JUMP_SIZE];
		bool read;
		struct graft_error *err = graft_target_try_read(
			target, r->entry + r->skip, live, sizeof(live), &read);
		if (err || !read)
			return err;
		count_entry(r,
			    before ? graft_header_redirect_at(before, r) : NULL,
			    live, true, &tally);
		if (!tally.unknown)
			continue;
		*ret = r;
		*live_ret = live[0];
		return NULL;
	}
	return NULL;
}

struct graft_error *
graft_header_live(struct graft_target *target,
		  const struct graft_header *header,
		  const struct graft_header *before, enum graft_live *ret)
{
	struct graft_memory memory = { .read = read_target, .ctx = &target };

	return graft_header_live_in(&memory, header, before, ret);
}

struct graft_error *
graft_headers_top(struct graft_target *target,
		  const struct graft_headers *headers,
		  const struct graft_header *header,
		  const struct graft_header **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < headers->count && !*ret; i++) {
		const struct graft_header *at = headers->headers[i];
		enum graft_live live;
		if (at == header || at->base != header->base ||
		    at->state == GRAFT_HEADER_BUILDING)
			continue;
		struct graft_error *err = graft_header_live(
			target, at, graft_headers_before(headers, at), &live);
		if (err)
			return err;
		if (live == GRAFT_LIVE_NEW)
			*ret = at;
	}
	return NULL;
}

struct graft_error *
graft_headers_live(struct graft_target *target,
		   const struct graft_headers *headers,
		   const struct graft_header *header, enum graft_live *ret)
{
	const struct graft_header *top;
	enum graft_live over;
	struct graft_error *err = graft_header_live(
		target, header, graft_headers_before(headers, header), ret);

	if (err || *ret != GRAFT_LIVE_OTHER ||
	    header->state != GRAFT_HEADER_BUILDING)
		return err;
	err = graft_headers_top(target, headers, header, &top);
	if (!err && top)
		err = graft_header_live(target, header, top, &over);
	if (!err && top && over == GRAFT_LIVE_OLD)
		*ret = over;
	return err;
}

struct graft_error *
graft_header_live_in(const struct graft_memory *memory,
		     const struct graft_header *header,
		     const struct graft_header *before, enum graft_live *ret)
{
	struct tally tally = { 0 };
	struct graft_error *err = count_entries(memory, header, before, true,
						&tally);

	if (!err && before)
		err = count_entries(memory, before, header, false, &tally);
	if (err)
		return err;
	if (tally.unknown)
		*ret = GRAFT_LIVE_OTHER;
	else if (tally.ruined)
		*ret = GRAFT_LIVE_RUINED;
	else if (tally.own == 0)
		*ret = GRAFT_LIVE_OLD;
	else
		*ret = tally.own == header->redirect_count && !tally.stale
			       ? GRAFT_LIVE_NEW
			       : GRAFT_LIVE_MIXED;
	return NULL;
}

struct graft_error *
graft_header_is_whole(struct graft_target *target,
		      const struct graft_header *header, bool *ret)
{
	uint8_t bytes[GRAFT_HEADER_BEGIN_SIZE];
	enum graft_header_state state = GRAFT_HEADER_BUILDING;
	struct graft_error *err = graft_target_read(target, header->addr, bytes,
						    sizeof(bytes));

	*ret = !err && graft_header_begins(bytes, header, &state) &&
	       state != GRAFT_HEADER_BUILDING;
	return forgive(err);
}
