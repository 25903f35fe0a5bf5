// SPDX-License-Identifier: Apache-2.0

#include "plan/replace.h"

#include "plan/objects.h"

#include <string.h>

/** Read what of a header is live, the one before it known. */
GRAFT_MUST_CHECK static struct graft_error *
read_live(const struct graft_making *making, const struct graft_header *header,
	  enum graft_live *ret)
{
	return graft_header_live(making->target, header,
				 graft_headers_before(making->headers, header),
				 ret);
}

struct graft_error *
graft_replace_find(const struct graft_making *making,
		   const struct graft_module *module,
		   const struct graft_header **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < making->headers->count; i++) {
		const struct graft_header *header = making->headers->headers[i];
		enum graft_live live;

		if (header->base != module->base)
			continue;
		struct graft_error *err = read_live(making, header, &live);
		if (err)
			return err;
		bool same = strcmp(header->id, making->patch->id) == 0;
		if (live == GRAFT_LIVE_NEW && same)
			return graft_error_new(GRAFT_ERROR_ALREADY_APPLIED,
					       "hotpatch %s is in %s already",
					       header->id, module->map->path);
		if (live == GRAFT_LIVE_NEW)
			*ret = header;
		if (live == GRAFT_LIVE_MIXED)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-12: %s: work on hotpatch %s was cut off; `graft recover` completes or undoes it",
				module->map->path, header->id);
	}
	return NULL;
}

void
graft_replace_note(const struct graft_making *making,
		   const struct graft_header *again,
		   struct graft_plan_module *module)
{
	const struct graft_header *in = module->replaced;
	struct graft_header_before *before = &module->header.before;

	*before = (struct graft_header_before){ 0 };
	if (again)
		module->below = again->before;
	if (!in)
		return;
	before->addr = in->addr;
	memcpy(before->id, in->id, sizeof(before->id));
	if (!again || !graft_headers_in_chain(making->headers, in, again))
		return;
	const struct graft_header *above = in;
	while (graft_headers_before(making->headers, above) != again)
		above = graft_headers_before(making->headers, above);
	module->above = above;
}

/** Say whether two redirects write over the same bytes. */
static bool
overlap(const struct graft_header_redirect *a,
	const struct graft_header_redirect *b)
{
	uint64_t left = a->entry + a->skip;
	uint64_t right = b->entry + b->skip;

	return left < right + GRAFT_JUMP_SIZE && right < left + GRAFT_JUMP_SIZE;
}

static bool
same_entry(const struct graft_header_redirect *a,
	   const struct graft_header_redirect *b)
{
	return a->entry == b->entry && a->skip == b->skip &&
	       memcmp(a->original, b->original, GRAFT_JUMP_SIZE) == 0;
}

struct graft_error *
graft_replace_check(const struct graft_plan_module *module)
{
	const struct graft_header *from = module->replaced;
	const struct graft_header *to = &module->header;

	for (uint32_t i = 0; from && i < from->redirect_count; i++) {
		for (uint32_t k = 0; k < to->redirect_count; k++) {
			const struct graft_header_redirect *a =
				&from->redirects[i];
			const struct graft_header_redirect *b =
				&to->redirects[k];
			if (overlap(a, b) && !same_entry(a, b))
				return graft_error_new(
					GRAFT_ERROR_REFUSED,
					"R-12: %s: hotpatch %s, which is in it, says of %s what this one does not say of %s; revert that one first",
					to->module, from->id, a->name, b->name);
		}
	}
	return from ? graft_objects_check(from, to) : NULL;
}

/** Say whether a plan replaces a header, or another one of the same hotpatch. */
static bool
replaces(const struct graft_plan *plan, const struct graft_header *header,
	 bool *other_ret)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct graft_header *in = plan->modules[i].replaced;
		if (in == header)
			return true;
		*other_ret |= in && strcmp(in->id, header->id) == 0;
	}
	return false;
}

struct graft_error *
graft_replace_check_all(const struct graft_making *making,
			const struct graft_plan *plan)
{
	for (size_t i = 0; i < making->headers->count; i++) {
		const struct graft_header *header = making->headers->headers[i];
		enum graft_live live;
		bool other = false;
		if (replaces(plan, header, &other) || !other)
			continue;
		struct graft_error *err = read_live(making, header, &live);
		if (err)
			return err;
		if (live == GRAFT_LIVE_NEW)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"R-22: %s: hotpatch %s is in it too, and this one carries nothing for it; revert that one first",
				header->module, header->id);
	}
	return NULL;
}
