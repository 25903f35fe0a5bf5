// SPDX-License-Identifier: Apache-2.0

#include "apply/release.h"

#include "apply/build.h"
#include "base/fault.h"
#include "plan/hook.h"
#include "plan/reach.h"
#include "proc/pointers.h"

#include <stdlib.h>

/** Say whether one may be gone back to: from what is in, or about to come or go, step by
 * step. What is out goes back to nothing. */
static bool
is_named(const struct graft_headers *all, const struct graft_header *header)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct graft_header *top = all->headers[i];
		if (top != header && top->state != GRAFT_HEADER_REVERTED &&
		    graft_headers_in_chain(all, top, header))
			return true;
	}
	return false;
}

/** Look for pointers into the code, though nothing should have made one. */
GRAFT_MUST_CHECK static struct graft_error *
find_pointers(struct graft_target *target, const struct graft_header *header,
	      bool *ret)
{
	struct graft_pointers pointers = { 0 };
	GRAFT_FREE struct graft_range *ranges =
		calloc(header->region_count + (size_t)1, sizeof(*ranges));
	if (!ranges)
		return graft_error_no_memory();

	for (uint32_t i = 0; i < header->region_count; i++)
		ranges[i] = (struct graft_range){
			.start = header->regions[i].addr,
			.end = header->regions[i].addr + header->regions[i].len,
		};
	struct graft_error *err = graft_pointers_find(
		target, NULL, ranges, header->region_count, &pointers);
	if (!err)
		*ret = pointers.count > 0;
	return err;
}

/** Say whether anything may lead into a shadow whose jumps are out. */
GRAFT_MUST_CHECK static struct graft_error *
is_reached(struct graft_target *target, const struct graft_headers *all,
	   const struct graft_header *header,
	   const struct graft_switch_result *result, bool *ret)
{
	enum graft_reach reach;
	bool linked;

	*ret = true;
	// What a context keeps may be hidden from a search: a mangled address.
	if (result->contexts || is_named(all, header))
		return NULL;
	struct graft_error *err = graft_hook_is_linked(target, header, &linked);
	if (err || linked)
		return err;
	err = graft_reach_find(target, header, &reach);
	if (err || reach != GRAFT_REACH_JUMPS_ONLY)
		return err;
	return find_pointers(target, header, ret);
}

struct graft_error *
graft_release(struct graft_target *target, const struct graft_headers *all,
	      const struct graft_header *header,
	      const struct graft_switch_result *result, bool *left_ret)
{
	bool reached;
	struct graft_error *err = is_reached(target, all, header, result,
					     &reached);

	*left_ret = false;
	if (err || reached)
		return err;
	err = graft_fault("release-begin");
	if (!err)
		err = graft_switch_attach(target);
	if (err)
		return err;
	// From its first write on, the page says that the shadow is not whole.
	*left_ret = true;
	err = graft_build_give_back(target, header);
	graft_target_detach(target);
	return err;
}
