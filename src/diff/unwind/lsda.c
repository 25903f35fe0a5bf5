// SPDX-License-Identifier: Apache-2.0

#include "diff/unwind/lsda.h"

#include "base/cursor.h"
#include "base/vec.h"

#include <dwarf.h>
#include <string.h>

enum {
	/** Filters of one call site, and types of one list. */
	CHAIN_MAX = 4096,
};

/** Most types of one table: more than any function can catch. */
static const uint64_t type_max = 1 << 20;

void
graft_lsda_deinit(struct graft_lsda *lsda)
{
	if (!lsda)
		return;
	free(lsda->sites);
	*lsda = (struct graft_lsda){ 0 };
}

static struct graft_error *
bad(const struct graft_lsda *lsda, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: language-specific data at 0x%llx: %s",
			       graft_image_path(lsda->image),
			       (unsigned long long)lsda->addr, what);
}

static struct graft_error *
unsupported(const struct graft_lsda *lsda, const char *what, unsigned encoding)
{
	return graft_error_new(
		GRAFT_ERROR_UNSUPPORTED,
		"%s: language-specific data at 0x%llx: %s encoded as 0x%x",
		graft_image_path(lsda->image), (unsigned long long)lsda->addr,
		what, encoding);
}

/** Bytes of an entry of the table of types; 0 if they are not known. */
static uint64_t
type_size(uint8_t encoding)
{
	uint8_t relative = encoding & 0x70;

	if (relative != 0 && relative != DW_EH_PE_pcrel)
		return 0;
	switch (encoding & 0x0f) {
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	default:
		return 0;
	}
}

/** Read what stands before the call sites. */
static struct graft_error *
read_front(struct graft_lsda *lsda, const uint8_t *base, struct graft_cursor *c,
	   uint8_t *site_encoding)
{
	uint8_t encoding = (uint8_t)graft_cursor_le(c, 1);

	if (encoding == (DW_EH_PE_pcrel | DW_EH_PE_sdata4)) {
		uint64_t here = lsda->addr + (uint64_t)(c->at - base);
		int32_t distance = (int32_t)graft_cursor_le(c, 4);
		lsda->pad_base = here + (uint64_t)(int64_t)distance;
	} else if (encoding != DW_EH_PE_omit) {
		return unsupported(lsda, "the base of its landing pads is",
				   encoding);
	}
	lsda->type_encoding = (uint8_t)graft_cursor_le(c, 1);
	if (lsda->type_encoding != DW_EH_PE_omit) {
		uint64_t distance = graft_cursor_leb(c);
		uint64_t off = (uint64_t)(c->at - base);
		if (distance > graft_cursor_left(c))
			return bad(lsda, "its types are behind the section");
		lsda->type_end = lsda->addr + off + distance;
		// In a file that moves, an absolute address is relocated.
		if (!type_size(lsda->type_encoding) ||
		    (graft_image_type(lsda->image) == ET_DYN &&
		     (lsda->type_encoding & 0x70) != DW_EH_PE_pcrel))
			return unsupported(lsda, "its types are",
					   lsda->type_encoding);
	}
	*site_encoding = (uint8_t)graft_cursor_le(c, 1);
	if (*site_encoding != DW_EH_PE_uleb128 &&
	    *site_encoding != DW_EH_PE_udata4)
		return unsupported(lsda, "its call sites are", *site_encoding);
	return c->bad ? bad(lsda, "it is cut short") : NULL;
}

