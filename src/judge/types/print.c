// SPDX-License-Identifier: Apache-2.0

#include "judge/types/compare.h"

#include <stdio.h>
#include <string.h>

enum {
	/** Arrays and pointers in front of each other. */
	DEPTH_MAX = 32,
};

struct graft_error *
graft_type_print(struct graft_dwarf *dwarf, uint32_t number,
		 struct graft_type_text *ret)
{
	char tail[48] = "";
	size_t len = 0;
	const struct graft_type *type;

	for (int i = 0; i < DEPTH_MAX; i++) {
		struct graft_error *err = graft_dwarf_type(dwarf, number,
							   &type);
		if (err)
			return err;
		if (type->name[0] || (type->kind != GRAFT_TYPE_IS_POINTER &&
				      type->kind != GRAFT_TYPE_IS_ARRAY))
			break;
		if (len + 24 > sizeof(tail))
			break;
		if (type->kind == GRAFT_TYPE_IS_ARRAY)
			len += (size_t)snprintf(
				tail + len, sizeof(tail) - len, "[%llu]",
				(unsigned long long)type->elements);
		else
			len += (size_t)snprintf(tail + len, sizeof(tail) - len,
						type->reference ? "&" : "*");
		number = type->target;
	}
	const char *kind = type->kind == GRAFT_TYPE_IS_STRUCT  ? "struct "
			   : type->kind == GRAFT_TYPE_IS_UNION ? "union "
			   : type->kind == GRAFT_TYPE_IS_ENUM  ? "enum "
							       : "";
	const char *name = type->name[0]                          ? type->name
			   : type->kind == GRAFT_TYPE_IS_FUNCTION ? "function"
								  : "(no name)";
	(void)snprintf(ret->str, sizeof(ret->str), "%s%.90s%s%s", kind, name,
		       len ? " " : "", tail);
	return NULL;
}

struct graft_error *
graft_comparer_print(const struct graft_comparer *comparer, uint32_t o,
		     uint32_t n, struct graft_type_text *was,
		     struct graft_type_text *is)
{
	const struct graft_type *old_type;
	const struct graft_type *new_type;
	struct graft_error *err = graft_type_print(comparer->old_dwarf, o, was);

	if (!err)
		err = graft_type_print(comparer->new_dwarf, n, is);
	if (err || strcmp(was->str, is->str) != 0)
		return err;
	// A typedef of one name that stands for something else.
	err = graft_dwarf_type_peel(comparer->old_dwarf, o, &o, &old_type);
	if (!err)
		err = graft_dwarf_type_peel(comparer->new_dwarf, n, &n,
					    &new_type);
	if (!err)
		err = graft_type_print(comparer->old_dwarf, o, was);
	if (!err)
		err = graft_type_print(comparer->new_dwarf, n, is);
	if (err || strcmp(was->str, is->str) != 0)
		return err;
	size_t len = strlen(is->str);
	(void)snprintf(was->str + len, sizeof(was->str) - len, " (%llu bytes)",
		       (unsigned long long)old_type->size);
	(void)snprintf(is->str + len, sizeof(is->str) - len,
		       " (%llu bytes, of another kind)",
		       (unsigned long long)new_type->size);
	return NULL;
}
