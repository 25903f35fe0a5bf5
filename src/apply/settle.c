// SPDX-License-Identifier: Apache-2.0

#include "apply/settle.h"

#include "apply/build.h"
#include "base/clock.h"
#include "base/fault.h"
#include "plan/find.h"
#include "plan/place.h"
#include "proc/guardian.h"
#include "proc/maps.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	PAGE = 4096,
	/** How long a thread may be on its way into a call of ours, at least. */
	CALLS_US = 1000 * 1000,
	CALLS_POLL_US = 2000,
};

/** A process, and what is in it. */
struct scene {
	struct graft_target *target;
	struct graft_maps *maps;
	struct graft_headers *headers;
	const struct graft_switch_limits *limits;
};

static void
scene_deinit(struct scene *scene)
{
	graft_headers_free(scene->headers);
	graft_maps_free(scene->maps);
	graft_target_close(scene->target);
}

/** Say whether two entries are of one work. */
static bool
same_work(const struct graft_ledger_entry *a,
	  const struct graft_ledger_entry *b)
{
	return strcmp(a->patch_id, b->patch_id) == 0 && a->verb == b->verb;
}

/** Read what is in the process now. */
GRAFT_MUST_CHECK static struct graft_error *
scene_read(struct scene *scene, pid_t pid)
{
	graft_headers_free(GRAFT_TAKE(scene->headers));
	graft_maps_free(GRAFT_TAKE(scene->maps));
	struct graft_error *err = graft_maps_read(pid, &scene->maps);
	if (err)
		return err;
	return graft_headers_find(scene->target, scene->maps, &scene->headers);
}

/** Switch one module, from whatever mixture, and write the state. */
GRAFT_MUST_CHECK static struct graft_error *
switch_one(const struct scene *scene, const struct graft_header *header,
	   enum graft_switch_way way)
{
	struct graft_switch_result result;
	GRAFT_CLEANUP(graft_switch_freep) struct graft_switch *sw = NULL;
	struct graft_error *err = graft_switch_new(&header, 1, way, true, &sw);

	if (!err)
		err = graft_switch_run(sw, scene->target, scene->limits,
				       &result);
	if (err)
		return err;
	return graft_build_set_state(scene->target, header,
				     way == GRAFT_SWITCH_IN
					     ? GRAFT_HEADER_APPLIED
					     : GRAFT_HEADER_REVERTED);
}

/** Unmap a shadow that never ran, header page last. */
GRAFT_MUST_CHECK static struct graft_error *
unmap(const struct scene *scene, const struct graft_header *header)
{
	bool whole = header->state == GRAFT_HEADER_READY;
	struct graft_error *err = graft_switch_attach(scene->target);

	if (!err)
		err = graft_build_undo(scene->target, header,
				       whole ? NULL : scene->maps);
	graft_target_detach(scene->target);
	return err;
}