static struct graft_error *
read_sites(struct graft_lsda *lsda, struct graft_cursor c, uint8_t encoding)
{
	size_t cap = 0;

	while (graft_cursor_left(&c)) {
		bool leb = encoding == DW_EH_PE_uleb128;
		struct graft_lsda_site site = { 0 };
		site.start = leb ? graft_cursor_leb(&c)
				 : graft_cursor_le(&c, 4);
		site.len = leb ? graft_cursor_leb(&c) : graft_cursor_le(&c, 4);
		site.pad = leb ? graft_cursor_leb(&c) : graft_cursor_le(&c, 4);
		site.action = graft_cursor_leb(&c);
		if (c.bad)
			return bad(lsda, "its call sites are cut short");
		struct graft_error *err = graft_vec_reserve(
			&lsda->sites, &cap, lsda->site_count + 1,
			sizeof(*lsda->sites));
		if (err)
			return err;
		lsda->sites[lsda->site_count++] = site;
	}
	return NULL;
}

/** Lengthen the data to an address, if it is within the section. */
static bool
reach(struct graft_lsda *lsda, const uint8_t *base, uint64_t len)
{
	if (len > (uint64_t)(lsda->end - base))
		return false;
	if (len > lsda->len)
		lsda->len = len;
	return true;
}

/** Count a type that is named. */
static bool
count_type(struct graft_lsda *lsda, uint64_t number)
{
	if (number > type_max)
		return false;
	if (number > lsda->type_count)
		lsda->type_count = number;
	return true;
}

/** Count the types of a list; the data reach to its end. */
static bool
count_list(struct graft_lsda *lsda, const uint8_t *base, int64_t filter)
{
	uint64_t off = lsda->type_end - lsda->addr;
	if (filter < -(int64_t)type_max ||
	    off + (uint64_t)(-filter - 1) > (uint64_t)(lsda->end - base))
		return false;
	const uint8_t *at = base + off + (uint64_t)(-filter - 1);
	struct graft_cursor c = graft_cursor_make(at, (size_t)(lsda->end - at));

	for (int i = 0; i < CHAIN_MAX; i++) {
		uint64_t number = graft_cursor_leb(&c);
		if (c.bad || !count_type(lsda, number))
			return false;
		if (number == 0)
			return reach(lsda, base, (uint64_t)(c.at - base));
	}
	return false;
}

/** Go over the actions of a call site: which types, and how far they reach. */
static bool
count_actions(struct graft_lsda *lsda, const uint8_t *base,
	      const struct graft_lsda_site *site)
{
	struct graft_lsda_chain chain = graft_lsda_chain_begin(lsda, site);
	int64_t filter;

	while (chain.at) {
		struct graft_cursor c = graft_cursor_make(
			chain.at, (size_t)(lsda->end - chain.at));
		(void)graft_cursor_signed_leb(&c);
		(void)graft_cursor_signed_leb(&c);
		if (c.bad || !reach(lsda, base, (uint64_t)(c.at - base)) ||
		    !graft_lsda_chain_next(lsda, &chain, &filter))
			return false;
		if (filter != 0 && lsda->type_encoding == DW_EH_PE_omit)
			return false;
		if (filter > 0 && !count_type(lsda, (uint64_t)filter))
			return false;
		if (filter < 0 && !count_list(lsda, base, filter))
			return false;
	}
	return true;
}

/** Find how far it reaches, and that all that it names is there. */
static struct graft_error *
measure(struct graft_lsda *lsda, const uint8_t *base)
{
	if (!reach(lsda, base, (uint64_t)(lsda->actions - base)))
		return bad(lsda, "it is cut short");
	for (size_t i = 0; i < lsda->site_count; i++) {
		const struct graft_lsda_site *site = &lsda->sites[i];
		if (site->action &&
		    (site->action > (uint64_t)(lsda->end - lsda->actions) ||
		     !count_actions(lsda, base, site)))
			return bad(lsda, "its actions are malformed");
	}
	if (lsda->type_encoding == DW_EH_PE_omit)
		return NULL;
	uint64_t size = lsda->type_count * type_size(lsda->type_encoding);
	uint64_t from = (uint64_t)(lsda->actions - base);
	if (!reach(lsda, base, lsda->type_end - lsda->addr) ||
	    lsda->type_end - lsda->addr < from + size)
		return bad(lsda, "its types are not there");
	return NULL;
}

