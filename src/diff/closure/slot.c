// SPDX-License-Identifier: Apache-2.0

#include "diff/closure/slot.h"

#include "base/sorted.h"
#include "diff/change/change.h"
#include "diff/code/area.h"

#include <string.h>

static bool
same_name(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool
same_import(const struct graft_reloc *o, const struct graft_reloc *n)
{
	return o->symbol && n->symbol && o->symbol->name[0] &&
	       same_name(o->symbol->name, n->symbol->name) &&
	       same_name(o->symbol->version, n->symbol->version);
}

/** Find the `jmp *slot(%rip)` of a stub: where it ends, as an offset. */
static uint64_t
stub_len(const struct graft_image *image, const struct graft_plt *plt)
{
	const uint8_t *bytes = graft_image_bytes(image, plt->addr, plt->size);

	for (uint64_t i = 0; bytes && i + 6 <= plt->size; i++) {
		int32_t disp;
		if (bytes[i] != 0xff || bytes[i + 1] != 0x25)
			continue;
		memcpy(&disp, bytes + i + 2, 4);
		if (plt->addr + i + 6 + (uint64_t)(int64_t)disp == plt->slot)
			return i + 6;
	}
	return 0;
}

/** Carry a new slot; its contents are a pointer of its own. */
static struct graft_error *
carry_slot(struct graft_closure *closure, uint64_t slot)
{
	return graft_closure_add_piece(closure,
				       (struct graft_piece){
					       .addr = slot,
					       .size = 8,
					       .thing = GRAFT_THING_GOT,
				       });
}

struct graft_error *
graft_slot_resolve_plt(struct graft_closure *closure,
		       const struct graft_ref *ref,
		       struct graft_resolution *resolution)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_plt *n = graft_image_plt_at(diff->new_image,
						       ref->target);
	struct graft_finding finding = { GRAFT_FINDING_UNRESOLVED,
					 resolution->func, ref->at, false,
					 NULL };

	if (!n)
		return graft_closure_find(closure, finding,
					  "a branch into the PLT at 0x%llx "
					  "meets no stub",
					  (unsigned long long)ref->target);
	size_t count;
	const struct graft_plt *plts = graft_image_plts(diff->old_image,
							&count);
	for (size_t i = 0; i < count; i++) {
		if (plts[i].reloc->type != R_X86_64_IRELATIVE &&
		    same_import(plts[i].reloc, n->reloc)) {
			resolution->place = GRAFT_PLACE_OLD;
			resolution->old_addr = plts[i].addr;
			return NULL;
		}
	}
	for (size_t i = 0; i < count; i++) {
		bool same = false;
		if (n->reloc->type != R_X86_64_IRELATIVE)
			break;
		struct graft_error *err = graft_change_same_slot(
			diff, plts[i].slot, n->slot, &same);
		if (err)
			return err;
		if (same) {
			resolution->place = GRAFT_PLACE_OLD;
			resolution->old_addr = plts[i].addr;
			return NULL;
		}
	}
	uint64_t len = stub_len(diff->new_image, n);
	if (len == 0 || n->reloc->type == R_X86_64_IRELATIVE)
		return graft_closure_find(closure, finding,
					  "the PLT stub at 0x%llx has no "
					  "counterpart and cannot be carried",
					  (unsigned long long)n->addr);
	// Only the jump through the slot: the lazy part behind it would bind
	// with an index of the NEW build.
	struct graft_error *err = graft_closure_add_piece(
		closure, (struct graft_piece){ .addr = n->addr,
					       .size = len,
					       .thing = GRAFT_THING_PLT });
	if (err)
		return err;
	resolution->place = GRAFT_PLACE_NEW;
	return carry_slot(closure, n->slot);
}

/** Can an OLD slot serve for a NEW one? */
static struct graft_error *
slot_serves(struct graft_diff *diff, const struct graft_reloc *o,
	    const struct graft_reloc *n, bool *ret)
{
	*ret = false;
	if (o->type == R_X86_64_DTPMOD64 && n->type == R_X86_64_DTPMOD64) {
		// Two slots: the module and the offset in its block.
		bool first = false;
		struct graft_error *err =
			graft_change_same_slot(diff, o->addr, n->addr, &first);
		if (err || !first)
			return err;
		return graft_change_same_slot(diff, o->addr + 8, n->addr + 8,
					      ret);
	}
	if (o->type == n->type)
		return graft_change_same_slot(diff, o->addr, n->addr, ret);
	// A slot bound at start-up serves for one that is bound lazily; the
	// other way round it would hold the address of a stub.
	*ret = o->type == R_X86_64_GLOB_DAT && n->type == R_X86_64_JUMP_SLOT &&
	       same_import(o, n);
	return NULL;
}

/**
 * Find a slot of OLD in one of its sections that can serve for a NEW one.
 *
 * @param[out] ret The slot's address, or 0.
 */
GRAFT_MUST_CHECK static struct graft_error *
find_in_section(struct graft_diff *diff, const struct graft_section *section,
		const struct graft_reloc *n, uint64_t *ret)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(diff->old_image,
							      &count);

	for (size_t i = GRAFT_SORTED_BELOW(relocs, count, addr, section->addr);
	     i < count && relocs[i].addr - section->addr < section->size; i++) {
		bool serves = false;
		struct graft_error *err = slot_serves(diff, &relocs[i], n,
						      &serves);
		if (err)
			return err;
		if (serves) {
			*ret = relocs[i].addr;
			return NULL;
		}
	}
	return NULL;
}

/** Find a slot in OLD's tables of offsets. As find_in_section(). */
GRAFT_MUST_CHECK static struct graft_error *
find_slot(struct graft_diff *diff, const struct graft_reloc *n, uint64_t *ret)
{
	size_t count;
	const struct graft_section *sections =
		graft_image_sections(diff->old_image, &count);
	struct graft_error *err = NULL;

	*ret = 0;
	for (size_t i = 0; !err && !*ret && i < count; i++)
		if (graft_area_of_section(&sections[i]) == GRAFT_AREA_GOT)
			err = find_in_section(diff, &sections[i], n, ret);
	return err;
}

struct graft_error *
graft_slot_resolve_got(struct graft_closure *closure,
		       const struct graft_ref *ref,
		       struct graft_resolution *resolution)
{
	struct graft_diff *diff = closure->diff;
	const struct graft_reloc *n = graft_image_reloc_at(diff->new_image,
							   ref->target);
	struct graft_finding finding = { GRAFT_FINDING_UNRESOLVED,
					 resolution->func, ref->at, false,
					 NULL };
	uint64_t slot;

	if (!n)
		return graft_closure_find(closure, finding,
					  "the GOT slot at 0x%llx has no "
					  "relocation",
					  (unsigned long long)ref->target);
	struct graft_error *err = find_slot(diff, n, &slot);
	if (err)
		return err;
	if (slot) {
		resolution->place = GRAFT_PLACE_OLD;
		resolution->old_addr = slot;
		return NULL;
	}
	switch (n->type) {
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_64:
	case R_X86_64_RELATIVE:
		resolution->place = GRAFT_PLACE_NEW;
		return carry_slot(closure, ref->target);
	case R_X86_64_DTPMOD64:
	case R_X86_64_DTPOFF64:
	case R_X86_64_TPOFF64:
	case R_X86_64_TLSDESC:
		finding.kind = GRAFT_FINDING_TLS;
		break;
	default:
		break;
	}
	return graft_closure_find(closure, finding,
				  "the GOT slot at 0x%llx (relocation type %u) "
				  "has no counterpart that is resolved already",
				  (unsigned long long)ref->target, n->type);
}
