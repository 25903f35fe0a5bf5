// SPDX-License-Identifier: Apache-2.0

// What carried code and data lead to: fields that are filled in, imports, and the
// slots of OLD that must hold what the dynamic linker puts there.

#include "base/vec.h"
#include "diff/closure/emit.h"
#include "diff/unwind/frames.h"

#include <stdlib.h>
#include <string.h>

static struct graft_error *
emit_fix(struct graft_emit *emit, struct graft_fix fix)
{
	struct graft_patch_module *m = emit->module;
	struct graft_error *err = graft_vec_reserve(
		&m->fixes, &emit->fix_cap, m->fix_count + 1, sizeof(*m->fixes));

	if (!err)
		m->fixes[m->fix_count++] = fix;
	return err;
}

static struct graft_error *
emit_old_slot(struct graft_emit *emit, uint64_t addr)
{
	struct graft_patch_module *m = emit->module;
	const struct graft_reloc *reloc =
		graft_image_reloc_at(emit->diff->old_image, addr);

	for (size_t i = 0; i < m->old_slot_count; i++) {
		if (m->old_slots[i].old_addr == addr)
			return NULL;
	}
	// Thread-local slots hold offsets; there is nothing to compare with.
	if (!reloc ||
	    (reloc->type != R_X86_64_GLOB_DAT &&
	     reloc->type != R_X86_64_JUMP_SLOT && reloc->type != R_X86_64_64))
		return NULL;
	// A weak symbol that nobody defines leaves zero in its slot.
	if (reloc->symbol && reloc->symbol->bind == STB_WEAK &&
	    !reloc->symbol->defined)
		return NULL;
	struct graft_old_slot slot = {
		.old_addr = addr,
		.lazy = reloc->type == R_X86_64_JUMP_SLOT,
	};
	struct graft_error *err =
		graft_vec_reserve(&m->old_slots, &emit->slot_cap,
				  m->old_slot_count + 1, sizeof(*m->old_slots));
	if (!err && reloc->symbol)
		err = graft_emit_text(reloc->symbol->name, &slot.symbol);
	if (!err && reloc->symbol)
		err = graft_emit_text(reloc->symbol->version, &slot.version);
	if (err) {
		free(slot.symbol);
		return err;
	}
	m->old_slots[m->old_slot_count++] = slot;
	return NULL;
}

/** An address that stands in code itself is filled in wherever it leads. */
static struct graft_error *
emit_absolute(struct graft_emit *emit,
	      const struct graft_resolution *resolution,
	      const struct graft_ref *ref)
{
	bool in_old = resolution->place == GRAFT_PLACE_OLD;

	bool low = ref->width == 4;
	enum graft_fix_kind kind = in_old ? GRAFT_FIX_ABS64_OLD
					  : GRAFT_FIX_ABS64_NEW;

	if (low)
		kind = in_old ? GRAFT_FIX_ABS32_OLD : GRAFT_FIX_ABS32_NEW;
	if ((ref->width != 8 && !low) || ref->folded)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "an absolute address at 0x%llx is not "
				       "followed",
				       (unsigned long long)ref->at);
	struct graft_error *err = emit_fix(
		emit, (struct graft_fix){
			      .new_addr = ref->at,
			      .value = (int64_t)(in_old ? resolution->old_addr
							: ref->target),
			      .kind = kind,
		      });
	if (err || !in_old || resolution->thing != GRAFT_THING_PLT)
		return err;
	const struct graft_plt *plt = graft_image_plt_at(emit->diff->old_image,
							 resolution->old_addr);
	return plt ? emit_old_slot(emit, plt->slot) : NULL;
}

static struct graft_error *
emit_resolution(struct graft_emit *emit,
		const struct graft_resolution *resolution)
{
	const struct graft_diff *diff = emit->diff;
	const struct graft_ref *ref = &diff->new_code->refs[resolution->ref];

	if (ref->absolute)
		return emit_absolute(emit, resolution, ref);
	if (resolution->place != GRAFT_PLACE_OLD)
		return NULL;
	if (ref->width != 4)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "a short branch at 0x%llx leaves what "
				       "is carried",
				       (unsigned long long)ref->at);
	struct graft_error *err = emit_fix(
		emit,
		(struct graft_fix){
			.new_addr = ref->at,
			.value = (int64_t)(resolution->old_addr - ref->target),
			.kind = GRAFT_FIX_REL32_OLD,
		});
	if (err)
		return err;
	if (resolution->thing == GRAFT_THING_GOT)
		return emit_old_slot(emit, resolution->old_addr);
	if (resolution->thing == GRAFT_THING_PLT) {
		const struct graft_plt *plt = graft_image_plt_at(
			diff->old_image, resolution->old_addr);
		return plt ? emit_old_slot(emit, plt->slot) : NULL;
	}
	return NULL;
}

