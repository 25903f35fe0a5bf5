// SPDX-License-Identifier: Apache-2.0

#include "apply/inspect.h"

#include "base/vec.h"
#include "plan/hook.h"
#include "plan/reach.h"
#include "proc/guardian.h"
#include "proc/maps.h"
#include "proc/stack.h"
#include "proc/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	/** Longest stop for a look at the stacks. */
	STOP_US = 50 * 1000,
	/** Threads that are named at most. */
	HITS_MAX = 4096,
};

void
graft_inspection_free(struct graft_inspection *inspection)
{
	if (!inspection)
		return;
	for (size_t i = 0; i < inspection->count; i++)
		free(inspection->items[i].threads);
	free(inspection->items);
	graft_headers_free(inspection->headers);
	free(inspection);
}

/** Say whether the module that a header is about is still there. */
static bool
is_loaded(struct graft_target *target, const struct graft_header *header)
{
	uint8_t id[GRAFT_PATCH_BUILD_ID_MAX];

	if (!header->build_id_addr)
		return true;
	struct graft_error *err = graft_target_read(
		target, header->build_id_addr, id, header->old_build_id_len);
	bool same = !err && memcmp(id, header->old_build_id,
				   header->old_build_id_len) == 0;
	graft_error_free(err);
	return same;
}

/** Say whether a header is in the chain of one whose jumps are in. */
static bool
is_replaced(const struct graft_inspection *inspection,
	    const struct graft_header *header)
{
	for (size_t i = 0; i < inspection->count; i++) {
		const struct graft_inspected *top = &inspection->items[i];
		if (top->live == GRAFT_LIVE_NEW &&
		    graft_headers_in_chain(inspection->headers, top->header,
					   header))
			return true;
	}
	return false;
}

static const char *
state_name(struct graft_target *target,
	   const struct graft_inspection *inspection,
	   const struct graft_inspected *item)
{
	const struct graft_header *header = item->header;
	enum graft_live live = item->live;

	if (!is_loaded(target, header))
		return "unloaded";
	if (live == GRAFT_LIVE_NEW)
		return "applied";
	if (live == GRAFT_LIVE_RUINED)
		return "damaged";
	if (live != GRAFT_LIVE_MIXED && is_replaced(inspection, header))
		return "replaced";
	// The entries of a reverted one are no longer its own: the bytes of OLD
	// stand there, or the jumps of another hotpatch.
	if (header->state == GRAFT_HEADER_REVERTED && live != GRAFT_LIVE_MIXED)
		return "reverted";
	if (live == GRAFT_LIVE_OTHER)
		return "damaged";
	// One that says `applied` without its jumps: the module was unloaded,
	// and loaded anew at the same place.
	if (live == GRAFT_LIVE_OLD && header->state == GRAFT_HEADER_APPLIED)
		return "unloaded";
	return "incomplete";
}

/** What of a fragment is old code: not the entry, up to the end of the jump. */
static struct graft_range
old_code(const struct graft_header *header,
	 const struct graft_header_fragment *fragment)
{
	const struct graft_header_redirect *r =
		&header->redirects[fragment->redirect];
	struct graft_range range = {
		.start = fragment->addr,
		.end = fragment->addr + fragment->size,
	};

	if (r->entry == range.start)
		range.start += r->skip + GRAFT_JUMP_SIZE;
	if (range.start > range.end)
		range.start = range.end;
	return range;
}

/** Note the threads that were found. */
GRAFT_MUST_CHECK static struct graft_error *
take_hits(struct graft_inspected *item, const struct graft_stack_hit *hits,
	  size_t count)
{
	size_t cap = 0;

	for (size_t i = 0; i < count; i++) {
		const struct graft_header *header = item->header;
		struct graft_proc_status status = { 0 };
		struct graft_error *err = graft_vec_reserve(
			&item->threads, &cap, item->thread_count + 1,
			sizeof(*item->threads));
		if (err)
			return err;
		graft_error_free(graft_proc_status_read(hits[i].tid, &status));
		struct graft_inspected_thread *thread =
			&item->threads[item->thread_count++];
		thread->tid = hits[i].tid;
		memcpy(thread->comm, status.comm, sizeof(thread->comm));
		uint32_t redirect = header->fragments[hits[i].range].redirect;
		thread->function = header->redirects[redirect].name;
		thread->certain = hits[i].certain;
	}
	return NULL;
}