struct graft_error *
graft_lsda_read(const struct graft_image *image,
		const struct graft_extent *extent, struct graft_lsda *ret)
{
	GRAFT_CLEANUP(graft_lsda_deinit)
	struct graft_lsda lsda = { .image = image,
				   .addr = extent->lsda,
				   .pad_base = extent->addr };
	const struct graft_section *section =
		graft_image_section_at(image, extent->lsda);
	uint8_t encoding = 0;

	if (!section || !section->bytes)
		return bad(&lsda, "no section holds them");
	const uint8_t *base = section->bytes + (extent->lsda - section->addr);
	lsda.end = section->bytes + section->size;
	struct graft_cursor c = graft_cursor_make(base,
						  (size_t)(lsda.end - base));
	struct graft_error *err = read_front(&lsda, base, &c, &encoding);
	if (err)
		return err;
	uint64_t len = graft_cursor_leb(&c);
	const uint8_t *sites = graft_cursor_take(&c, len);
	if (!sites)
		return bad(&lsda, "its call sites are cut short");
	lsda.actions = c.at;
	err = read_sites(&lsda, graft_cursor_make(sites, len), encoding);
	if (!err)
		err = measure(&lsda, base);
	if (err)
		return err;
	*ret = lsda;
	lsda = (struct graft_lsda){ 0 };
	return NULL;
}

struct graft_lsda_chain
graft_lsda_chain_begin(const struct graft_lsda *lsda,
		       const struct graft_lsda_site *site)
{
	struct graft_lsda_chain chain = { 0 };

	if (site->action &&
	    site->action <= (uint64_t)(lsda->end - lsda->actions))
		chain.at = lsda->actions + (site->action - 1);
	return chain;
}

bool
graft_lsda_chain_next(const struct graft_lsda *lsda,
		      struct graft_lsda_chain *chain, int64_t *filter_ret)
{
	if (!chain->at || chain->count++ >= CHAIN_MAX)
		return false;
	struct graft_cursor c =
		graft_cursor_make(chain->at, (size_t)(lsda->end - chain->at));
	int64_t filter = graft_cursor_signed_leb(&c);
	const uint8_t *field = c.at;
	int64_t next = graft_cursor_signed_leb(&c);
	if (c.bad || next < lsda->actions - field || next >= lsda->end - field)
		return false;
	chain->at = next ? field + next : NULL;
	*filter_ret = filter;
	return true;
}

uint64_t
graft_lsda_listed(const struct graft_lsda *lsda, int64_t filter, size_t index)
{
	uint64_t at = lsda->type_end + (uint64_t)(-filter - 1);
	const struct graft_section *section =
		graft_image_section_at(lsda->image, lsda->addr);
	struct graft_cursor c =
		graft_cursor_make(section->bytes + (at - section->addr),
				  (size_t)(section->addr + section->size - at));
	uint64_t number = graft_cursor_leb(&c);

	while (number && index-- > 0)
		number = graft_cursor_leb(&c);
	return c.bad ? 0 : number;
}

uint64_t
graft_lsda_type(const struct graft_lsda *lsda, uint64_t number,
		uint64_t *field_ret, bool *indirect_ret)
{
	uint64_t size = type_size(lsda->type_encoding);
	uint64_t field = lsda->type_end - number * size;
	const uint8_t *bytes = graft_image_bytes(lsda->image, field, size);
	uint8_t form = lsda->type_encoding & 0x0f;
	uint64_t value = 0;

	*field_ret = field;
	*indirect_ret = lsda->type_encoding & DW_EH_PE_indirect;
	if (!bytes)
		return 0;
	struct graft_cursor c = graft_cursor_make(bytes, (size_t)size);
	value = graft_cursor_le(&c, (size_t)size);
	if (form == DW_EH_PE_sdata4)
		value = (uint64_t)(int64_t)(int32_t)value;
	if (value && (lsda->type_encoding & 0x70) == DW_EH_PE_pcrel)
		value += field;
	return value;
}