static struct graft_error *
emit_import(struct graft_emit *emit, const struct graft_pointer *pointer)
{
	struct graft_patch_module *m = emit->module;
	struct graft_import import = {
		.new_addr = pointer->new_addr,
		.addend = (int64_t)pointer->value,
		.weak = pointer->symbol->bind == STB_WEAK,
	};
	struct graft_error *err =
		graft_vec_reserve(&m->imports, &emit->import_cap,
				  m->import_count + 1, sizeof(*m->imports));
	if (!err)
		err = graft_emit_text(pointer->symbol->name, &import.symbol);
	if (!err)
		err = graft_emit_text(pointer->symbol->version,
				      &import.version);
	if (err) {
		free(import.symbol);
		return err;
	}
	m->imports[m->import_count++] = import;
	return NULL;
}

static struct graft_error *
emit_pointer(struct graft_emit *emit, const struct graft_pointer *pointer)
{
	if (pointer->symbol)
		return emit_import(emit, pointer);
	enum graft_fix_kind kind = GRAFT_FIX_ABS64_NEW;
	if (pointer->copy)
		kind = GRAFT_FIX_COPY64_OLD;
	else if (pointer->place == GRAFT_PLACE_OLD)
		kind = GRAFT_FIX_ABS64_OLD;
	return emit_fix(emit, (struct graft_fix){
				      .new_addr = pointer->new_addr,
				      .value = (int64_t)pointer->value,
				      .kind = kind,
			      });
}

/** The fields of unwind tables that lead to OLD. */
static struct graft_error *
emit_frames(struct graft_emit *emit)
{
	const struct graft_frames *frames = emit->diff->frames;
	struct graft_patch_module *m = emit->module;
	struct graft_error *err = NULL;

	if (!frames || !frames->bytes)
		return NULL;
	m->frames_addr = frames->addr;
	m->frames_len = frames->len;
	for (size_t i = 0; !err && i < frames->fix_count; i++) {
		const struct graft_frame_fix *fix = &frames->fixes[i];
		if (i && fix->new_addr == frames->fixes[i - 1].new_addr)
			continue;
		err = emit_fix(emit, (struct graft_fix){
					     .new_addr = fix->new_addr,
					     .value = (int64_t)(fix->old_slot -
								fix->new_slot),
					     .kind = GRAFT_FIX_REL32_OLD,
				     });
		if (!err)
			err = emit_old_slot(emit, fix->old_slot);
	}
	return err;
}

static int
by_fix(const void *x, const void *y)
{
	const struct graft_fix *a = x;
	const struct graft_fix *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

static int
by_import(const void *x, const void *y)
{
	const struct graft_import *a = x;
	const struct graft_import *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

static int
by_old_slot(const void *x, const void *y)
{
	const struct graft_old_slot *a = x;
	const struct graft_old_slot *b = y;

	return (a->old_addr > b->old_addr) - (a->old_addr < b->old_addr);
}

struct graft_error *
graft_emit_references(struct graft_emit *emit)
{
	const struct graft_diff *diff = emit->diff;
	struct graft_patch_module *m = emit->module;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < diff->resolution_count; i++)
		err = emit_resolution(emit, &diff->resolutions[i]);
	for (size_t i = 0; !err && i < diff->pointer_count; i++)
		err = emit_pointer(emit, &diff->pointers[i]);
	if (!err)
		err = emit_frames(emit);
	if (m->fix_count)
		qsort(m->fixes, m->fix_count, sizeof(*m->fixes), by_fix);
	if (m->import_count)
		qsort(m->imports, m->import_count, sizeof(*m->imports),
		      by_import);
	if (m->old_slot_count)
		qsort(m->old_slots, m->old_slot_count, sizeof(*m->old_slots),
		      by_old_slot);
	return err;
}
