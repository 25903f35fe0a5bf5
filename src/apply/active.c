// SPDX-License-Identifier: Apache-2.0

#include "apply/active.h"

#include "proc/status.h"

const struct graft_stack_hit *
graft_active_choose(const struct graft_stack_hit *hits, size_t count,
		    size_t range_count)
{
	for (size_t i = 0; i < count; i++) {
		if (hits[i].tid || hits[i].range < range_count)
			return &hits[i];
	}
	return NULL;
}

/** Find the name of the carried function that contains @p pc. */
static const char *
carried_name(const struct graft_header *const *headers, size_t header_count,
	     uint64_t pc, uint64_t *start_ret)
{
	const char *name = "carried code";

	for (size_t i = 0; i < header_count; i++) {
		const struct graft_header *header = headers[i];
		for (uint32_t j = 0; j < header->redirect_count; j++) {
			uint64_t target = header->redirects[j].target;
			if (target > pc || target < *start_ret)
				continue;
			*start_ret = target;
			name = header->redirects[j].name;
		}
	}
	return name;
}

struct graft_error *
graft_active_say(const struct graft_header *const *headers, size_t header_count,
		 const struct graft_active_place *place,
		 const struct graft_stack_hit *hit)
{
	struct graft_proc_status status = { 0 };
	uint64_t start = place->start;
	const char *name = place->name;

	if (!name)
		name = carried_name(headers, header_count, hit->pc, &start);
	if (!hit->tid)
		return graft_error_new(
			GRAFT_ERROR_FUNCTION_ACTIVE,
			"R-13: a suspended context, at 0x%llx, may be inside %s+0x%llx",
			(unsigned long long)hit->addr, name,
			(unsigned long long)(hit->pc - start));
	graft_error_free(graft_proc_status_read(hit->tid, &status));
	return graft_error_new(GRAFT_ERROR_FUNCTION_ACTIVE,
			       "R-13: thread %d (%s) %s inside %s+0x%llx",
			       (int)hit->tid, status.comm,
			       hit->certain ? "is" : "may be", name,
			       (unsigned long long)(hit->pc - start));
}
