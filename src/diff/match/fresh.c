// SPDX-License-Identifier: Apache-2.0

#include "diff/match/fresh.h"

#include "base/sorted.h"
#include "diff/code/area.h"
#include "diff/code/contract.h"
#include "diff/match/data.h"

enum {
	/** What one instruction names beyond this is no single value. */
	VALUE_MAX = 8,
	/** Bytes that an instruction may access whose width is not known. */
	WIDEST = 64,
};

static bool
is_named_data(const struct graft_image *image, const struct graft_ref *ref)
{
	return (ref->kind == GRAFT_REF_MEMORY ||
		ref->kind == GRAFT_REF_ADDRESS) &&
	       !ref->end_of && !ref->clones &&
	       graft_area_of(image, ref->target) == GRAFT_AREA_DATA;
}

/** Find the first strong observation of an OLD address, or of what follows. */
static size_t
first_of_old(const struct graft_data_map *map, uint64_t old_addr)
{
	return GRAFT_SORTED_BELOW(map->by_old, map->by_old_count, old_addr,
				  old_addr);
}

/**
 * Does unchanged code show what became of an address that code of OLD names?
 *
 * What is read or written there is an object of its own only if unchanged code
 * does so too: a bare address may be the end of what stands before it.
 */
static bool
is_accounted(const struct graft_diff *diff, uint64_t old_addr, bool firm)
{
	const struct graft_data_map *map = diff->data;

	for (size_t i = first_of_old(map, old_addr);
	     i < map->by_old_count && map->by_old[i].old_addr == old_addr;
	     i++) {
		const struct graft_sighting *s = &map->by_old[i];
		uint64_t agreed;
		if ((!firm || s->firm) &&
		    graft_data_map_agreed(diff, s->new_addr, &agreed) &&
		    agreed == old_addr)
			return true;
	}
	return false;
}

/** Is there a function of NEW with the same code, found by more than its place? */
static bool
is_unchanged(const struct graft_diff *diff, uint32_t old_func)
{
	uint32_t other = diff->old_match[old_func].other;

	return other != GRAFT_NONE && diff->new_match[other].same_form &&
	       diff->new_match[other].evidence > GRAFT_EVIDENCE_ORDER;
}

/** Does unchanged code show what became of all that a function of OLD names? */
static bool
names_accounted(const struct graft_diff *diff, uint32_t old_func)
{
	const struct graft_code *code = diff->old_code;
	const struct graft_func *f = &code->funcs[old_func];
	bool unchanged = is_unchanged(diff, old_func);

	for (uint32_t i = 0; i < f->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[f->first_ref + i];
		uint64_t old_addr;
		if (!is_named_data(code->image, ref))
			continue;
		bool firm = ref->kind == GRAFT_REF_MEMORY;
		if (!is_accounted(diff, ref->target, firm))
			return false;
		if (unchanged || firm)
			continue;
		// Only where nothing moved is the end of one thing, and the
		// start of the next, in one place on both sides.
		size_t at = first_of_old(diff->data, ref->target);
		if (graft_diff_old_data(diff, diff->data->by_old[at].new_addr,
					&old_addr) < GRAFT_WITNESS_REFERENCE ||
		    old_addr != ref->target)
			return false;
	}
	return true;
}

/** Does a relocation lead to itself? `__dso_handle` does. */
static bool
leads_to_itself(const struct graft_reloc *reloc)
{
	return !reloc->symbol && (uint64_t)reloc->addend == reloc->addr;
}

static uint64_t
target_of(const struct graft_reloc *reloc)
{
	return (reloc->symbol ? reloc->symbol->addr : 0) +
	       (uint64_t)reloc->addend;
}

/** Is all that OLD names in writable data known in NEW? Then nothing is left over
 * that an object without a name of OLD could be. */
static bool
all_accounted(const struct graft_diff *diff)
{
	const struct graft_image *image = diff->old_image;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		if ((!relocs[i].symbol || relocs[i].symbol->defined) &&
		    graft_area_of(image, target_of(&relocs[i])) ==
			    GRAFT_AREA_DATA &&
		    !leads_to_itself(&relocs[i]) &&
		    !is_accounted(diff, target_of(&relocs[i]), false))
			return false;
	}
	for (uint32_t i = 0; i < diff->old_code->func_count; i++) {
		if (!names_accounted(diff, i))
			return false;
	}
	return true;
}

