// SPDX-License-Identifier: Apache-2.0

#include "apply/link.h"

#include "base/fault.h"
#include "plan/hook.h"

#include <stdlib.h>
#include <string.h>

/** A hook, and what its slot held before it was linked. */
struct one {
	struct graft_hook hook;
	uint64_t before;
	/** It was linked in this stop. */
	bool linked;
};

struct graft_link {
	struct one *list;
	size_t count;
};

void
graft_link_free(struct graft_link *link)
{
	if (!link)
		return;
	free(link->list);
	free(link);
}

/** A slot that was bound meanwhile is bound no more. */
GRAFT_MUST_CHECK static struct graft_error *
forget_callers(struct graft_target *target, struct graft_hook *hook)
{
	struct graft_hook_chain chain;
	struct graft_error *err = graft_hook_follow(target, hook, &chain);

	if (!err && chain.first != hook->unwinder.unbound)
		hook->unwinder.caller_count = 0;
	return err;
}

struct graft_error *
graft_link_new(struct graft_target *target,
	       const struct graft_header *const *headers, size_t count,
	       struct graft_link **ret)
{
	GRAFT_CLEANUP(graft_link_freep)
	struct graft_link *link = calloc(1, sizeof(*link));
	if (!link)
		return graft_error_no_memory();
	link->list = calloc(count + 1, sizeof(*link->list));
	if (!link->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		bool there;
		struct graft_error *err =
			graft_hook_find(target, headers[i],
					&link->list[link->count].hook, &there);
		if (!err && there)
			err = forget_callers(target,
					     &link->list[link->count].hook);
		if (err)
			return err;
		link->count += there;
	}
	*ret = GRAFT_TAKE(link);
	return NULL;
}

size_t
graft_link_forbidden(const struct graft_link *link,
		     struct graft_range ret[GRAFT_HOOK_CALLERS_MAX])
{
	for (size_t i = 0; i < link->count; i++) {
		const struct graft_unwinder *u = &link->list[i].hook.unwinder;
		// All are hooks of one slot.
		for (size_t k = 0; k < u->caller_count; k++)
			ret[k] = (struct graft_range){ u->callers[k] - 1,
						       u->callers[k] };
		if (u->caller_count)
			return u->caller_count;
	}
	return 0;
}

struct graft_error *
graft_link_leave_out(struct graft_target *target,
		     const struct graft_header *const *headers, size_t count,
		     struct graft_range *ranges, size_t range_count)
{
	for (size_t i = 0; i < count; i++) {
		struct graft_hook hook;
		bool there;
		struct graft_error *err = graft_hook_find(target, headers[i],
							  &hook, &there);
		if (err)
			return err;
		for (size_t k = 0; there && k < range_count; k++) {
			if (ranges[k].start == hook.addr)
				ranges[k].end = ranges[k].start;
		}
	}
	return NULL;
}

/** Write an address into eight bytes that do not cross a page. */
GRAFT_MUST_CHECK static struct graft_error *
put(struct graft_target *target, uint64_t addr, uint64_t value)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	return graft_target_write(target, addr, bytes, sizeof(bytes));
}

GRAFT_MUST_CHECK static struct graft_error *
link_one(struct one *one, struct graft_target *target)
{
	struct graft_hook *hook = &one->hook;
	const struct graft_unwinder *u = &hook->unwinder;
	struct graft_hook_chain chain;
	struct graft_error *err = graft_hook_follow(target, hook, &chain);

	if (err)
		return err;
	bool bound = chain.last == u->function;
	bool unbound = u->unbound && chain.first == chain.last &&
		       chain.first == u->unbound;
	if (u->slot % 8 || (!bound && !unbound))
		return graft_error_new(
			GRAFT_ERROR_REFUSED,
			"R-16: somebody changed the slot of libgcc_s at 0x%llx meanwhile",
			(unsigned long long)u->slot);
	if (chain.linked)
		return NULL;
	err = graft_fault("apply-link");
	if (err)
		return err;
	// First what it asks, then that it is asked.
	err = put(target, hook->addr + GRAFT_HOOK_NEXT_OFF,
		  bound ? chain.first : u->function);
	if (err)
		return err;
	one->before = chain.first;
	one->linked = true;
	return put(target, u->slot, hook->addr + GRAFT_HOOK_ENTRY_OFF);
}

struct graft_error *
graft_link_do(struct graft_link *link, struct graft_target *target)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < link->count; i++)
		err = link_one(&link->list[i], target);
	return err;
}

struct graft_error *
graft_link_undo(struct graft_link *link, struct graft_target *target)
{
	struct graft_error *first = NULL;

	for (size_t i = link->count; i-- > 0;) {
		struct one *one = &link->list[i];
		if (!one->linked)
			continue;
		struct graft_error *err = put(target, one->hook.unwinder.slot,
					      one->before);
		one->linked = false;
		if (first)
			graft_error_free(err);
		else
			first = err;
	}
	return first;
}
