// SPDX-License-Identifier: Apache-2.0

#include "judge/data/text.h"

#include "diff/constant/constant.h"
#include "judge/types/types.h"

#include <string.h>

enum {
	/** Types in types that are looked into. */
	DEPTH_MAX = 16,
};

/** May a byte be the last one of a text? */
static bool
ends_text(uint8_t byte)
{
	return byte >= ' ' || (byte && memchr("\t\n\v\f\r\033", byte, 6));
}

/** Say whether text stands at an address, or right behind it: then the byte is
 * the end of the text in front. */
static bool
reads_as_text(const struct graft_image *image, uint64_t addr)
{
	uint64_t len;

	if (graft_constant_text(image, addr, &len))
		return true;
	const uint8_t *before = graft_image_bytes(image, addr - 1, 2);

	return before && ends_text(before[0]) && before[1] == 0 &&
	       graft_image_section_at(image, addr - 1) ==
		       graft_image_section_at(image, addr + 1) &&
	       graft_constant_text(image, addr + 1, &len);
}

/** Say whether a name is one that the compiler gives to a function's own name,
 * which is a text like any other. */
static bool
is_function_name(const char *name)
{
	static const char *const names[] = { "__func__", "__FUNCTION__",
					     "__PRETTY_FUNCTION__" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t len = strlen(names[i]);
		if (strncmp(name, names[i], len) == 0 &&
		    (name[len] == 0 || name[len] == '.'))
			return true;
	}
	return false;
}

/** Find the member of a struct that a place lies in, down to what has none. */
static struct graft_error *
find_leaf(struct graft_dwarf *dwarf, uint32_t number, uint64_t off,
	  const struct graft_type **ret)
{
	const struct graft_type *type;
	struct graft_error *err = graft_dwarf_type_peel(dwarf, number, &number,
							&type);

	for (int depth = 0; !err && depth < DEPTH_MAX; depth++) {
		uint32_t next = GRAFT_TYPE_VOID;
		uint64_t at = 0;
		if (type->kind == GRAFT_TYPE_IS_ARRAY)
			next = type->target;
		for (size_t i = 0; type->kind == GRAFT_TYPE_IS_STRUCT &&
				   i < type->member_count;
		     i++) {
			uint64_t begins = type->members[i].bit_off / 8;
			if (begins > off || begins < at)
				continue;
			next = type->members[i].type;
			at = begins;
		}
		if (next == GRAFT_TYPE_VOID)
			break;
		err = graft_dwarf_type_peel(dwarf, next, &number, &type);
		off -= at;
		if (!err && type->size)
			off %= type->size;
	}
	*ret = type;
	return err;
}

/** Ask types: the variable at the address is text if characters stand there. */
static struct graft_error *
judge_variable(struct graft_dwarf *dwarf, uint32_t subject, uint64_t addr,
	       enum graft_text *ret)
{
	const struct graft_subject *s = graft_dwarf_subject(dwarf, subject);
	const struct graft_type *whole;
	const struct graft_type *leaf;
	uint32_t number;
	struct graft_error *err = graft_subject_peel(dwarf, subject, &number,
						     &whole);

	if (!err)
		err = find_leaf(dwarf, number, addr - s->addr, &leaf);
	if (err)
		return err;
	// The address of the first member is that of the whole, too.
	for (int depth = 0;
	     !err && whole->kind == GRAFT_TYPE_IS_ARRAY && depth < DEPTH_MAX;
	     depth++)
		err = graft_dwarf_type_peel(dwarf, whole->target, &number,
					    &whole);
	bool whole_is_text = whole->kind == GRAFT_TYPE_IS_BASE;
	bool chars = leaf->kind == GRAFT_TYPE_IS_BASE && leaf->size == 1;
	*ret = chars && (whole_is_text || addr != s->addr)
		       ? GRAFT_TEXT_IS_NAMED
		       : GRAFT_TEXT_IS_OBJECT;
	return err;
}

/** Ask the symbol: it names text if nothing but zeroes follows the text. */
static bool
judge_symbol(const struct graft_image *image, uint64_t addr,
	     enum graft_text *ret)
{
	const struct graft_symbol *symbol = graft_image_object_at(image, addr);
	uint64_t len;

	if (!symbol)
		return false;
	if (is_function_name(symbol->name)) {
		*ret = GRAFT_TEXT_IS_LITERAL;
		return true;
	}
	uint64_t left = symbol->size - (addr - symbol->addr);
	const uint8_t *bytes = graft_image_bytes(image, addr, left);
	*ret = GRAFT_TEXT_IS_OBJECT;
	if (!bytes)
		return true;
	if (!graft_constant_text(image, addr, &len))
		len = 0;
	while (len < left && bytes[len] == 0)
		len++;
	if (len == left)
		*ret = GRAFT_TEXT_IS_NAMED;
	return true;
}

struct graft_error *
graft_text_judge(const struct graft_case *c, uint64_t addr,
		 enum graft_text *ret)
{
	const struct graft_image *image = c->diff->new_image;
	uint32_t subject = GRAFT_DWARF_NONE;
	enum graft_text text;

	if (c->types) {
		struct graft_error *err = graft_subject_at(
			c->types->new_dwarf, addr, false, &subject);
		if (err)
			return err;
	}
	if (subject != GRAFT_DWARF_NONE) {
		const struct graft_subject *s =
			graft_dwarf_subject(c->types->new_dwarf, subject);
		if (s->name[0] && !is_function_name(s->name))
			return judge_variable(c->types->new_dwarf, subject,
					      addr, ret);
	}
	if (judge_symbol(image, addr, &text)) {
		*ret = text;
		return NULL;
	}
	*ret = reads_as_text(image, addr) ? GRAFT_TEXT_IS_LITERAL
					  : GRAFT_TEXT_IS_OBJECT;
	return NULL;
}