/** Does something wider that begins before an address reach over it? */
static bool
is_covered(const struct graft_code *code, uint64_t addr)
{
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		uint64_t width = ref->access ? ref->access : WIDEST;
		if (ref->kind == GRAFT_REF_MEMORY && ref->target < addr &&
		    addr - ref->target < width)
			return true;
	}
	return false;
}

/**
 * Is an address used as one value, by name only, and both read and written?
 *
 * What is only read, or only written, by name has another way to it: compilers
 * leave out a variable of which there is no use.
 */
static uint64_t
size_of_value(const struct graft_code *code, uint64_t addr)
{
	uint64_t size = 0;
	bool read = false;
	bool written = false;

	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		uint64_t width = ref->access ? ref->access : WIDEST;
		if (ref->kind == GRAFT_REF_BRANCH || ref->kind == GRAFT_REF_TLS)
			continue;
		if (ref->target != addr || ref->end_of || ref->clones)
			continue;
		if (ref->kind != GRAFT_REF_MEMORY || width > VALUE_MAX)
			return 0;
		size = width > size ? width : size;
		read |= !ref->writes;
		written |= ref->writes;
	}
	return read && written && !is_covered(code, addr) ? size : 0;
}

/** Does a relocation or an exported symbol lead into a stretch of NEW? */
static bool
is_led_to(const struct graft_image *image, uint64_t start, uint64_t end)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (target_of(&relocs[i]) >= start &&
		    target_of(&relocs[i]) < end)
			return true;
	}
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);
	for (size_t i = 0; i < count; i++) {
		if (symbols[i].defined && symbols[i].type == STT_OBJECT &&
		    symbols[i].addr < end &&
		    symbols[i].addr + symbols[i].size > start)
			return true;
	}
	return false;
}

/** Does anybody but who names it as a whole know of a value? */
static bool
is_alone(const struct graft_diff *diff, uint64_t addr, uint64_t size)
{
	for (uint64_t at = addr; at < addr + size; at++) {
		size_t count;
		(void)graft_data_map_find(diff->data, at, &count);
		if (count)
			return false;
	}
	return graft_code_next_mark(diff->new_code, addr) >= addr + size &&
	       !is_led_to(diff->new_image, addr, addr + size);
}

/** Where an address of NEW would lie in OLD, by what stands before it. */
struct place {
	uint64_t old_addr;
	/** Where that ends in OLD which stands before it. */
	uint64_t old_end;
};

/** Find the place of an address; false: what stands before it is not known. */
static bool
find_place(const struct graft_diff *diff, uint64_t addr, struct place *ret)
{
	const struct graft_data_map *map = diff->data;
	const struct graft_section *n = graft_image_section_at(diff->new_image,
							       addr);
	const struct graft_section *o =
		n ? graft_image_section_named(diff->old_image, n->name) : NULL;
	const struct graft_sighting *left = graft_data_map_near(diff, addr,
								false);
	uint64_t agreed;

	if (!n || !o ||
	    (left && (!graft_data_map_agreed(diff, left->new_addr, &agreed) ||
		      agreed != left->old_addr)))
		return false;
	uint64_t new_start = left ? left->new_addr : n->addr;
	uint64_t old_start = left ? left->old_addr : o->addr;
	uint64_t old_end = o->addr + o->size;
	size_t next = first_of_old(map, left ? old_start + 1 : old_start);
	if (old_start - o->addr > o->size)
		return false;
	if (next < map->by_old_count && map->by_old[next].old_addr < old_end)
		old_end = map->by_old[next].old_addr;
	*ret = (struct place){ .old_addr = old_start + (addr - new_start),
			       .old_end = old_end };
	return true;
}

/** Does the interface of all who get an address say that it ends before @p end? */
static struct graft_error *
ends_before(struct graft_flow *flow, uint32_t ref, uint64_t end, bool *ret)
{
	uint64_t size;
	struct graft_error *err = graft_contract_find(flow, ref, true, &size);

	*ret = !err && size && flow->code->refs[ref].target + size <= end;
	return err;
}