/** What the guardian is told. */
struct look {
	struct graft_target *target;
	struct graft_stack_check *check;
};

/** Stop the process for a look at its stacks. Runs in the guardian. */
GRAFT_MUST_CHECK static struct graft_error *
look_stopped(void *ctx, void *message, size_t size, size_t *len_ret)
{
	const struct look *job = ctx;
	const struct graft_stack_hit *hits;
	size_t count;

	struct graft_error *err = graft_target_attach(job->target);
	if (err)
		return err;
	err = graft_target_stop(job->target, STOP_US);
	if (err) {
		graft_target_detach(job->target);
		return err;
	}
	err = graft_stack_check_run(job->check, &hits, &count);
	graft_target_release(job->target);
	if (err)
		return err;
	if (count > size / sizeof(*hits))
		count = size / sizeof(*hits);
	memcpy(message, hits, count * sizeof(*hits));
	*len_ret = count * sizeof(*hits);
	return NULL;
}

/**
 * Have a guardian look: a tool that is killed while threads are being stopped
 * would leave them interrupted.
 */
GRAFT_MUST_CHECK static struct graft_error *
look_guarded(struct graft_target *target, struct graft_stack_check *check,
	     struct graft_inspected *item)
{
	struct look job = { .target = target, .check = check };
	size_t len = 0;
	GRAFT_FREE struct graft_stack_hit *hits = calloc(HITS_MAX,
							 sizeof(*hits));
	if (!hits)
		return graft_error_no_memory();
	struct graft_error *err = graft_guardian_run(
		look_stopped, &job, hits, HITS_MAX * sizeof(*hits), &len);

	return err ? err : take_hits(item, hits, len / sizeof(*hits));
}

GRAFT_MUST_CHECK static struct graft_error *
find_threads(struct graft_target *target, const struct graft_maps *maps,
	     struct graft_inspected *item)
{
	const struct graft_header *header = item->header;
	GRAFT_CLEANUP(graft_stack_check_freep)
	struct graft_stack_check *check = NULL;
	GRAFT_FREE struct graft_range *ranges =
		calloc(header->fragment_count + 1, sizeof(*ranges));
	if (!ranges)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < header->fragment_count; i++)
		ranges[i] = old_code(header, &header->fragments[i]);
	struct graft_error *err = graft_stack_check_new(
		target, maps, ranges, header->fragment_count, &check);

	if (!err)
		err = graft_stack_check_open_tables(check);
	return err ? err : look_guarded(target, check, item);
}

/** Look for pointers into the code of a shadow, but for those to its hook, which the
 * unwinder asks on. */
GRAFT_MUST_CHECK static struct graft_error *
find_pointers(struct graft_target *target, const struct graft_maps *maps,
	      struct graft_inspected *item)
{
	const struct graft_header *header = item->header;
	struct graft_hook hook;
	bool hooked;
	size_t count = 0;
	GRAFT_FREE struct graft_range *ranges = calloc(header->region_count + 1,
						       sizeof(*ranges));
	if (!ranges)
		return graft_error_no_memory();
	struct graft_error *err = graft_hook_find(target, header, &hook,
						  &hooked);
	if (err)
		return err;
	for (uint32_t i = 0; i < header->region_count; i++) {
		const struct graft_header_region *region = &header->regions[i];
		if (!(region->prot & PROT_EXEC) ||
		    (hooked && region->addr == hook.addr))
			continue;
		ranges[count++] = (struct graft_range){
			region->addr, region->addr + region->len
		};
	}
	err = graft_pointers_find(target, maps, ranges, count, &item->pointers);
	item->pointers_known = !err;
	return err;
}

