// SPDX-License-Identifier: Apache-2.0

#include "plan/dump.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/** As graft_memory_fn. */
static struct graft_error *
read_core(const void *ctx, uint64_t addr, void *buf, size_t len, bool *ret)
{
	return graft_core_read(ctx, addr, buf, len, ret);
}

struct graft_error *
graft_dump_find(const struct graft_core *core, struct graft_headers **ret)
{
	const struct graft_memory memory = { .read = read_core, .ctx = core };
	size_t room = 0;
	GRAFT_CLEANUP(graft_headers_freep)
	struct graft_headers *headers = calloc(1, sizeof(*headers));

	if (!headers)
		return graft_error_no_memory();
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct graft_core_segment *segment = &core->segments[i];
		if (segment->flags != PF_R)
			continue;
		struct graft_error *err = graft_headers_add(
			&memory, segment->addr, segment->addr + segment->len,
			headers, &room);
		if (err)
			return err;
	}
	*ret = GRAFT_TAKE(headers);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_live(const struct graft_core *core, const struct graft_headers *headers,
	  const struct graft_header *header, enum graft_live *ret)
{
	struct graft_memory memory = { .read = read_core, .ctx = core };

	return graft_header_live_in(&memory, header,
				    graft_headers_before(headers, header), ret);
}

/** Say whether one that is in says that this one was before it. */
GRAFT_MUST_CHECK static struct graft_error *
is_replaced(const struct graft_core *core, const struct graft_headers *headers,
	    const struct graft_header *header, bool *ret)
{
	*ret = false;
	for (size_t i = 0; i < headers->count && !*ret; i++) {
		const struct graft_header *top = headers->headers[i];
		enum graft_live live;
		if (!graft_headers_in_chain(headers, top, header))
			continue;
		struct graft_error *err = read_live(core, headers, top, &live);
		if (err)
			return err;
		*ret = live == GRAFT_LIVE_NEW;
	}
	return NULL;
}

/** Say whether the dump holds what stands at all entries. */
GRAFT_MUST_CHECK static struct graft_error *
has_entries(const struct graft_core *core, const struct graft_header *header,
	    bool *ret)
{
	*ret = true;
	for (uint32_t i = 0; i < header->redirect_count && *ret; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		uint8_t live[GRAFT_JUMP_SIZE];
		struct graft_error *err = graft_core_read(
			core, r->entry + r->skip, live, sizeof(live), ret);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_dump_state(const struct graft_core *core,
		 const struct graft_headers *headers,
		 const struct graft_header *header, enum graft_dump_state *ret)
{
	enum graft_live live = GRAFT_LIVE_OLD;
	bool replaced = false;
	bool there;
	struct graft_error *err = has_entries(core, header, &there);

	if (!err && there)
		err = read_live(core, headers, header, &live);
	if (!err && there && live == GRAFT_LIVE_OLD)
		err = is_replaced(core, headers, header, &replaced);
	if (err)
		return err;
	if (!there)
		*ret = GRAFT_DUMP_UNKNOWN;
	else if (live == GRAFT_LIVE_NEW)
		*ret = GRAFT_DUMP_APPLIED;
	else if (live == GRAFT_LIVE_OLD)
		*ret = replaced ? GRAFT_DUMP_REPLACED : GRAFT_DUMP_REVERTED;
	else
		*ret = live == GRAFT_LIVE_MIXED ? GRAFT_DUMP_INCOMPLETE
						: GRAFT_DUMP_DAMAGED;
	return NULL;
}

bool
graft_dump_is_carried(const struct graft_header *header, uint64_t pc,
		      const struct graft_header_redirect **ret)
{
	bool in = false;

	*ret = NULL;
	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct graft_header_region *r = &header->regions[i];
		in |= r->prot & PROT_EXEC && pc >= r->addr &&
		      pc - r->addr < r->len;
	}
	for (uint32_t i = 0; in && i < header->redirect_count; i++) {
		const struct graft_header_redirect *r = &header->redirects[i];
		if (r->target - r->skip <= pc &&
		    (!*ret ||
		     r->target - r->skip > (*ret)->target - (*ret)->skip))
			*ret = r;
	}
	return in;
}
