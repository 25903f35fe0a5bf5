// SPDX-License-Identifier: Apache-2.0

// what existing writable data began with. A running program has long
// overwritten it, or still relies on it; either way NEW would have begun with
// something else.
//
// Text that names another version of the package is said in a note where code does
// nothing but show it: it goes on naming OLD's, which is what runs.

#include "judge/data/anchors.h"
#include "judge/data/shown.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

#include "base/cleanup.h"
#include "base/version.h"
#include "diff/constant/constant.h"
#include "diff/unwind/eh_slots.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Compared at once: a pointer. */
	UNIT = 8,
	/** Longest text in writable data that is looked at. */
	TEXT_MAX = 4096,
	/** A pointer that leads this near goes to the object that it is in. */
	SELF_MAX = 16,
};

enum sameness {
	DIFFERS,
	SAME,
	SAME_BUT_VERSION,
};

/** The writable sections of NEW. */
struct initial {
	struct graft_case *c;
	struct graft_anchors *list;
	size_t count;
	/** Slots of NEW's unwind tables: whoever reads one was compared by what
	 * it leads to. */
	struct graft_eh_slots slots;
	/** End of the last text that was noted. */
	uint64_t noted;
	/** End of the last variable that was refused by its name. */
	uint64_t refused;
};

static const uint8_t zeroes[UNIT];

/** Get initial bytes; zeroes for what has none. NULL if there is no such
 * place. */
static const uint8_t *
initial_bytes(const struct graft_image *image, uint64_t addr, uint64_t len)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (!section || len > section->addr + section->size - addr)
		return NULL;
	if (!section->bytes)
		return zeroes;
	return graft_image_bytes(image, addr, len);
}

static bool
is_writable_at(const struct graft_image *image, uint64_t addr)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	return section && graft_section_is_writable(section);
}

/** Find what a module-relative pointer leads to. */
static bool
target_of(const struct graft_reloc *reloc, uint64_t *ret)
{
	if (reloc->type == R_X86_64_RELATIVE && !reloc->symbol) {
		*ret = (uint64_t)reloc->addend;
		return true;
	}
	return false;
}

/** Say whether writable data of NEW may have been at an address of OLD. */
static bool
may_have_been_at(const struct initial *initial, uint64_t new_addr,
		 uint64_t old_addr)
{
	for (size_t i = 0; i < initial->count; i++) {
		const struct graft_anchors *anchors = &initial->list[i];
		if (new_addr - anchors->new_section->addr >
		    anchors->new_section->size)
			continue;
		struct graft_candidates was = graft_anchors_ask(anchors,
								new_addr);
		if (was.old_addr[0] == old_addr || was.old_addr[1] == old_addr)
			return true;
	}
	return false;
}

/** Do two texts differ in nothing but which version of the package they name? */
static bool
only_version(const struct graft_diff *diff, const char *o, const char *n)
{
	return graft_version_only_differs(o, n) ||
	       (graft_version_is_upstream(o, diff->old_version) &&
		graft_version_is_upstream(n, diff->new_version));
}

/** Compare text that two pointers lead to. */
static enum sameness
same_text(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr)
{
	uint64_t old_len;
	uint64_t new_len;
	const char *o = graft_constant_text(diff->old_image, old_addr,
					    &old_len);
	const char *n = graft_constant_text(diff->new_image, new_addr,
					    &new_len);

	if (!o || !n)
		return DIFFERS;
	if (strcmp(o, n) != 0)
		return only_version(diff, o, n) ? SAME_BUT_VERSION : DIFFERS;
	// Objects of one size that begin with the same text and go on with
	// something else are no texts. Of two sizes: the linker put something
	// else behind them.
	return graft_constant_extent(diff->old_code, old_addr) ==
			       graft_constant_extent(diff->new_code, new_addr)
		       ? DIFFERS
		       : SAME;
}

static struct graft_error *
same_pointer(const struct initial *initial, uint64_t old_addr,
	     uint64_t new_addr, const struct graft_reloc *o,
	     const struct graft_reloc *n, enum sameness *ret)
{
	const struct graft_diff *diff = initial->c->diff;
	uint64_t was;
	uint64_t is;
	bool same = false;

	struct graft_error *err = graft_constant_same_pointer(diff, o, n,
							      &same);
	*ret = same ? SAME : DIFFERS;
	if (err || same || !target_of(o, &was) || !target_of(n, &is))
		return err;
	bool data = is_writable_at(diff->old_image, was) &&
		    is_writable_at(diff->new_image, is);
	if (data) {
		bool itself = was - old_addr == is - new_addr &&
			      is - new_addr + SELF_MAX <= 2 * SELF_MAX;
		if (itself || may_have_been_at(initial, is, was))
			*ret = SAME;
		return NULL;
	}
	*ret = same_text(diff, was, is);
	return NULL;
}