/** Say whether bytes are all zero. */
static bool
is_blank(const uint8_t *bytes, size_t len)
{
	return len == 0 ||
	       (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/** Say whether bytes begin the header of an entry, in state `building`. */
static bool
is_cut(const uint8_t *bytes, const struct graft_ledger_entry *entry)
{
	enum graft_header_state state;
	struct graft_header header = {
		.addr = entry->header_addr,
		.len = entry->header_len,
	};

	(void)strncpy(header.id, entry->patch_id, sizeof(header.id) - 1);
	return graft_header_begins(bytes, &header, &state) &&
	       state == GRAFT_HEADER_BUILDING;
}

/**
 * Unmap a header that was mapped but never written, or not to its end.
 *
 * What an entry names was not mapped by anybody when it was planned, and is
 * taken for ours if it is where and as large as the entry says, private and
 * anonymous, and either nobody ever wrote to it or it begins with the header of
 * this hotpatch, as far as that was written.
 */
GRAFT_MUST_CHECK static struct graft_error *
unmap_unfinished(const struct scene *scene,
		 const struct graft_ledger_entry *entry)
{
	uint64_t addr = entry->header_addr;
	// An entry of format 1 does not say how long it is.
	uint64_t len = entry->header_len ? entry->header_len : PAGE;
	const struct graft_map *map = graft_maps_at(scene->maps, addr);

	if (!map || map->start != addr || len % PAGE ||
	    !graft_place_is_mapped(scene->maps, addr, len, PROT_READ))
		return NULL;
	GRAFT_FREE uint8_t *bytes = malloc(len);
	if (!bytes)
		return graft_error_no_memory();
	struct graft_error *err = graft_target_read(scene->target, addr, bytes,
						    len);
	if (err)
		return err;
	if (!is_blank(bytes, len) && !is_cut(bytes, entry))
		return NULL;
	err = graft_switch_attach(scene->target);
	if (!err)
		err = graft_build_unmap(scene->target, addr, len);
	graft_target_detach(scene->target);
	return err;
}

static const struct graft_header *
header_of(const struct scene *scene, const struct graft_ledger_entry *entry)
{
	for (size_t i = 0; i < scene->headers->count; i++) {
		const struct graft_header *header = scene->headers->headers[i];
		if (header->addr == entry->header_addr &&
		    strcmp(header->id, entry->patch_id) == 0)
			return header;
	}
	return NULL;
}

/** What becomes of all entries of one work. */
struct decision {
	/** Some jumps of some module are in. */
	bool some_in;
	/** All jumps of all modules are in. */
	bool all_in;
};

GRAFT_MUST_CHECK static struct graft_error *
look(const struct scene *scene, const struct graft_ledger_list *list,
     const struct graft_ledger_entry *of, struct decision *ret)
{
	*ret = (struct decision){ .all_in = true };
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		enum graft_live live;
		if (!same_work(entry, of))
			continue;
		const struct graft_header *header = header_of(scene, entry);
		if (!header) {
			ret->all_in = false;
			continue;
		}
		struct graft_error *err = graft_header_live(scene->target,
							    header, &live);
		if (err)
			return err;
		ret->some_in |= live == GRAFT_LIVE_NEW ||
				live == GRAFT_LIVE_MIXED;
		ret->all_in &= live == GRAFT_LIVE_NEW;
	}
	return NULL;
}

/** Make one module's state that of the decision. */
GRAFT_MUST_CHECK static struct graft_error *
settle(const struct scene *scene, const struct graft_ledger_entry *entry,
       enum graft_switch_way way)
{
	enum graft_live live;
	const struct graft_header *header = header_of(scene, entry);

	if (!header)
		return unmap_unfinished(scene, entry);
	struct graft_error *err = graft_header_live(scene->target, header,
						    &live);
	if (err)
		return err;
	// A module that was unloaded meanwhile has no entries to put right.
	if (live == GRAFT_LIVE_OTHER)
		return NULL;
	if (live == GRAFT_LIVE_NEW && way == GRAFT_SWITCH_IN)
		return graft_build_set_state(scene->target, header,
					     GRAFT_HEADER_APPLIED);
	bool fresh = header->state == GRAFT_HEADER_BUILDING ||
		     header->state == GRAFT_HEADER_READY;
	if (live == GRAFT_LIVE_OLD && way == GRAFT_SWITCH_OUT)
		return fresh && entry->verb == GRAFT_LEDGER_APPLY
			       ? unmap(scene, header)
			       : graft_build_set_state(scene->target, header,
						       GRAFT_HEADER_REVERTED);
	if (way == GRAFT_SWITCH_IN && header->state == GRAFT_HEADER_BUILDING)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: its shadow is not whole",
				       header->module);
	return switch_one(scene, header, way);
}

/**
 * Make all modules of one work go one way.
 *
 * @return NULL, or the first error.
 */
GRAFT_MUST_CHECK static struct graft_error *
settle_all(const struct scene *scene, const struct graft_ledger_list *list,
	   const struct graft_ledger_entry *of, enum graft_switch_way way)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		if (!same_work(entry, of))
			continue;
		struct graft_error *err = settle(scene, entry, way);
		if (err)
			return err;
	}
	return NULL;
}

/** Say whether a thread that stands is about to make a call about memory of
 * ours: a killed guardian may have left one so. */
static bool
is_calling(const struct scene *scene, const struct graft_ledger_entry *entry,
	   const struct user_regs_struct *regs)
{
	static const uint8_t syscall_bytes[] = { 0x0f, 0x05 };
	uint8_t at[sizeof(syscall_bytes)];
	const struct graft_header *header = header_of(scene, entry);
	uint64_t start = entry->header_addr;

	if (header && header->region_count && header->regions[0].addr < start)
		start = header->regions[0].addr;
	if ((regs->rax != SYS_mmap && regs->rax != SYS_munmap) ||
	    regs->rdi < start || regs->rdi > entry->header_addr)
		return false;
	struct graft_error *err = graft_target_read(scene->target, regs->rip,
						    at, sizeof(at));
	bool read = !err;
	graft_error_free(err);
	return read && memcmp(at, syscall_bytes, sizeof(at)) == 0;
}

/** Look at all threads, once. @param[out] ret A thread that is calling, or 0. */
GRAFT_MUST_CHECK static struct graft_error *
find_calling(const struct scene *scene, const struct graft_ledger_list *list,
	     const struct graft_ledger_entry *of, pid_t *ret)
{
	size_t count;
	struct graft_error *err = graft_switch_attach(scene->target);
	if (!err)
		err = graft_target_stop(scene->target, scene->limits->stop_us);
	if (err) {
		graft_target_detach(scene->target);
		return err;
	}
	const struct graft_thread *threads = graft_target_threads(scene->target,
								  &count);
	*ret = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (!same_work(&list->entries[i], of))
			continue;
		for (size_t j = 0; j < count; j++) {
			if (is_calling(scene, &list->entries[i],
				       &threads[j].regs))
				*ret = threads[j].tid;
		}
	}
	graft_target_release(scene->target);
	return NULL;
}

