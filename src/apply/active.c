// SPDX-License-Identifier: Apache-2.0

#include "apply/active.h"

#include "proc/peek.h"
#include "proc/status.h"
#include "proc/waiting.h"

void
graft_active_note(struct graft_target *target,
		  const struct graft_stack_hit *hit,
		  struct graft_active_hit *ret)
{
	size_t count;
	const struct graft_thread *threads = graft_target_threads(target,
								  &count);

	*ret = (struct graft_active_hit){ .hit = *hit };
	for (size_t i = 0; i < count; i++) {
		if (threads[i].tid != hit->tid)
			continue;
		graft_waiting_say(&threads[i].regs, ret->waits,
				  sizeof(ret->waits));
		ret->waiting = (int64_t)threads[i].regs.orig_rax >= 0;
		ret->sp = threads[i].regs.rsp;
		ret->pc = threads[i].regs.rip;
	}
}

bool
graft_active_stays(pid_t pid, const struct graft_active_hit *active)
{
	const struct graft_stack_hit *hit = &active->hit;
	uint64_t word;

	if (hit->addr && (!graft_peek(pid, hit->addr, &word, sizeof(word)) ||
			  word != hit->pc))
		return false;
	return hit->tid ? active->waiting &&
				  graft_waiting_is_at(pid, hit->tid, active->sp,
						      active->pc)
			: hit->addr != 0;
}

const struct graft_stack_hit *
graft_active_choose(const struct graft_stack_hit *hits, size_t count,
		    const struct graft_active_place *places, size_t range_count,
		    bool may_stay)
{
	const struct graft_stack_hit *chosen = NULL;

	for (size_t i = 0; i < count; i++) {
		if (!hits[i].tid && hits[i].range >= range_count)
			continue;
		if (!places[hits[i].range].behind_jump)
			return &hits[i];
		if (!may_stay && !chosen)
			chosen = &hits[i];
	}
	return chosen;
}

uint32_t
graft_active_count(const struct graft_stack_hit *hits, size_t count,
		   const struct graft_active_place *places, size_t range_count)
{
	uint32_t threads = 0;

	// Hits of one thread need not stand together.
	for (size_t i = 0; i < count; i++) {
		bool before = false;
		if (hits[i].range >= range_count ||
		    !places[hits[i].range].behind_jump)
			continue;
		for (size_t k = 0; k < i && !before && hits[i].tid; k++)
			before = hits[k].tid == hits[i].tid &&
				 hits[k].range < range_count &&
				 places[hits[k].range].behind_jump;
		threads += !before;
	}
	return threads;
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
		 const struct graft_active_hit *active, bool could_stay)
{
	const struct graft_stack_hit *hit = &active->hit;
	static const char hint[] =
		"; --immediate switches all the same, and lets it go on there";
	const char *more = could_stay && place->behind_jump ? hint : "";
	struct graft_proc_status status = { 0 };
	uint64_t start = place->start;
	const char *name = place->name;

	if (!name)
		name = carried_name(headers, header_count, hit->pc, &start);
	if (!hit->tid)
		return graft_error_new(
			GRAFT_ERROR_FUNCTION_ACTIVE,
			"R-13: a suspended context, at 0x%llx, may be inside %s+0x%llx%s",
			(unsigned long long)hit->addr, name,
			(unsigned long long)(hit->pc - start), more);
	graft_error_free(graft_proc_status_read(hit->tid, &status));
	return graft_error_new(
		GRAFT_ERROR_FUNCTION_ACTIVE,
		"R-13: thread %d (%s) %s inside %s+0x%llx%s%s", (int)hit->tid,
		status.comm, hit->certain ? "is" : "may be", name,
		(unsigned long long)(hit->pc - start), active->waits, more);
}
