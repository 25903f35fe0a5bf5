// SPDX-License-Identifier: Apache-2.0

// R-03 for objects that the linker placed. What has a symbol on both sides is
// compared by it. Beyond that, two things that stood at one distance must stand
// at it still, but for new objects between them.

#include "judge/data/anchors.h"
#include "judge/data/covered.h"
#include "judge/data/named.h"
#include "judge/data/rooms.h"
#include "judge/rules/checks.h"
#include "judge/types/types.h"

#include "base/cleanup.h"
#include "diff/match/data.h"
#include "diff/unwind/eh_slots.h"

#include <stdlib.h>
#include <string.h>

/** What the linker may leave free between two objects. */
static const uint64_t padding_max = 32;

static struct graft_error *
refuse_gap(struct graft_case *c, uint64_t start, uint64_t was, uint64_t is)
{
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 start);

	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"from here to the next object that is known were %llu bytes and are %llu: an object grew, shrank, came or went",
		(unsigned long long)was, (unsigned long long)is);
}

/** What explains distances: slots of unwind tables, which come and go with the
 * types that are caught, and symbols. */
struct explained {
	struct graft_eh_slots old_slots;
	struct graft_eh_slots new_slots;
	struct graft_covered covered;
};

static void
explained_deinit(struct explained *explained)
{
	graft_eh_slots_deinit(&explained->old_slots);
	graft_eh_slots_deinit(&explained->new_slots);
	graft_covered_deinit(&explained->covered);
}

/** Count the bytes of slots between two addresses. */
static uint64_t
slot_bytes(const struct graft_eh_slots *slots, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < slots->count; i++) {
		if (slots->addrs[i] >= start && slots->addrs[i] < end)
			bytes += 8;
	}
	return bytes;
}

/** Compare one stretch of a section with what it was. */
static struct graft_error *
judge_stretch(struct graft_case *c, const struct explained *explained,
	      uint64_t new_start, uint64_t new_end, uint64_t old_start,
	      uint64_t old_end)
{
	uint64_t is = new_end - new_start -
		      slot_bytes(&explained->new_slots, new_start, new_end);
	uint64_t was = old_end - old_start -
		       slot_bytes(&explained->old_slots, old_start, old_end);
	uint64_t added = graft_new_bytes_between(c->diff, new_start, new_end);

	if (is == was + added)
		return NULL;
	if (added && is > was + added && is - was - added < padding_max)
		return NULL;
	if (graft_covered_is(&explained->covered,
			     &(struct graft_covered_stretch){
				     new_start, new_end, old_start, old_end }))
		return NULL;
	return refuse_gap(c, new_start, was, is);
}

static struct graft_error *
refuse_room(struct graft_case *c, uint64_t start, uint64_t was, uint64_t is)
{
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 start);

	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"objects changed places, and nothing shows that what stands here fits where it stood: up to the next object that is known were %llu bytes and are %llu",
		(unsigned long long)was, (unsigned long long)is);
}

static struct graft_error *
refuse_mixed(struct graft_case *c, const struct graft_anchor *at)
{
	struct graft_place_text where = graft_place_data(c->diff->new_image,
							 at->new_addr);
	struct graft_place_text was = graft_place_data(c->diff->old_image,
						       at->old_addr);

	return graft_case_refuse(
		c, GRAFT_RULE_SIZE, where.str,
		"what stands here stood at %s: it may be an object that changed places, or another part of one in front whose address is taken",
		was.str);
}

/** Compare a section in which objects may have changed places. */
static struct graft_error *
judge_reordered(struct graft_case *c, const struct explained *explained,
		const struct graft_anchors *anchors)
{
	const struct graft_section *o = anchors->old_section;
	const struct graft_section *n = anchors->new_section;
	GRAFT_CLEANUP(graft_rooms_deinit) struct graft_rooms rooms = { 0 };
	struct graft_error *err = graft_rooms_init(c->diff, anchors, &rooms);
	struct graft_anchor last = { n->addr, o->addr };
	uint64_t was;
	uint64_t is;
	bool mixed = false;
	size_t first = 0;

	if (!err)
		err = graft_rooms_find_mixed(&rooms, &mixed, &first);
	if (!err && mixed)
		return refuse_mixed(c, &anchors->list[first]);
	for (size_t i = 0; !err && i <= anchors->count; i++) {
		struct graft_anchor at = { n->addr + n->size,
					   o->addr + o->size };
		if (i < anchors->count)
			at = anchors->list[i];
		bool follows = graft_rooms_follows(&rooms, i);
		// What follows one that has only its name may be aligned
		// otherwise.
		if (follows &&
		    (i == 0 || !graft_rooms_is_named_only(&rooms, i - 1)))
			err = judge_stretch(c, explained, last.new_addr,
					    at.new_addr, last.old_addr,
					    at.old_addr);
		else if (!follows && i > 0 &&
			 !graft_rooms_fits(&rooms, i - 1, &was, &is))
			err = refuse_room(c, last.new_addr, was, is);
		last = at;
	}
	return err;
}

static bool
is_inside(const struct graft_section *section, uint64_t addr)
{
	return addr - section->addr < section->size;
}

/**
 * Did a new object in front use up what was left free before an aligned thing?
 *
 * What moved on as far as that object has less room then. Code names all that it
 * uses of it, so it needs none.
 */