/** Find the text around an address of writable data; NULL if there is none. */
static char *
text_around(const struct graft_image *image, uint64_t addr, uint64_t *start_ret,
	    uint64_t *len_ret)
{
	const struct graft_section *section = graft_image_section_at(image,
								     addr);

	if (!section || !section->bytes)
		return NULL;
	uint64_t at = addr - section->addr;
	uint64_t start = at;
	while (start > 0 && at - start < TEXT_MAX && section->bytes[start - 1])
		start--;
	uint64_t end = at;
	while (end < section->size && end - at < TEXT_MAX &&
	       section->bytes[end])
		end++;
	if (end == section->size || end == start)
		return NULL;
	*start_ret = section->addr + start;
	if (!graft_constant_text(image, *start_ret, len_ret))
		return NULL;
	return strndup((const char *)section->bytes + start, end - start);
}

/** Find the first byte of a unit that differs. */
static uint64_t
first_difference(const uint8_t *a, const uint8_t *b, uint64_t len)
{
	uint64_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

/** Compare bytes, and if they differ the text that they are part of. */
static enum sameness
same_bytes(const struct graft_diff *diff, uint64_t old_addr, uint64_t new_addr,
	   uint64_t len)
{
	const uint8_t *was = initial_bytes(diff->old_image, old_addr, len);
	const uint8_t *is = initial_bytes(diff->new_image, new_addr, len);
	uint64_t old_start = 0;
	uint64_t new_start = 0;
	uint64_t text_len;

	if (!was || !is)
		return DIFFERS;
	if (memcmp(was, is, len) == 0)
		return SAME;
	uint64_t at = first_difference(was, is, len);
	GRAFT_FREE char *o = text_around(diff->old_image, old_addr + at,
					 &old_start, &text_len);
	GRAFT_FREE char *n = text_around(diff->new_image, new_addr + at,
					 &new_start, &text_len);
	// Texts of two lengths would not be in one object.
	if (!o || !n || strlen(o) != strlen(n) ||
	    old_addr - old_start != new_addr - new_start)
		return DIFFERS;
	return only_version(diff, o, n) ? SAME_BUT_VERSION : DIFFERS;
}

static struct graft_error *
same_unit(const struct initial *initial, uint64_t old_addr, uint64_t new_addr,
	  uint64_t len, enum sameness *ret)
{
	const struct graft_diff *diff = initial->c->diff;
	const struct graft_reloc *o = graft_image_reloc_at(diff->old_image,
							   old_addr);
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   new_addr);

	*ret = DIFFERS;
	if (!o != !n)
		return NULL;
	if (o)
		return same_pointer(initial, old_addr, new_addr, o, n, ret);
	*ret = same_bytes(diff, old_addr, new_addr, len);
	return NULL;
}

/** Compare a unit with the place where its variable was by its name. */
static struct graft_error *
judge_named(struct initial *initial, const struct graft_named_place *place,
	    uint64_t addr, uint64_t len, enum sameness *ret)
{
	struct graft_error *err = same_unit(initial, place->old_addr, addr, len,
					    ret);

	if (err || *ret != DIFFERS)
		return err;
	*ret = SAME;
	if (addr < initial->refused)
		return NULL;
	initial->refused = addr + place->left;
	return graft_types_refuse_initial(initial->c, addr, place);
}

/** Judge a text in writable data, or that a pointer there leads to, which names
 * another version. */
static struct graft_error *
judge_version(struct graft_case *c, uint64_t addr, uint64_t len,
	      const char *where)
{
	const struct graft_image *image = c->diff->new_image;
	uint64_t start = addr;
	uint64_t text_len = 0;

	if (!graft_image_reloc_at(image, addr)) {
		// The unit may begin before the text.
		for (uint64_t i = 0; i < len && !text_len; i++)
			free(text_around(image, addr + i, &start, &text_len));
	}
	return graft_text_judge_version(c, start, text_len, where);
}

/** Compare a unit with the places where it may have been. */
static struct graft_error *
same_as_any(const struct initial *initial, const struct graft_candidates *was,
	    uint64_t addr, uint64_t len, enum sameness *ret)
{
	struct graft_error *err = NULL;

	for (int i = 0; !err && *ret != SAME && i < 2; i++) {
		enum sameness one = DIFFERS;
		if (!was->old_addr[i] ||
		    (i && was->old_addr[1] == was->old_addr[0]))
			continue;
		err = same_unit(initial, was->old_addr[i], addr, len, &one);
		if (!err && one != DIFFERS)
			*ret = one;
	}
	return err;
}

