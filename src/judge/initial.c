// SPDX-License-Identifier: Apache-2.0

// what existing writable data began with. A running program has long
// overwritten it, or still relies on it; either way NEW would have begun with
// something else.

#include "judge/anchors.h"
#include "judge/checks.h"

#include "diff/constant.h"

#include <string.h>

enum {
	/** Compared at once: a pointer. */
	UNIT = 8,
};

static const uint8_t zeroes[UNIT];

/** Get initial bytes; zeroes for what has none. NULL if there is no such
 * place. */
static const uint8_t *
initial_bytes(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (!section || addr + len > section->addr + section->size)
		return NULL;
	if (!section->bytes)
		return zeroes;
	return graft_image_bytes(image, addr, len);
}

/** Compare a unit of NEW with one place where it may have been. */
static struct graft_error *
same_unit(const struct graft_case *c, uint64_t old_addr, uint64_t new_addr,
	  uint64_t len, bool *ret)
{
	const struct graft_diff *diff = c->diff;
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_addr);

	*ret = false;
	if (!o != !n)
		return NULL;
	if (o)
		// The comparison keeps what it learnt in the diff, and changes
		// nothing that anybody sees.
		return graft_constant_same_pointer((struct graft_diff *)diff, o,
						   n, ret);
	const uint8_t *was = initial_bytes(diff->old_image, old_addr, len);
	const uint8_t *is = initial_bytes(diff->new_image, new_addr, len);
	*ret = was && is && memcmp(was, is, len) == 0;
	return NULL;
}

static struct graft_error *
judge_unit(struct graft_case *c, const struct graft_anchors *anchors,
	   uint64_t addr, uint64_t len)
{
	struct graft_candidates was = graft_anchors_ask(anchors, addr);
	bool same = false;

	if (graft_is_in_new_object(c->diff, addr))
		return NULL;
	for (int i = 0; !same && i < 2; i++) {
		if (!was.old_addr[i])
			continue;
		struct graft_error *err = same_unit(c, was.old_addr[i], addr,
						    len, &same);
		if (err)
			return err;
	}
	if (same)
		return NULL;
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 addr);
	struct graft_place_text old_where = graft_place_data(c->diff->old_image,
							     was.old_addr[0]);
	return graft_case_refuse(
		c, GRAFT_RULE_INITIAL, where.str,
		"the initial value of writable data differs from that at %s of OLD",
		old_where.str);
}

static struct graft_error *
judge_section(struct graft_case *c, const struct graft_anchors *anchors)
{
	const struct graft_section *section = anchors->new_section;
	struct graft_error *err = NULL;

	for (uint64_t off = 0; !err && off < section->size; off += UNIT) {
		uint64_t left = section->size - off;
		err = judge_unit(c, anchors, section->addr + off,
				 left < UNIT ? left : UNIT);
	}
	return err;
}

/** What begins as zeroes now must have begun so. */
static struct graft_error *
judge_zeroes(struct graft_case *c, const struct graft_anchors *anchors)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < anchors->count; i++) {
		const struct graft_anchor *at = &anchors->list[i];
		const struct graft_section *o = graft_image_section_at(
			c->diff->old_image, at->old_addr);
		if (o && o->bytes)
			err = judge_unit(c, anchors, at->new_addr, 1);
	}
	return err;
}

struct graft_error *
graft_check_initial(struct graft_case *c)
{
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(c->diff->new_image, &count);

	for (size_t i = 0; i < count; i++) {
		const struct graft_section *section = &sections[i];
		// Slots of the GOT are bound, not initialised.
		if (!graft_section_is_writable(section) ||
		    (section->flags & SHF_TLS) ||
		    strncmp(section->name, ".got", 4) == 0)
			continue;
		GRAFT_CLEANUP(graft_anchors_deinit)
		struct graft_anchors anchors = { 0 };
		struct graft_error *err =
			graft_anchors_collect(c->diff, section, &anchors);
		if (!err && section->bytes)
			err = judge_section(c, &anchors);
		else if (!err)
			err = judge_zeroes(c, &anchors);
		if (err)
			return err;
	}
	return NULL;
}
