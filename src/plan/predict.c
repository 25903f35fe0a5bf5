// SPDX-License-Identifier: Apache-2.0

#include "plan/predict.h"

#include "base/cleanup.h"
#include "proc/list.h"
#include "proc/memory_group.h"
#include "proc/status.h"

#include <inttypes.h>
#include <linux/seccomp.h>

enum {
	/**
	 * What a group must have left beside what is asked for: 1 MiB. For page
	 * tables and stack pages, for what the process itself takes meanwhile, and
	 * since each CPU charges 64 pages in advance (MEMCG_CHARGE_BATCH of the
	 * kernel's memcontrol.h) and gives them back in the last need only.
	 */
	GROUP_MARGIN = 1 << 20,
};

/**
 * Refuse threads in strict mode. Filters are asked when the process is stopped
 * for the first time (proc/seccomp.h): before, they cannot be read.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_seccomp(pid_t pid, const struct graft_proc_status *leader)
{
	size_t count;
	GRAFT_FREE pid_t *tids = NULL;
	struct graft_error *err = graft_proc_list_threads(pid, &tids, &count);
	if (err)
		return err;

	for (size_t i = 0; i < count; i++) {
		struct graft_proc_status status = *leader;
		// Read a moment ago.
		err = tids[i] == pid
			      ? NULL
			      : graft_proc_status_glance(tids[i], &status);
		if (err && graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
			// A thread that ended meanwhile is no obstacle.
			graft_error_free(err);
			continue;
		}
		if (err)
			return err;
		if (status.seccomp == SECCOMP_MODE_STRICT)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"seccomp: thread %d (%s) is in strict mode: the system call that maps memory would kill it",
				(int)tids[i], status.comm);
	}
	return NULL;
}

struct graft_error *
graft_predict_space(pid_t pid, const struct graft_proc_status *status,
		    uint64_t more)
{
	struct graft_proc_status with = *status;

	graft_proc_limits_read(pid, &with);
	if (with.has_limits && with.limit_as != UINT64_MAX &&
	    (with.vm_size > with.limit_as ||
	     more > with.limit_as - with.vm_size))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"RLIMIT_AS: its limit of %llu bytes leaves no room for %llu more",
			(unsigned long long)with.limit_as,
			(unsigned long long)more);
	return NULL;
}

struct graft_error *
graft_predict(pid_t pid, uint64_t more)
{
	struct graft_proc_status status = { 0 };
	struct graft_error *err = graft_proc_status_glance(pid, &status);

	if (!err)
		err = graft_predict_space(pid, &status, more);
	return err ? err : check_seccomp(pid, &status);
}

struct graft_error *
graft_predict_charge(const char *root, struct graft_memory_groups *groups,
		     pid_t tid, uint64_t bytes)
{
	struct graft_memory_group group;
	uint64_t need = bytes > UINT64_MAX - GROUP_MARGIN
				? UINT64_MAX
				: bytes + GROUP_MARGIN;

	if (!graft_memory_group_lacks(root, groups, tid, need, &group))
		return NULL;
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"memory group %s: of its limit of %" PRIu64 " bytes %" PRIu64
		" are left and %" PRIu64
		" could be taken back from files, but %" PRIu64
		" are needed, and the kernel would kill rather than wait: raise %s there by %" PRIu64
		", if only for now",
		group.path, group.limit, group.left, group.reclaimable, need,
		group.file, need - group.left - group.reclaimable);
}
