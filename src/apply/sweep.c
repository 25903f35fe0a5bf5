// SPDX-License-Identifier: Apache-2.0

#include "apply/sweep.h"

#include "apply/build.h"
#include "apply/release.h"
#include "plan/find.h"
#include "proc/maps.h"

/** Find the page at a place of a chain, or NULL. They are ours to change. */
static struct graft_header *
find(struct graft_headers *all, const struct graft_header *header)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->headers[i] == header)
			return all->headers[i];
	}
	return NULL;
}

/** Let go of what is too far behind one that is in: it is forgotten there. */
GRAFT_MUST_CHECK static struct graft_error *
cut(struct graft_target *target, struct graft_headers *all,
    const struct graft_header *top)
{
	static const struct graft_header_before none;
	const struct graft_header *last = top;

	// What a hostile process says may lead in a circle.
	if (graft_headers_in_chain(all, top, top))
		return NULL;
	for (int i = 0; last && i < GRAFT_SWEEP_BEFORE; i++)
		last = graft_headers_before(all, last);
	if (!last || !graft_headers_before(all, last))
		return NULL;
	struct graft_error *err = graft_build_set_before(target, last, &none);
	if (!err)
		find(all, last)->before = none;
	return err;
}

/** Cut all chains. */
GRAFT_MUST_CHECK static struct graft_error *
cut_all(struct graft_target *target, struct graft_headers *all)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < all->count && !err; i++) {
		if (all->headers[i]->state == GRAFT_HEADER_APPLIED)
			err = cut(target, all, all->headers[i]);
	}
	return err;
}

/**
 * Say whether the jumps of a page are out: each of its entries has the bytes of OLD, or
 * the jump of what is in. Anything else, a breakpoint too, may hide one.
 */
GRAFT_MUST_CHECK static struct graft_error *
is_out(struct graft_target *target, const struct graft_headers *all,
       const struct graft_header *header, bool *ret)
{
	const struct graft_header *top;
	enum graft_live live;

	*ret = false;
	if (header->state != GRAFT_HEADER_REVERTED)
		return NULL;
	struct graft_error *err = graft_headers_top(target, all, header, &top);
	if (!err)
		err = graft_header_live(target, header, top, &live);
	if (!err)
		*ret = live == GRAFT_LIVE_OLD;
	return err;
}

/** Give one back, if it is out and nothing leads there. */
GRAFT_MUST_CHECK static struct graft_error *
give_back(struct graft_target *target, const struct graft_headers *all,
	  const struct graft_header *header, struct graft_switch_result *result)
{
	bool out;
	bool left = false;
	struct graft_error *err = is_out(target, all, header, &out);

	if (!err && out)
		err = graft_release(target, all, header, result, &left);
	if (!err || !left || graft_error_code(err) == GRAFT_ERROR_TARGET_GONE) {
		// What stays is kept, and looked at again the next time.
		graft_error_free(err);
		return NULL;
	}
	result->unsettled = true;
	return graft_error_prefix(err,
				  "the memory of hotpatch %s, which was "
				  "replaced, could not be given back",
				  header->id);
}

struct graft_error *
graft_sweep(struct graft_target *target, struct graft_switch_result *result)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_headers_freep) struct graft_headers *all = NULL;
	struct graft_error *err = graft_maps_read(graft_target_pid(target),
						  &maps);

	if (!err)
		err = graft_headers_find(target, maps, &all);
	if (!err)
		err = cut_all(target, all);
	// It is done; what is left can wait.
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	for (size_t i = 0; i < all->count && !err; i++)
		err = give_back(target, all, all->headers[i], result);
	return err;
}
