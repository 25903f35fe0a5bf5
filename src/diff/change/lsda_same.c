// SPDX-License-Identifier: Apache-2.0

#include "diff/change/lsda_same.h"

#include "diff/change/change.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"
#include "diff/unwind/lsda.h"

#include <string.h>

/** Two sides of a comparison. */
struct sides {
	struct graft_diff *diff;
	struct graft_lsda old_lsda;
	struct graft_lsda new_lsda;
};

static void
sides_deinit(struct sides *sides)
{
	graft_lsda_deinit(&sides->old_lsda);
	graft_lsda_deinit(&sides->new_lsda);
}

/** Are two objects copies of the same object of a library? */
static bool
same_copy(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr)
{
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_addr);

	return o && n && o->type == R_X86_64_COPY && n->type == R_X86_64_COPY &&
	       o->symbol && n->symbol &&
	       strcmp(o->symbol->name, n->symbol->name) == 0;
}

/** Read a slot without relocation, of a program at a fixed address. */
static uint64_t
read_slot(const struct graft_image *image, uint64_t addr)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, 8);
	uint64_t value = 0;

	for (int i = 0; bytes && i < 8; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

/**
 * Compare the objects that two entries of language-specific data, or of CIEs,
 * lead to.
 *
 * @param[in] indirect They are slots that hold the object's address.
 */
GRAFT_MUST_CHECK static struct graft_error *
same_object(struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	    bool indirect, bool *ret)
{
	*ret = false;
	if (indirect) {
		if (graft_image_reloc_at(diff->old_image, old_addr) ||
		    graft_image_reloc_at(diff->new_image, new_addr))
			return graft_change_same_slot(diff, old_addr, new_addr,
						      ret);
		old_addr = read_slot(diff->old_image, old_addr);
		new_addr = read_slot(diff->new_image, new_addr);
	}
	enum graft_area area = graft_area_of(diff->new_image, new_addr);
	if (graft_area_of(diff->old_image, old_addr) != area)
		return NULL;
	if (area == GRAFT_AREA_CODE) {
		uint32_t o = graft_code_func_starting(diff->old_code, old_addr);
		uint32_t n = graft_code_func_starting(diff->new_code, new_addr);
		*ret = o != GRAFT_NONE && n != GRAFT_NONE &&
		       diff->new_match[n].other == o;
		return NULL;
	}
	if (area == GRAFT_AREA_CONSTANT)
		return graft_constant_equal(diff, old_addr, new_addr, 0, ret);
	*ret = same_copy(diff, old_addr, new_addr);
	return NULL;
}

static struct graft_error *
same_type(const struct sides *sides, uint64_t old_number, uint64_t new_number,
	  bool *ret)
{
	uint64_t field;
	bool old_indirect;
	bool new_indirect;
	uint64_t o = graft_lsda_type(&sides->old_lsda, old_number, &field,
				     &old_indirect);
	uint64_t n = graft_lsda_type(&sides->new_lsda, new_number, &field,
				     &new_indirect);

	*ret = !o && !n;
	if (!o || !n || old_indirect != new_indirect)
		return NULL;
	return same_object(sides->diff, o, n, new_indirect, ret);
}

static struct graft_error *
same_list(const struct sides *sides, int64_t old_filter, int64_t new_filter,
	  bool *ret)
{
	struct graft_error *err = NULL;

	*ret = true;
	for (size_t i = 0; !err && *ret; i++) {
		uint64_t o = graft_lsda_listed(&sides->old_lsda, old_filter, i);
		uint64_t n = graft_lsda_listed(&sides->new_lsda, new_filter, i);
		*ret = !o == !n;
		if (!o || !n)
			break;
		err = same_type(sides, o, n, ret);
	}
	return err;
}

/** Compare what two call sites catch, in their order. */
static struct graft_error *
same_actions(const struct sides *sides, const struct graft_lsda_site *o,
	     const struct graft_lsda_site *n, bool *ret)
{
	struct graft_lsda_chain old_chain =
		graft_lsda_chain_begin(&sides->old_lsda, o);
	struct graft_lsda_chain new_chain =
		graft_lsda_chain_begin(&sides->new_lsda, n);
	struct graft_error *err = NULL;

	*ret = true;
	while (!err && *ret && old_chain.at && new_chain.at) {
		int64_t of = 0;
		int64_t nf = 0;
		// Landing code compares the number of the filter, so that must
		// be the same too.
		*ret = graft_lsda_chain_next(&sides->old_lsda, &old_chain,
					     &of) &&
		       graft_lsda_chain_next(&sides->new_lsda, &new_chain,
					     &nf) &&
		       of == nf;
		if (*ret && nf > 0)
			err = same_type(sides, (uint64_t)of, (uint64_t)nf, ret);
		else if (*ret && nf < 0)
			err = same_list(sides, of, nf, ret);
	}
	*ret = *ret && !old_chain.at && !new_chain.at;
	return err;
}

static struct graft_error *
same_sites(const struct sides *sides, bool *ret)
{
	const struct graft_lsda *ol = &sides->old_lsda;
	const struct graft_lsda *nl = &sides->new_lsda;
	struct graft_error *err = NULL;

	*ret = ol->site_count == nl->site_count;
	for (size_t i = 0; !err && *ret && i < nl->site_count; i++) {
		const struct graft_lsda_site *o = &ol->sites[i];
		const struct graft_lsda_site *n = &nl->sites[i];
		*ret = o->start == n->start && o->len == n->len &&
		       o->pad == n->pad && !o->action == !n->action;
		if (*ret)
			err = same_actions(sides, o, n, ret);
	}
	return err;
}

/** Read one side; what cannot be read is no error here, but not the same. */
static bool
is_readable(const struct graft_image *image, const struct graft_extent *extent,
	    struct graft_lsda *ret)
{
	struct graft_error *err = graft_lsda_read(image, extent, ret);

	graft_error_free(err);
	return !err;
}

struct graft_error *
graft_lsda_same(struct graft_diff *diff, const struct graft_func *of,
		const struct graft_func *nf, bool *ret)
{
	const struct graft_extent *o = of->extent;
	const struct graft_extent *n = nf->extent;
	bool old_has = o && o->lsda;
	bool new_has = n && n->lsda;

	*ret = old_has == new_has;
	if (!old_has || !new_has)
		return NULL;
	*ret = false;
	if (of->addr - o->addr != nf->addr - n->addr ||
	    !o->personality != !n->personality ||
	    o->personality_indirect != n->personality_indirect)
		return NULL;
	GRAFT_CLEANUP(sides_deinit) struct sides sides = { .diff = diff };
	if (!is_readable(diff->old_image, o, &sides.old_lsda) ||
	    !is_readable(diff->new_image, n, &sides.new_lsda))
		return NULL;
	// Landing pads of another piece of the function are in its own data.
	if (sides.old_lsda.pad_base - o->addr !=
	    sides.new_lsda.pad_base - n->addr)
		return NULL;
	struct graft_error *err = same_sites(&sides, ret);
	if (err || !*ret || !n->personality)
		return err;
	return same_object(diff, o->personality, n->personality,
			   n->personality_indirect, ret);
}
