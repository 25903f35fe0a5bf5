// SPDX-License-Identifier: Apache-2.0

#include "cmd/sync_state.h"

#include "apply/inspect.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/** Is a module of a process one that is not what lies on disk? */
static bool
is_old(const struct graft_old_code *code, pid_t pid, const char *module)
{
	for (size_t i = 0; i < code->process_count; i++) {
		const struct graft_old_process *p = &code->processes[i];
		for (size_t k = 0; p->pid == pid && k < p->file_count; k++) {
			const struct graft_old_file *file =
				&code->files[p->files[k]];
			if (strcmp(file->map.path, module) == 0 ||
			    strcmp(file->path, module) == 0)
				return true;
		}
	}
	return false;
}

/** Add a hotpatch that is ahead. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_sync *sync, size_t *room,
    const struct graft_inspection *inspection,
    const struct graft_header *header)
{
	struct graft_error *err = graft_vec_reserve(&sync->ahead, room,
						    sync->ahead_count + 1,
						    sizeof(*sync->ahead));
	if (err)
		return err;
	struct graft_sync_ahead ahead = {
		.pid = inspection->pid,
		.module = strdup(header->module),
	};
	if (!ahead.module)
		return graft_error_no_memory();
	memcpy(ahead.comm, inspection->comm, sizeof(ahead.comm));
	memcpy(ahead.id, header->id, sizeof(ahead.id));
	sync->ahead[sync->ahead_count++] = ahead;
	return NULL;
}

struct graft_error *
graft_sync_find_ahead(struct graft_sync *sync)
{
	size_t room = 0;

	for (size_t i = 0; i < sync->pid_count; i++) {
		GRAFT_CLEANUP(graft_inspection_freep)
		struct graft_inspection *inspection = NULL;
		struct graft_error *err = graft_inspect_listed(
			sync->pids[i], GRAFT_INSPECT_STATES, &inspection);
		size_t items = err || !inspection ? 0 : inspection->count;
		bool ours = err &&
			    graft_error_code(err) == GRAFT_ERROR_NO_MEMORY;
		if (ours)
			return err;
		// Who cannot be looked at was counted.
		graft_error_free(err);
		err = NULL;
		for (size_t k = 0; !err && k < items; k++) {
			const struct graft_inspected *item =
				&inspection->items[k];
			if (strcmp(item->state, "applied") == 0 &&
			    !is_old(sync->code, sync->pids[i],
				    item->header->module))
				err = add(sync, &room, inspection,
					  item->header);
		}
		if (err)
			return err;
	}
	return NULL;
}
