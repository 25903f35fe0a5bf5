// SPDX-License-Identifier: Apache-2.0

#include "diff/match/signature.h"

#include "base/hash.h"
#include "diff/code/area.h"
#include "diff/constant/constant.h"

#include <string.h>

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	return text ? graft_hash_bytes(hash, text, strlen(text)) : hash;
}

static uint64_t
hash_reloc(const struct graft_reloc *reloc)
{
	uint64_t hash = graft_hash_mix(0x72656cU, reloc->type);

	// A slot for something of this module has no name: its place moves.
	if (!reloc->symbol)
		return hash;
	hash = hash_text(hash, reloc->symbol->name);
	return hash_text(hash, reloc->symbol->version);
}

static uint64_t
hash_code(const struct graft_diff *diff, bool new_side,
	  const struct graft_ref *ref)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	const struct graft_func_match *match = new_side ? diff->new_match
							: diff->old_match;
	uint32_t func = graft_code_func_at(code, ref->target);

	if (func == GRAFT_NONE || match[func].other == GRAFT_NONE)
		return 2;
	uint32_t id = new_side ? func : match[func].other;
	return graft_hash_mix(0x66756e63U, id);
}

static uint64_t
hash_constant(const struct graft_image *image, const struct graft_ref *ref)
{
	uint64_t len;

	if (ref->kind == GRAFT_REF_MEMORY && ref->access) {
		const uint8_t *bytes = graft_image_bytes(image, ref->target,
							 ref->access);
		return bytes ? graft_hash_bytes(3, bytes, ref->access) : 3;
	}
	const char *text = graft_constant_text(image, ref->target, &len);
	return text ? graft_hash_bytes(4, text, len) : 4;
}

uint64_t
graft_signature_ref(const struct graft_diff *diff, bool new_side,
		    const struct graft_ref *ref)
{
	const struct graft_image *image = new_side ? diff->new_image
						   : diff->old_image;
	const struct graft_plt *plt;
	const struct graft_reloc *reloc;

	if (ref->kind == GRAFT_REF_TLS)
		return ref->target;
	switch (graft_area_of(image, ref->target)) {
	case GRAFT_AREA_CODE:
		return hash_code(diff, new_side, ref);
	case GRAFT_AREA_PLT:
		plt = graft_image_plt_at(image, ref->target);
		return plt ? hash_reloc(plt->reloc) : 5;
	case GRAFT_AREA_GOT:
		reloc = graft_image_reloc_at(image, ref->target);
		return reloc ? hash_reloc(reloc) : 6;
	case GRAFT_AREA_CONSTANT:
		// Relocated contents are pointers that moved.
		if (graft_image_reloc_at(image, ref->target))
			return 7;
		return hash_constant(image, ref);
	case GRAFT_AREA_DATA:
		return 8;
	case GRAFT_AREA_NONE:
		break;
	}
	return 9;
}

uint64_t
graft_signature(const struct graft_diff *diff, bool new_side, uint32_t func)
{
	const struct graft_code *code = new_side ? diff->new_code
						 : diff->old_code;
	const struct graft_func *f = &code->funcs[func];
	uint64_t hash = f->hash;

	for (uint32_t i = 0; i < f->ref_count; i++)
		hash = graft_hash_mix(
			hash,
			graft_signature_ref(diff, new_side,
					    &code->refs[f->first_ref + i]));
	return hash;
}