static struct graft_error *
fills_padding(const struct graft_case *c, const struct graft_anchors *anchors,
	      size_t i, bool *ret)
{
	GRAFT_CLEANUP(graft_rooms_deinit) struct graft_rooms rooms = { 0 };
	const struct graft_anchor *last = &anchors->list[i - 1];
	const struct graft_anchor *at = &anchors->list[i];
	uint64_t base = anchors->new_section->addr - anchors->old_section->addr;
	uint64_t moved = last->new_addr - last->old_addr - base;
	uint64_t moves = at->new_addr - at->old_addr - base;
	uint64_t align = at->new_addr & -at->new_addr;

	*ret = moves < moved && moved - moves < align &&
	       moved <= graft_new_bytes_between(c->diff,
						anchors->new_section->addr,
						last->new_addr);
	if (!*ret)
		return NULL;
	struct graft_error *err = graft_rooms_init(c->diff, anchors, &rooms);
	if (!err)
		*ret = graft_rooms_is_named_only(&rooms, i - 1);
	return err;
}

static struct graft_error *
judge_section(struct graft_case *c, const struct explained *explained,
	      const struct graft_anchors *anchors)
{
	const struct graft_section *o = anchors->old_section;
	const struct graft_section *n = anchors->new_section;
	struct graft_anchor last = { n->addr, o->addr };
	bool known = true;
	bool fills = false;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < anchors->count; i++) {
		const struct graft_anchor *at = &anchors->list[i];
		if (!is_inside(o, at->old_addr))
			continue;
		if (i > 0)
			err = fills_padding(c, anchors, i, &fills);
		// Where the link order changed, distances say nothing.
		if (!err && known && !fills && at->old_addr >= last.old_addr)
			err = judge_stretch(c, explained, last.new_addr,
					    at->new_addr, last.old_addr,
					    at->old_addr);
		last = *at;
		known = true;
	}
	if (err)
		return err;
	return judge_stretch(c, explained, last.new_addr, n->addr + n->size,
			     last.old_addr, o->addr + o->size);
}

static struct graft_error *
judge_sections(struct graft_case *c)
{
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(c->diff->new_image, &count);
	GRAFT_CLEANUP(explained_deinit) struct explained explained = { 0 };
	struct graft_error *failed = graft_eh_slots_find(c->diff->old_image,
							 &explained.old_slots);

	if (!failed)
		failed = graft_eh_slots_find(c->diff->new_image,
					     &explained.new_slots);
	if (!failed)
		failed = graft_covered_init(c->diff, &explained.covered);
	if (failed)
		return failed;
	for (size_t i = 0; i < count; i++) {
		if (!graft_section_is_writable(&sections[i]) ||
		    (sections[i].flags & SHF_TLS) ||
		    strncmp(sections[i].name, ".got", 4) == 0)
			continue;
		GRAFT_CLEANUP(graft_anchors_deinit)
		struct graft_anchors anchors = { 0 };
		struct graft_error *err =
			graft_anchors_collect(c->diff, &sections[i], &anchors);
		// A section that was not there holds only new objects, and
		// those that moved into it.
		if (!err && anchors.old_section)
			err = c->diff->data->reordered
				      ? judge_reordered(c, &explained, &anchors)
				      : judge_section(c, &explained, &anchors);
		if (err)
			return err;
	}
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	const struct graft_symbol *x = *(const struct graft_symbol *const *)a;
	const struct graft_symbol *y = *(const struct graft_symbol *const *)b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	return strcmp(x->file ? x->file : "", y->file ? y->file : "");
}

static bool
is_object(const struct graft_image *image, const struct graft_symbol *symbol)
{
	const struct graft_section *section =
		graft_image_section_at(image, symbol->addr);

	// Exported ones are compared by exports.c.
	return symbol->defined && symbol->type == STT_OBJECT &&
	       !symbol->dynamic && symbol->name[0] && section &&
	       graft_section_is_writable(section);
}

static struct graft_error *
judge_objects(struct graft_case *c, const struct graft_named_list *o,
	      const struct graft_named_list *n)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < o->count; i++) {
		const struct graft_symbol *was =
			graft_named_list_only(o, o->list[i]);
		const struct graft_symbol *is =
			graft_named_list_only(n, o->list[i]);
		if (was && is && was->size != is->size)
			err = graft_case_refuse(
				c, GRAFT_RULE_SIZE, was->name,
				"the object had %llu bytes and has %llu",
				(unsigned long long)was->size,
				(unsigned long long)is->size);
	}
	return err;
}

struct graft_error *
graft_check_globals(struct graft_case *c)
{
	GRAFT_CLEANUP(graft_named_list_deinit)
	struct graft_named_list o = { 0 };
	GRAFT_CLEANUP(graft_named_list_deinit)
	struct graft_named_list n = { 0 };

	// Where every object has a name and a size, distances say nothing more.
	struct graft_error *err = graft_types_describe(c) ? NULL
							  : judge_sections(c);
	if (!err)
		err = graft_named_list_read(c->diff->old_image, is_object,
					    compare, &o);
	if (!err)
		err = graft_named_list_read(c->diff->new_image, is_object,
					    compare, &n);
	if (!err)
		err = judge_objects(c, &o, &n);
	return err;
}