/**
 * Wait until no thread is in or before a system call that was injected to make
 * the shadow, and look at the process anew: only then is what is seen all that
 * will come.
 */
GRAFT_MUST_CHECK static struct graft_error *
wait_for_calls(struct scene *scene, const struct graft_ledger_list *list,
	       const struct graft_ledger_entry *of)
{
	uint64_t limit_us = scene->limits->wait_us;
	uint64_t deadline = graft_clock_monotonic_us() +
			    (limit_us > CALLS_US ? limit_us : CALLS_US);

	for (;;) {
		pid_t tid = 0;
		struct graft_error *err = find_calling(scene, list, of, &tid);
		if (!err && !tid)
			return scene_read(scene,
					  graft_target_pid(scene->target));
		// On a busy machine a thread may be late for its stop.
		bool late = err && graft_error_code(err) == GRAFT_ERROR_LIMIT;
		if (err && (!late || graft_clock_monotonic_us() >= deadline))
			return graft_error_prefix(
				err, "it cannot be seen whether a thread is "
				     "still in a call of ours");
		graft_error_free(err);
		if (!late && graft_clock_monotonic_us() >= deadline)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"thread %d is still about to make a system call that was put into it",
				(int)tid);
		graft_clock_sleep_us(CALLS_POLL_US);
	}
}

/** Complete what has begun to take effect, undo what has not. */
GRAFT_MUST_CHECK static struct graft_error *
work_off(struct scene *scene, const struct graft_ledger_list *list,
	 const struct graft_ledger_entry *entry, enum graft_ledger_outcome *ret)
{
	struct decision decision;
	bool apply = entry->verb == GRAFT_LEDGER_APPLY;
	struct graft_error *err = look(scene, list, entry, &decision);
	if (err)
		return err;
	if (apply && !decision.some_in) {
		err = wait_for_calls(scene, list, entry);
		if (err)
			return err;
	}

	enum graft_switch_way way = GRAFT_SWITCH_OUT;
	if (apply ? decision.some_in : decision.all_in)
		way = GRAFT_SWITCH_IN;
	err = settle_all(scene, list, entry, way);
	// A thread that keeps one way closed may leave the other open.
	if (err && graft_error_code(err) == GRAFT_ERROR_FUNCTION_ACTIVE) {
		graft_error_free(err);
		way = way == GRAFT_SWITCH_IN ? GRAFT_SWITCH_OUT
					     : GRAFT_SWITCH_IN;
		err = settle_all(scene, list, entry, way);
	}
	if (err)
		return err;
	*ret = (way == GRAFT_SWITCH_IN) == apply ? GRAFT_LEDGER_DONE
						 : GRAFT_LEDGER_UNDONE;
	return NULL;
}

struct graft_error *
graft_settle_run(const struct graft_ledger_list *list,
		 const struct graft_ledger_entry *of,
		 const struct graft_switch_limits *limits,
		 enum graft_ledger_outcome *ret)
{
	GRAFT_CLEANUP(scene_deinit) struct scene scene = { .limits = limits };
	struct graft_error *err = graft_target_open(of->pid, &scene.target);

	if (!err && graft_target_start_ticks(scene.target) != of->start_ticks)
		err = graft_error_new(GRAFT_ERROR_TARGET_GONE,
				      "it exited, and its number is reused");
	if (!err)
		err = scene_read(&scene, of->pid);
	if (!err)
		err = work_off(&scene, list, of, ret);
	return err;
}

/** What the guardian is told. */
struct job {
	const struct graft_ledger_list *list;
	const struct graft_ledger_entry *of;
	const struct graft_switch_limits *limits;
};

GRAFT_MUST_CHECK static struct graft_error *
guarded(void *ctx, void *message, size_t size, size_t *len_ret)
{
	const struct job *job = ctx;
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_OPEN;
	struct graft_error *err = graft_fault("recover-begin");

	assert(size == sizeof(outcome));
	if (!err)
		err = graft_settle_run(job->list, job->of, job->limits,
				       &outcome);
	if (err)
		return err;
	memcpy(message, &outcome, sizeof(outcome));
	*len_ret = sizeof(outcome);
	return NULL;
}

struct graft_error *
graft_settle_guarded(const struct graft_ledger_list *list,
		     const struct graft_ledger_entry *of,
		     const struct graft_switch_limits *limits,
		     enum graft_ledger_outcome *ret)
{
	struct job job = { .list = list, .of = of, .limits = limits };
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_OPEN;
	size_t len = 0;
	struct graft_error *err = graft_guardian_run(guarded, &job, &outcome,
						     sizeof(outcome), &len);

	if (!err)
		*ret = outcome;
	return err;
}
