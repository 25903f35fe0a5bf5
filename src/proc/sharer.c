// SPDX-License-Identifier: Apache-2.0

#include "proc/sharer.h"

#include "base/cleanup.h"
#include "proc/list.h"
#include "proc/sharers.h"
#include "proc/status.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

struct graft_error *
graft_sharer_find(pid_t pid, pid_t tid, struct graft_sharers *known, pid_t *ret)
{
	GRAFT_FREE pid_t *pids = NULL;
	size_t count;

	*ret = 0;
	// A thread that ended has no memory, like all kernel threads.
	if (!tid)
		tid = graft_proc_live_tid(pid);
	if (!tid)
		return NULL;
	if (known && tid == pid && graft_sharers_is_alone(known, pid))
		return NULL;
	struct graft_error *err = graft_proc_list(&pids, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		if (pids[i] != pid &&
		    syscall(SYS_kcmp, tid, pids[i], KCMP_VM, 0, 0) == 0) {
			*ret = pids[i];
			break;
		}
	}
	return NULL;
}

struct graft_error *
graft_sharer_refuse(pid_t other)
{
	struct graft_proc_status status = { 0 };

	// Who has just ended has no name any more.
	graft_error_free(graft_proc_stat_read(other, &status));
	// Waiting may help: the child of a vfork(2) shares until it executes.
	return graft_error_new(
		GRAFT_ERROR_FUNCTION_ACTIVE,
		"R-23: process %d (%s) runs in the same memory, and is no thread of it",
		(int)other, *status.comm ? status.comm : "ended");
}
