// SPDX-License-Identifier: Apache-2.0

#include "apply/orphans.h"

#include "proc/maps.h"
#include "proc/target.h"

#include <stdlib.h>
#include <string.h>

void
graft_orphans_deinit(struct graft_orphans *orphans)
{
	free(orphans->list.entries);
	graft_headers_free(orphans->headers);
	*orphans = (struct graft_orphans){ 0 };
}

/** Say whether a header tells of work that did not end, or its jumps are ruined. */
static bool
is_cut_off(const struct graft_header *header, enum graft_live live)
{
	// The module was unloaded: there is nothing to complete or undo.
	if (live == GRAFT_LIVE_OTHER)
		return false;
	return live == GRAFT_LIVE_MIXED || live == GRAFT_LIVE_RUINED ||
	       header->state == GRAFT_HEADER_BUILDING ||
	       header->state == GRAFT_HEADER_READY ||
	       header->state == GRAFT_HEADER_REVERTING ||
	       header->state == GRAFT_HEADER_LEAVING;
}

/** Choose the headers of all works that were cut off. */
static void
choose(const struct graft_headers *headers, const enum graft_live *live,
       bool *chosen)
{
	for (size_t i = 0; i < headers->count; i++) {
		if (!is_cut_off(headers->headers[i], live[i]))
			continue;
		chosen[i] = true;
		for (size_t j = 0; j < headers->count; j++)
			chosen[j] |= live[j] == GRAFT_LIVE_NEW &&
				     strcmp(headers->headers[j]->id,
					    headers->headers[i]->id) == 0;
	}
}

/** What was being done to the modules of a hotpatch. */
static enum graft_ledger_verb
verb_of(const struct graft_headers *headers, const bool *chosen, const char *id)
{
	for (size_t i = 0; i < headers->count; i++) {
		enum graft_header_state is = headers->headers[i]->state;
		if (chosen[i] && strcmp(headers->headers[i]->id, id) == 0 &&
		    (is == GRAFT_HEADER_REVERTING ||
		     is == GRAFT_HEADER_LEAVING))
			return GRAFT_LEDGER_REVERT;
	}
	return GRAFT_LEDGER_APPLY;
}

static void
fill(struct graft_target *target, const bool *chosen, struct graft_orphans *ret)
{
	const struct graft_headers *headers = ret->headers;

	for (size_t i = 0; i < headers->count; i++) {
		struct graft_header *header = headers->headers[i];
		if (!chosen[i])
			continue;
		ret->list.entries[ret->list.count++] =
			(struct graft_ledger_entry){
				.verb = verb_of(headers, chosen, header->id),
				.pid = graft_target_pid(target),
				.start_ticks = graft_target_start_ticks(target),
				.patch_id = header->id,
				.module = header->module,
				.header_addr = header->addr,
				.header_len = header->len,
			};
	}
}

struct graft_error *
graft_orphans_find(pid_t pid, struct graft_orphans *ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;

	struct graft_error *err = graft_target_open(pid, &target);
	if (!err)
		err = graft_maps_read(pid, &maps);
	if (!err)
		err = graft_headers_find(target, maps, &ret->headers);
	if (err)
		return err;
	const struct graft_headers *headers = ret->headers;
	GRAFT_FREE enum graft_live *live = calloc(headers->count + 1,
						  sizeof(*live));
	GRAFT_FREE bool *chosen = calloc(headers->count + 1, sizeof(*chosen));
	ret->list.entries = calloc(headers->count + 1,
				   sizeof(*ret->list.entries));
	if (!live || !chosen || !ret->list.entries)
		return graft_error_no_memory();
	for (size_t i = 0; i < headers->count; i++) {
		err = graft_headers_live(target, headers, headers->headers[i],
					 &live[i]);
		if (err)
			return err;
	}
	choose(headers, live, chosen);
	fill(target, chosen, ret);
	return NULL;
}
