// SPDX-License-Identifier: Apache-2.0

// R-04 by names: where a variable was, and what it began with on both sides.

#include "judge/types/types.h"

#include "diff/constant/constant.h"

#include <dwarf.h>
#include <stdio.h>
#include <string.h>

struct graft_error *
graft_types_old_place(const struct graft_case *c, uint64_t new_addr,
		      struct graft_named_place *ret)
{
	struct graft_types *types = c->types;
	uint32_t n;
	uint64_t old_size;
	uint64_t new_size;

	*ret = (struct graft_named_place){ 0 };
	if (!types)
		return NULL;
	struct graft_error *err = graft_subject_at(types->new_dwarf, new_addr,
						   false, &n);
	if (err || n == GRAFT_DWARF_NONE)
		return err;
	uint32_t o = graft_subject_find(&types->new_names, n,
					&types->old_names);
	if (o == GRAFT_DWARF_NONE)
		return NULL;
	const struct graft_subject *was = graft_dwarf_subject(types->old_dwarf,
							      o);
	const struct graft_subject *is = graft_dwarf_subject(types->new_dwarf,
							     n);
	err = graft_subject_size(types->old_dwarf, o, &old_size);
	if (!err)
		err = graft_subject_size(types->new_dwarf, n, &new_size);
	uint64_t off = new_addr - is->addr;
	if (err || old_size != new_size || off >= new_size || was->partial ||
	    is->partial)
		return err;
	*ret = (struct graft_named_place){
		.found = true,
		.old_addr = was->addr + off,
		.left = new_size - off,
		.o = o,
		.n = n,
	};
	return NULL;
}

/** A buffer for a value. */
struct value {
	char str[200];
};

/** Write a number of a variable that is one, or the eight bytes at a place. */
static struct graft_error *
print_value(struct graft_dwarf *dwarf, const struct graft_image *image,
	    uint32_t subject, uint64_t addr, struct value *ret)
{
	const struct graft_subject *s = graft_dwarf_subject(dwarf, subject);
	const struct graft_reloc *reloc = graft_image_reloc_at(image, addr);
	const struct graft_type *type;
	uint32_t number;
	struct graft_error *err = graft_subject_peel(dwarf, subject, &number,
						     &type);

	if (err)
		return err;
	if (reloc && reloc->symbol) {
		(void)snprintf(ret->str, sizeof(ret->str),
			       "the address of %.150s", reloc->symbol->name);
		return NULL;
	}
	uint64_t text_len;
	const char *text = reloc ? graft_constant_text(image,
						       (uint64_t)reloc->addend,
						       &text_len)
				 : NULL;
	if (text) {
		(void)snprintf(ret->str, sizeof(ret->str),
			       "the text \"%.120s\"", text);
		return NULL;
	}
	if (reloc) {
		struct graft_place_text at =
			graft_place_data(image, (uint64_t)reloc->addend);
		(void)snprintf(ret->str, sizeof(ret->str),
			       "the address of %.150s", at.str);
		return NULL;
	}
	bool scalar = type->size <= 8 &&
		      (type->kind == GRAFT_TYPE_IS_BASE ||
		       type->kind == GRAFT_TYPE_IS_ENUM) &&
		      type->encoding != DW_ATE_float;
	uint64_t from = scalar ? s->addr : addr;
	uint64_t len = scalar ? type->size : s->addr + type->size - addr;
	len = len < 8 ? len : 8;
	const uint8_t *bytes = graft_image_bytes(image, from, len);
	uint64_t value = 0;
	if (bytes)
		memcpy(&value, bytes, len);
	if (scalar && type->encoding == DW_ATE_signed && len < 8 && len > 0 &&
	    value >> (len * 8 - 1))
		value |= UINT64_MAX << (len * 8);
	if (scalar && type->encoding == DW_ATE_signed)
		(void)snprintf(ret->str, sizeof(ret->str), "%lld",
			       (long long)value);
	else
		(void)snprintf(ret->str, sizeof(ret->str), "0x%llx",
			       (unsigned long long)value);
	return NULL;
}

struct graft_error *
graft_types_refuse_initial(struct graft_case *c, uint64_t new_addr,
			   const struct graft_named_place *place)
{
	struct graft_types *types = c->types;
	struct graft_subject_text where = graft_subject_print(types->new_dwarf,
							      place->n);
	const struct graft_subject *s = graft_dwarf_subject(types->new_dwarf,
							    place->n);
	char at[48] = "";
	struct value was;
	struct value is;
	struct graft_error *err = print_value(types->old_dwarf,
					      c->diff->old_image, place->o,
					      place->old_addr, &was);

	if (!err)
		err = print_value(types->new_dwarf, c->diff->new_image,
				  place->n, new_addr, &is);
	if (err)
		return err;
	if (new_addr != s->addr)
		(void)snprintf(at, sizeof(at), " at byte %llu",
			       (unsigned long long)(new_addr - s->addr));
	return graft_case_refuse(
		c, GRAFT_RULE_INITIAL, where.str,
		"the variable began with %s%s and would begin with %s: the running program has the old value, or what became of it",
		was.str, at, is.str);
}