/**
 * Does code come from behind an address? What reaches below what it takes may
 * have the end of an array that begins before the address; and what is carried
 * may do so unseen, from what stands next.
 *
 * Farther behind, what stays reaches no farther than it did: how far is in the
 * code, or it counts from the start.
 */
static bool
comes_from_behind(const struct graft_code *code,
		  const struct graft_func_match *matches,
		  const struct graft_ref *ref, uint64_t next)
{
	uint32_t func = graft_code_func_at(code, ref->at);
	bool carried = func == GRAFT_NONE || matches[func].carried;

	return ref->target <= next ? ref->back || carried
				   : ref->back && carried;
}

/**
 * Can nothing that stands beside an address in its section reach as far?
 *
 * Only what has its address taken can be gone over, and then nobody knows how
 * far: an array that grew looks like an array with a new object behind it.
 *
 * @param[in] matches What is known of each function of the build.
 */
static struct graft_error *
is_out_of_reach(const struct graft_code *code,
		const struct graft_func_match *matches, uint64_t addr,
		bool *ret)
{
	uint64_t next = graft_code_next_mark(code, addr);
	GRAFT_CLEANUP(graft_flow_deinit) struct graft_flow flow = { 0 };
	const struct graft_section *section =
		graft_image_section_at(code->image, addr);
	struct graft_error *err = graft_flow_init(code, &flow);

	*ret = section != NULL;
	for (uint32_t i = 0; !err && *ret && i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		if (ref->kind != GRAFT_REF_ADDRESS || ref->end_of ||
		    ref->clones || ref->target - section->addr > section->size)
			continue;
		if (ref->target < addr)
			err = ends_before(&flow, i, addr, ret);
		else
			*ret = !comes_from_behind(code, matches, ref, next);
	}
	if (err || !*ret)
		return err;
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(code->image,
							      &count);
	for (size_t i = 0; *ret && i < count; i++) {
		uint64_t target = target_of(&relocs[i]);
		// A symbol says how large its object is.
		*ret = target < section->addr || target >= addr ||
		       relocs[i].symbol || leads_to_itself(&relocs[i]);
	}
	return NULL;
}

/** Could nobody of OLD come to the place that a value of NEW would have there? */
static struct graft_error *
was_nothing(const struct graft_diff *diff, const struct place *place,
	    uint64_t size, bool *ret)
{
	// It lies behind all that what stands before it can have had.
	*ret = place->old_addr >= place->old_end;
	if (*ret || place->old_addr + size > place->old_end)
		return NULL;
	if (graft_code_next_mark(diff->old_code, place->old_addr - 1) <
		    place->old_addr + size ||
	    is_covered(diff->old_code, place->old_addr) ||
	    is_led_to(diff->old_image, place->old_addr, place->old_addr + size))
		return NULL;
	return is_out_of_reach(diff->old_code, diff->old_match, place->old_addr,
			       ret);
}

struct graft_error *
graft_fresh_find(struct graft_closure *closure, uint64_t addr,
		 uint64_t *size_ret)
{
	const struct graft_diff *diff = closure->diff;
	uint64_t size = size_of_value(diff->new_code, addr);
	struct place place;
	bool fine;

	*size_ret = 0;
	// Where objects may stand in another order, places say nothing.
	if (!size || diff->data->reordered || !is_alone(diff, addr, size) ||
	    !find_place(diff, addr, &place))
		return NULL;
	if (closure->accounted == GRAFT_ACCOUNTED_UNKNOWN)
		closure->accounted = all_accounted(diff) ? GRAFT_ACCOUNTED_ALL
							 : GRAFT_ACCOUNTED_NOT;
	if (closure->accounted == GRAFT_ACCOUNTED_NOT)
		return NULL;
	struct graft_error *err = was_nothing(diff, &place, size, &fine);
	if (!err && fine)
		err = is_out_of_reach(diff->new_code, diff->new_match, addr,
				      &fine);
	if (!err && fine)
		*size_ret = size;
	return err;
}