/** Find out why the memory of a hotpatch that is out is kept. */
GRAFT_MUST_CHECK static struct graft_error *
find_kept(struct graft_target *target, struct graft_inspected *item)
{
	bool linked;
	enum graft_reach reach;

	if (strcmp(item->state, "replaced") == 0) {
		item->kept = "a revert of the one in its place goes back to it";
		return NULL;
	}
	struct graft_error *err = graft_hook_is_linked(target, item->header,
						       &linked);
	if (!err && linked)
		item->kept = "the unwinder of the process knows its tables";
	if (err || linked)
		return err;
	err = graft_reach_find(target, item->header, &reach);
	if (err)
		return err;
	item->kept = graft_reach_text(reach);
	if (!item->kept)
		item->kept = "a context or a pointer might have led to it";
	return NULL;
}

/** Say whether a hotpatch was in, and is no longer. */
static bool
is_out(const struct graft_inspected *item)
{
	return strcmp(item->state, "reverted") == 0 ||
	       strcmp(item->state, "replaced") == 0;
}

/** Fill in the items of an inspection from its headers. */
GRAFT_MUST_CHECK static struct graft_error *
look(struct graft_target *target, const struct graft_maps *maps,
     enum graft_inspect_depth depth, struct graft_inspection *inspection)
{
	struct graft_headers *headers = inspection->headers;

	inspection->items = calloc(headers->count + 1,
				   sizeof(*inspection->items));
	if (!inspection->items)
		return graft_error_no_memory();
	for (size_t i = 0; i < headers->count; i++) {
		struct graft_inspected *item = &inspection->items[i];
		item->header = headers->headers[i];
		item->before = graft_headers_before(headers, item->header);
		struct graft_error *err = graft_header_live(
			target, item->header, item->before, &item->live);
		if (err)
			return err;
		inspection->count++;
	}
	for (size_t i = 0; i < inspection->count; i++) {
		struct graft_inspected *item = &inspection->items[i];
		item->state = state_name(target, inspection, item);
		// What cannot be seen now is no fault of the process.
		if (depth >= GRAFT_INSPECT_THREADS &&
		    item->live == GRAFT_LIVE_NEW)
			graft_error_free(find_threads(target, maps, item));
		if (depth < GRAFT_INSPECT_POINTERS || !is_out(item))
			continue;
		graft_error_free(find_pointers(target, maps, item));
		graft_error_free(find_kept(target, item));
	}
	return NULL;
}

/** Look into a process. @param[in] maps What it maps, or NULL: not read yet. */
GRAFT_MUST_CHECK static struct graft_error *
inspect(pid_t pid, enum graft_inspect_depth depth,
	const struct graft_maps *maps, struct graft_inspection **ret)
{
	struct graft_error *err;
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *own = NULL;
	GRAFT_CLEANUP(graft_inspection_freep)
	struct graft_inspection *inspection = calloc(1, sizeof(*inspection));
	if (!inspection)
		return graft_error_no_memory();

	inspection->pid = pid;
	err = graft_target_open(pid, &target);
	if (err)
		return err;
	(void)strncpy(inspection->comm, graft_target_comm(target),
		      sizeof(inspection->comm) - 1);
	if (!maps) {
		err = graft_maps_read(pid, &own);
		if (err)
			return err;
		maps = own;
	}
	err = graft_headers_find(target, maps, &inspection->headers);
	if (err)
		return err;
	err = look(target, maps, depth, inspection);
	if (err)
		return err;
	*ret = GRAFT_TAKE(inspection);
	return NULL;
}

struct graft_error *
graft_inspect(pid_t pid, enum graft_inspect_depth depth,
	      struct graft_inspection **ret)
{
	return inspect(pid, depth, NULL, ret);
}

struct graft_error *
graft_inspect_listed(pid_t pid, enum graft_inspect_depth depth,
		     struct graft_inspection **ret)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_error *err = graft_maps_read(pid, &maps);

	*ret = NULL;
	if (err || !graft_headers_may_be(maps))
		return err;
	return inspect(pid, depth, maps, ret);
}
