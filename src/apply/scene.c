// SPDX-License-Identifier: Apache-2.0

#include "apply/scene.h"

#include "apply/build.h"
#include "base/clock.h"
#include "plan/place.h"

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

void
graft_scene_deinit(struct graft_scene *scene)
{
	graft_headers_free(scene->headers);
	graft_maps_free(scene->maps);
	graft_target_close(scene->target);
}

bool
graft_scene_same_work(const struct graft_ledger_entry *a,
		      const struct graft_ledger_entry *b)
{
	return strcmp(a->patch_id, b->patch_id) == 0 && a->verb == b->verb;
}

struct graft_error *
graft_scene_read(struct graft_scene *scene)
{
	pid_t pid = graft_target_pid(scene->target);

	graft_headers_free(GRAFT_TAKE(scene->headers));
	graft_maps_free(GRAFT_TAKE(scene->maps));
	struct graft_error *err = graft_maps_read(pid, &scene->maps);
	if (err)
		return err;
	return graft_headers_find(scene->target, scene->maps, &scene->headers);
}

const struct graft_header *
graft_scene_header(const struct graft_scene *scene,
		   const struct graft_ledger_entry *entry)
{
	for (size_t i = 0; i < scene->headers->count; i++) {
		const struct graft_header *header = scene->headers->headers[i];
		if (header->addr == entry->header_addr &&
		    strcmp(header->id, entry->patch_id) == 0)
			return header;
	}
	return NULL;
}

struct graft_error *
graft_scene_unmap(const struct graft_scene *scene,
		  const struct graft_header *header)
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

struct graft_error *
graft_scene_unmap_unfinished(const struct graft_scene *scene,
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

/** Say whether a thread that stands is about to make a call about memory of
 * ours: a killed guardian may have left one so. */
static bool
is_calling(const struct graft_scene *scene,
	   const struct graft_ledger_entry *entry,
	   const struct user_regs_struct *regs)
{
	static const uint8_t syscall_bytes[] = { 0x0f, 0x05 };
	uint8_t at[sizeof(syscall_bytes)];
	const struct graft_header *header = graft_scene_header(scene, entry);
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
find_calling(const struct graft_scene *scene,
	     const struct graft_ledger_list *list,
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
		if (!graft_scene_same_work(&list->entries[i], of))
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

struct graft_error *
graft_scene_wait_for_calls(struct graft_scene *scene,
			   const struct graft_ledger_list *list,
			   const struct graft_ledger_entry *of)
{
	uint64_t limit_us = scene->limits->wait_us;
	uint64_t deadline = graft_clock_monotonic_us() +
			    (limit_us > CALLS_US ? limit_us : CALLS_US);

	for (;;) {
		pid_t tid = 0;
		struct graft_error *err = find_calling(scene, list, of, &tid);
		if (!err && !tid)
			return graft_scene_read(scene);
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