/** Say that a unit differs from the place where it was. */
static struct graft_error *
say_other(struct initial *initial, uint64_t old_addr, uint64_t addr,
	  uint64_t len, enum sameness same)
{
	struct graft_case *c = initial->c;
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 addr);
	struct graft_place_text old_where = graft_place_data(c->diff->old_image,
							     old_addr);

	if (same == SAME_BUT_VERSION) {
		bool again = addr <= initial->noted;
		initial->noted = addr + len;
		return again ? NULL : judge_version(c, addr, len, where.str);
	}
	return graft_case_refuse(
		c, GRAFT_RULE_INITIAL, where.str,
		"the initial value of writable data differs from that at %s of OLD",
		old_where.str);
}

static struct graft_error *
judge_unit(struct initial *initial, const struct graft_anchors *anchors,
	   uint64_t addr, uint64_t len);

/** Judge each part of a unit by itself. */
static struct graft_error *
judge_parts(struct initial *initial, const struct graft_anchors *anchors,
	    uint64_t addr, uint64_t len, uint64_t first)
{
	struct graft_error *err = judge_unit(initial, anchors, addr, first);

	return err ? err
		   : judge_unit(initial, anchors, addr + first, len - first);
}

static struct graft_error *
judge_unit(struct initial *initial, const struct graft_anchors *anchors,
	   uint64_t addr, uint64_t len)
{
	struct graft_case *c = initial->c;
	struct graft_candidates was = graft_anchors_ask(anchors, addr);
	enum sameness same = DIFFERS;
	struct graft_named_place place;

	if (graft_is_in_new_object(c->diff, addr) ||
	    (len == UNIT && graft_eh_slots_has(&initial->slots, addr)))
		return NULL;
	struct graft_error *err = graft_types_old_place(c, addr, &place);
	// Two variables in one unit, each with a place of its own.
	if (!err && place.found && place.left < len)
		return judge_parts(initial, anchors, addr, len, place.left);
	if (!err && place.found) {
		err = judge_named(initial, &place, addr, len, &same);
		was.old_addr[0] = place.old_addr;
		was.old_addr[1] = 0;
	}
	if (!err)
		err = same_as_any(initial, &was, addr, len, &same);
	if (err || same == SAME)
		return err;
	// Two things in one unit, which may have come from two places.
	uint64_t next = graft_anchors_next(anchors, addr);
	if (next < addr + len &&
	    !graft_image_reloc_at(c->diff->new_image, addr))
		return judge_parts(initial, anchors, addr, len, next - addr);
	return say_other(initial, was.old_addr[0], addr, len, same);
}

static struct graft_error *
judge_section(struct initial *initial, const struct graft_anchors *anchors)
{
	const struct graft_section *section = anchors->new_section;
	struct graft_error *err = NULL;

	for (uint64_t off = 0; !err && off < section->size; off += UNIT) {
		uint64_t left = section->size - off;
		err = judge_unit(initial, anchors, section->addr + off,
				 left < UNIT ? left : UNIT);
	}
	return err;
}

/** What begins as zeroes now must have begun so. */
static struct graft_error *
judge_zeroes(struct initial *initial, const struct graft_anchors *anchors)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < anchors->count; i++) {
		const struct graft_anchor *at = &anchors->list[i];
		const struct graft_section *o = graft_image_section_at(
			initial->c->diff->old_image, at->old_addr);
		if (o && o->bytes)
			err = judge_unit(initial, anchors, at->new_addr, 1);
	}
	return err;
}

static struct graft_error *
collect(struct initial *initial)
{
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(initial->c->diff->new_image, &count);

	initial->list = calloc(count + 1, sizeof(*initial->list));
	if (!initial->list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		// Slots of the GOT are bound, not initialised.
		if (!graft_section_is_writable(&sections[i]) ||
		    (sections[i].flags & SHF_TLS) ||
		    strncmp(sections[i].name, ".got", 4) == 0)
			continue;
		struct graft_error *err =
			graft_anchors_collect(initial->c->diff, &sections[i],
					      &initial->list[initial->count]);
		if (err)
			return err;
		initial->count++;
	}
	return NULL;
}

struct graft_error *
graft_check_initial(struct graft_case *c)
{
	struct initial initial = { .c = c };
	struct graft_error *err = collect(&initial);

	if (!err)
		err = graft_eh_slots_find(c->diff->new_image, &initial.slots);
	for (size_t i = 0; !err && i < initial.count; i++) {
		if (initial.list[i].new_section->bytes)
			err = judge_section(&initial, &initial.list[i]);
		else
			err = judge_zeroes(&initial, &initial.list[i]);
	}
	for (size_t i = 0; i < initial.count; i++)
		graft_anchors_deinit(&initial.list[i]);
	graft_eh_slots_deinit(&initial.slots);
	free(initial.list);
	return err;
}
