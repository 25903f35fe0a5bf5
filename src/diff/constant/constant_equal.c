// SPDX-License-Identifier: Apache-2.0

#include "diff/constant/constant.h"

#include "diff/code/area.h"
#include "diff/constant/constants.h"
#include "diff/constant/reach.h"
#include "diff/match/data.h"

#include <string.h>

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct graft_error *
same_target(const struct graft_diff *diff, uint64_t o, uint64_t n, bool *ret)
{
	enum graft_area area = graft_area_of(diff->new_image, n);
	uint64_t addr;

	*ret = false;
	if (graft_area_of(diff->old_image, o) != area)
		return NULL;
	switch (area) {
	case GRAFT_AREA_CODE: {
		uint32_t of = graft_code_func_at(diff->old_code, o);
		uint32_t nf = graft_code_func_at(diff->new_code, n);
		if (of == GRAFT_NONE || nf == GRAFT_NONE ||
		    diff->new_match[nf].other != of)
			return NULL;
		uint64_t off = n - diff->new_code->funcs[nf].addr;
		*ret = off == o - diff->old_code->funcs[of].addr &&
		       (off == 0 || diff->new_match[nf].same_form);
		return NULL;
	}
	case GRAFT_AREA_CONSTANT:
		return graft_constant_equal(diff, o, n, 0, ret);
	case GRAFT_AREA_DATA:
		*ret = graft_diff_old_data(diff, n, &addr) >
			       GRAFT_WITNESS_CONFLICT &&
		       addr == o;
		return NULL;
	default:
		*ret = graft_area_same_frame(diff->old_image, o,
					     diff->new_image, n);
		return NULL;
	}
}

struct graft_error *
graft_constant_same_pointer(const struct graft_diff *diff,
			    const struct graft_reloc *o,
			    const struct graft_reloc *n, bool *ret)
{
	*ret = false;
	if (o->type != n->type || !o->symbol != !n->symbol)
		return NULL;
	if (o->symbol && (o->symbol->name[0] || n->symbol->name[0])) {
		*ret = same_text(o->symbol->name, n->symbol->name) &&
		       same_text(o->symbol->version, n->symbol->version) &&
		       o->addend == n->addend;
		return NULL;
	}
	if (o->type == R_X86_64_RELATIVE || o->type == R_X86_64_IRELATIVE)
		return same_target(diff, (uint64_t)o->addend,
				   (uint64_t)n->addend, ret);
	*ret = o->addend == n->addend;
	return NULL;
}

/** Compare byte by byte, pointers by where they go. */
static struct graft_error *
compare_bytes(const struct graft_diff *diff, uint64_t old_addr,
	      uint64_t new_addr, uint64_t len, bool *ret)
{
	const uint8_t *o = graft_image_bytes(diff->old_image, old_addr, len);
	const uint8_t *n = graft_image_bytes(diff->new_image, new_addr, len);
	uint64_t off = 0;

	*ret = false;
	if (!o || !n)
		return NULL;
	while (off < len) {
		const struct graft_reloc *nr = NULL;
		const struct graft_reloc * or = NULL;
		// Pointers are aligned; only there a relocation can be.
		if ((new_addr + off) % 8 == 0)
			nr = graft_image_reloc_at(diff->new_image,
						  new_addr + off);
		if ((old_addr + off) % 8 == 0)
			or = graft_image_reloc_at(diff->old_image,
						  old_addr + off);
		if (!nr != ! or)
			return NULL;
		if (nr) {
			bool same;
			struct graft_error *err = graft_constant_same_pointer(
				diff, or, nr, &same);
			if (err || !same)
				return err;
			off += 8;
			continue;
		}
		if (o[off] != n[off])
			return NULL;
		off++;
	}
	*ret = true;
	return NULL;
}

/**
 * Do two texts differ in nothing but the version of the package?
 *
 * A program that prints its version goes on printing that of the build that it
 * was started from; such a text is no reason to carry what names it.
 */
static bool
differs_in_version(const struct graft_diff *diff, uint64_t old_addr,
		   uint64_t new_addr)
{
	uint64_t len;
	const char *o = graft_constant_text(diff->old_image, old_addr, &len);
	const char *n = graft_constant_text(diff->new_image, new_addr, &len);
	const char *old_version = diff->old_version;
	const char *new_version = diff->new_version;

	if (!o || !n || !old_version || !new_version)
		return false;
	size_t old_len = strlen(old_version);
	size_t new_len = strlen(new_version);
	bool found = false;
	while (*o || *n) {
		if (strncmp(o, old_version, old_len) == 0 &&
		    strncmp(n, new_version, new_len) == 0) {
			o += old_len;
			n += new_len;
			found = true;
		} else if (*o++ != *n++) {
			return false;
		}
	}
	return found;
}

static uint64_t
count_zeroes(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const uint8_t *bytes = graft_image_bytes(image, addr, len);
	uint64_t count = 0;

	while (bytes && count < len && bytes[count] == 0)
		count++;
	return count;
}

/**
 * Compare two texts with what stands behind them up to the next start.
 *
 * That may be rows of the same table (`char names[][8]`) or another object that
 * nobody names; the padding before it depends on where the text ends.
 */
