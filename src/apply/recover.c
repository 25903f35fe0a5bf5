// SPDX-License-Identifier: Apache-2.0

#include "apply/recover.h"

#include "apply/build.h"
#include "apply/entries.h"
#include "plan/find.h"
#include "plan/place.h"
#include "proc/maps.h"
#include "proc/status.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	/** After a kill: 2 s, and 50 ms for a stop. */
	AFTER_KILL_US = 2 * 1000 * 1000,
	AFTER_KILL_STOP_US = 50 * 1000,
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

/** Say whether an entry's process is no more. */
static bool
is_gone(const struct graft_ledger_entry *entry)
{
	char boot_id[GRAFT_BOOT_ID_SIZE];
	struct graft_proc_status status = { 0 };

	graft_entries_boot_id(boot_id);
	if (strcmp(boot_id, entry->boot_id ? entry->boot_id : "") != 0)
		return true;
	struct graft_error *err = graft_proc_status_read(entry->pid, &status);
	bool gone = err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE;
	bool readable = !err;
	graft_error_free(err);
	return gone || (readable && (status.start_ticks != entry->start_ticks ||
				     status.state == 'Z'));
}

GRAFT_MUST_CHECK static struct graft_error *
scene_read(struct scene *scene, pid_t pid)
{
	struct graft_error *err = graft_target_open(pid, &scene->target);
	if (err)
		return err;
	err = graft_maps_read(pid, &scene->maps);
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
	if (!is_blank(bytes, len) &&
	    !graft_header_begins(bytes, len, addr, entry->patch_id))
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
		if (strcmp(entry->patch_id, of->patch_id) != 0 ||
		    entry->verb != of->verb)
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
		if (strcmp(entry->patch_id, of->patch_id) != 0 ||
		    entry->verb != of->verb)
			continue;
		struct graft_error *err = settle(scene, entry, way);
		if (err)
			return err;
	}
	return NULL;
}

/** Complete what has begun to take effect, undo what has not. */
GRAFT_MUST_CHECK static struct graft_error *
work_off(const struct scene *scene, const struct graft_ledger_list *list,
	 const struct graft_ledger_entry *entry, enum graft_ledger_outcome *ret)
{
	struct decision decision;
	bool apply = entry->verb == GRAFT_LEDGER_APPLY;
	struct graft_error *err = look(scene, list, entry, &decision);
	if (err)
		return err;

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

static void
count(struct graft_recover_result *ret, enum graft_ledger_outcome outcome)
{
	ret->completed += outcome == GRAFT_LEDGER_DONE;
	ret->undone += outcome == GRAFT_LEDGER_UNDONE;
	ret->gone += outcome == GRAFT_LEDGER_GONE;
	ret->left += outcome == GRAFT_LEDGER_OPEN;
}

/** Say whether an earlier entry of the list belongs to the same work. */
static bool
seen(const struct graft_ledger_list *list, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (strcmp(list->entries[i].patch_id,
			   list->entries[index].patch_id) == 0 &&
		    list->entries[i].verb == list->entries[index].verb)
			return true;
	}
	return false;
}

/** Write one outcome for all entries of a work. */
GRAFT_MUST_CHECK static struct graft_error *
finish_all(struct graft_ledger *ledger, const struct graft_ledger_list *list,
	   const struct graft_ledger_entry *of,
	   enum graft_ledger_outcome outcome, struct graft_recover_result *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct graft_ledger_entry *entry = &list->entries[i];
		struct graft_error *err = NULL;
		if (strcmp(entry->patch_id, of->patch_id) != 0 ||
		    entry->verb != of->verb)
			continue;
		count(ret, outcome);
		if (outcome != GRAFT_LEDGER_OPEN)
			err = graft_ledger_finish(ledger, entry->id, outcome, 0,
						  "recovered");
		if (err)
			return err;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
recover_work(struct graft_ledger *ledger, const struct graft_ledger_list *list,
	     const struct graft_ledger_entry *entry,
	     const struct graft_switch_limits *limits,
	     struct graft_recover_result *ret)
{
	enum graft_ledger_outcome outcome = GRAFT_LEDGER_GONE;
	struct graft_error *why = NULL;
	GRAFT_CLEANUP(scene_deinit) struct scene scene = { .limits = limits };

	if (!is_gone(entry)) {
		why = scene_read(&scene, entry->pid);
		if (!why)
			why = work_off(&scene, list, entry, &outcome);
	}
	if (why && graft_error_code(why) == GRAFT_ERROR_TARGET_GONE) {
		graft_error_free(why);
		why = NULL;
		outcome = GRAFT_LEDGER_GONE;
	}
	if (why)
		outcome = GRAFT_LEDGER_OPEN;
	struct graft_error *err = finish_all(ledger, list, entry, outcome, ret);
	if (!err)
		return why;
	graft_error_free(why);
	return err;
}

struct graft_error *
graft_recover_pid(struct graft_ledger *ledger, pid_t pid,
		  const struct graft_switch_limits *limits,
		  struct graft_recover_result *ret)
{
	struct graft_ledger_query query = { .pid = pid, .open_only = true };
	GRAFT_CLEANUP(graft_ledger_list_freep)
	struct graft_ledger_list *list = NULL;
	struct graft_error *first = NULL;

	struct graft_error *err = graft_ledger_find(ledger, &query, &list);
	if (err)
		return err;
	for (size_t i = 0; i < list->count; i++) {
		if (seen(list, i))
			continue;
		err = recover_work(ledger, list, &list->entries[i], limits,
				   ret);
		if (first)
			graft_error_free(err);
		else
			first = err;
	}
	return first;
}

struct graft_error *
graft_recover_after_kill(struct graft_ledger *ledger, pid_t pid,
			 struct graft_error *err)
{
	struct graft_recover_result result = { 0 };
	struct graft_switch_limits limits = {
		.wait_us = AFTER_KILL_US,
		.stop_us = AFTER_KILL_STOP_US,
	};
	struct graft_error *more = graft_recover_pid(ledger, pid, &limits,
						     &result);
	const char *what = "its work is still open; `graft recover` ends it";

	if (result.completed && !result.left)
		what = "its work was completed";
	else if (result.undone && !result.left)
		what = "its work was undone";
	else if (result.gone && !result.left)
		what = "the process is gone too";
	err = graft_error_prefix(err, "%s%s%s", what, more ? ": " : "",
				 more ? graft_error_message(more) : "");
	graft_error_free(more);
	return err;
}