static struct graft_error *
compare_text(const struct graft_diff *diff, uint64_t old_addr, uint64_t old_len,
	     uint64_t new_addr, uint64_t new_len, bool *ret)
{
	uint64_t old_text;
	uint64_t new_text;

	*ret = false;
	if (!graft_constant_text(diff->old_image, old_addr, &old_text) ||
	    !graft_constant_text(diff->new_image, new_addr, &new_text) ||
	    old_text != new_text || old_text > old_len || new_text > new_len)
		return NULL;
	uint64_t old_zeroes = count_zeroes(diff->old_image, old_addr + old_text,
					   old_len - old_text);
	uint64_t new_zeroes = count_zeroes(diff->new_image, new_addr + new_text,
					   new_len - new_text);
	if (old_zeroes > GRAFT_PADDING_MAX || new_zeroes > GRAFT_PADDING_MAX)
		return NULL;
	uint64_t old_skip = old_text + old_zeroes;
	uint64_t new_skip = new_text + new_zeroes;
	if (old_len - old_skip != new_len - new_skip)
		return NULL;
	struct graft_error *err = compare_bytes(diff, old_addr, new_addr,
						old_text, ret);
	if (err || !*ret || old_len == old_skip)
		return err;
	return compare_bytes(diff, old_addr + old_skip, new_addr + new_skip,
			     old_len - old_skip, ret);
}

/** Compare up to the next address that is taken. */
static struct graft_error *
compare_part(const struct graft_diff *diff, uint64_t old_addr,
	     uint64_t new_addr, bool *ret)
{
	*ret = differs_in_version(diff, old_addr, new_addr);
	if (*ret)
		return NULL;
	uint64_t old_len = graft_constant_extent(diff->old_code, old_addr);
	uint64_t new_len = graft_constant_extent(diff->new_code, new_addr);
	uint64_t len = old_len < new_len ? old_len : new_len;
	*ret = false;
	struct graft_error *err = compare_text(diff, old_addr, old_len,
					       new_addr, new_len, ret);
	if (err || *ret)
		return err;
	// What is longer on one side may only be padding up to the neighbour.
	if (!graft_constant_is_padding(diff->old_image, old_addr + len,
				       old_len - len) ||
	    !graft_constant_is_padding(diff->new_image, new_addr + len,
				       new_len - len))
		return NULL;
	return compare_bytes(diff, old_addr, new_addr, len, ret);
}

/**
 * Say whether the two may go on behind the next address that is taken. An
 * address inside or at the end of an object keeps its distance from the start;
 * what moved against it is something else.
 */
static bool
go_on(const struct graft_diff *diff, uint64_t *old_addr, uint64_t *new_addr)
{
	uint64_t old_next;
	uint64_t new_next;
	bool old_on = graft_reach_goes_on(diff->old_code, *old_addr, &old_next);
	bool new_on = graft_reach_goes_on(diff->new_code, *new_addr, &new_next);

	if ((!old_on && !new_on) ||
	    old_next - *old_addr != new_next - *new_addr ||
	    !graft_image_section_at(diff->old_image, old_next) ||
	    !graft_image_section_at(diff->new_image, new_next))
		return false;
	*old_addr = old_next;
	*new_addr = new_next;
	return true;
}

/** Compare two constants, and remember what was found of each part on the way.
 */
static struct graft_error *
compare(const struct graft_diff *diff, struct graft_comparison whole, bool *ret)
{
	struct graft_constants *constants = diff->constants;
	struct graft_comparison at = whole;
	struct graft_error *err = NULL;

	if (whole.access)
		return compare_bytes(diff, whole.old_addr, whole.new_addr,
				     whole.access, ret);
	for (;;) {
		err = compare_part(diff, at.old_addr, at.new_addr, ret);
		if (err)
			return err;
		if (!*ret || !go_on(diff, &at.old_addr, &at.new_addr) ||
		    graft_constants_know(constants, at, ret))
			break;
		err = graft_constants_assume(constants, at);
		if (err)
			return err;
	}
	// The parts before the one that differs differ with it.
	uint64_t end = at.new_addr;
	at = whole;
	while (!err && !*ret && at.new_addr < end &&
	       go_on(diff, &at.old_addr, &at.new_addr))
		err = graft_constants_deny(constants, at);
	return err;
}

struct graft_error *
graft_constant_equal(const struct graft_diff *diff, uint64_t old_addr,
		     uint64_t new_addr, uint64_t access, bool *ret)
{
	struct graft_constants *constants = diff->constants;
	struct graft_comparison whole = { old_addr, new_addr, access };

	if (graft_constants_know(constants, whole, ret))
		return NULL;
	*ret = false;
	if (!graft_constants_descend(constants))
		return NULL;
	struct graft_error *err = graft_constants_assume(constants, whole);
	if (!err)
		err = compare(diff, whole, ret);
	if (!err && !*ret)
		err = graft_constants_deny(constants, whole);
	graft_constants_ascend(constants, !err && *ret);
	return err;
}

struct graft_error *
graft_constant_equal_before(const struct graft_diff *diff, uint64_t old_addr,
			    uint64_t new_addr, bool *ret)
{
	uint64_t len = new_addr - graft_reach_start(diff->new_code, new_addr);

	if (len == 0) {
		*ret = true;
		return NULL;
	}
	return compare_bytes(diff, old_addr - len, new_addr - len, len, ret);
}
