// SPDX-License-Identifier: Apache-2.0

// R-08: what OLD exports, NEW must export as the same kind of thing. R-03 for
// exported objects: programs have copies of them, or laid out their own around
// them. R-17 for the content of exported constants: whoever names one from outside,
// or through the GOT, goes on reading OLD's.

#include "judge/data/named.h"
#include "judge/rules/checks.h"

#include "base/cleanup.h"
#include "base/version.h"
#include "diff/constant/constant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int
compare(const void *a, const void *b)
{
	const struct graft_symbol *x = *(const struct graft_symbol *const *)a;
	const struct graft_symbol *y = *(const struct graft_symbol *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : compare_text(x->version, y->version);
}

static bool
is_export(const struct graft_image *image, const struct graft_symbol *symbol)
{
	(void)image;
	return symbol->dynamic && symbol->defined &&
	       symbol->bind != STB_LOCAL && symbol->name[0];
}

static const char *
type_name(uint8_t type)
{
	switch (type) {
	case STT_FUNC:
		return "a function";
	case STT_OBJECT:
		return "an object";
	case STT_TLS:
		return "a thread-local object";
	case STT_GNU_IFUNC:
		return "an indirect function";
	default:
		return "of no type";
	}
}

static bool
is_constant(const struct graft_image *image, const struct graft_symbol *symbol)
{
	const struct graft_section *section =
		graft_image_section_at(image, symbol->addr);

	return (symbol->type == STT_OBJECT || symbol->type == STT_NOTYPE) &&
	       section && section->bytes &&
	       symbol->size <= section->addr + section->size - symbol->addr &&
	       !graft_section_is_writable(section);
}

/** Say whether two constants are texts that name two versions of the package. */
static bool
is_version_text(const struct graft_diff *diff, const struct graft_symbol *o,
		const struct graft_symbol *n)
{
	uint64_t old_len;
	uint64_t new_len;
	const char *was = graft_constant_text(diff->old_image, o->addr,
					      &old_len);
	const char *is = graft_constant_text(diff->new_image, n->addr,
					     &new_len);

	return was && is && old_len >= o->size && new_len >= n->size &&
	       graft_version_only_differs(was, is);
}

static struct graft_error *
judge_content(struct graft_case *c, const char *where,
	      const struct graft_symbol *o, const struct graft_symbol *n)
{
	bool same = true;

	// Virtual tables are judged with those that are not exported.
	if (strncmp(o->name, "_ZTV", 4) == 0)
		return NULL;
	if (!is_constant(c->diff->old_image, o) ||
	    !is_constant(c->diff->new_image, n))
		return NULL;
	struct graft_error *err = graft_constant_equal(c->diff, o->addr,
						       n->addr, o->size, &same);
	if (err || same)
		return err;
	if (is_version_text(c->diff, o, n))
		return graft_case_note(
			c, GRAFT_RULE_IDENTITY, where,
			"the exported text names another version of the package; who reads it goes on reading OLD's");
	return graft_case_refuse(
		c, GRAFT_RULE_IDENTITY, where,
		"the content of the exported constant changed; other modules, and whoever reads it through the GOT, have OLD's");
}

static struct graft_error *
judge_export(struct graft_case *c, const struct graft_symbol *o,
	     const struct graft_symbol *n)
{
	char where[256];

	snprintf(where, sizeof(where), "%.180s%s%.60s", o->name,
		 o->version ? "@" : "", o->version ? o->version : "");
	if (!n)
		return graft_case_refuse(
			c, GRAFT_RULE_EXPORT, where,
			"OLD exports it and NEW does not: other modules may use it");
	if (o->type != n->type)
		return graft_case_refuse(
			c, GRAFT_RULE_EXPORT, where, "it was %s and is %s",
			type_name(o->type), type_name(n->type));
	if ((o->type == STT_OBJECT || o->type == STT_TLS) && o->size != n->size)
		return graft_case_refuse(
			c, GRAFT_RULE_SIZE, where,
			"the exported object had %llu bytes and has %llu",
			(unsigned long long)o->size,
			(unsigned long long)n->size);
	return judge_content(c, where, o, n);
}

struct graft_error *
graft_check_exports(struct graft_case *c)
{
	GRAFT_CLEANUP(graft_named_list_deinit)
	struct graft_named_list o = { 0 };
	GRAFT_CLEANUP(graft_named_list_deinit)
	struct graft_named_list n = { 0 };

	struct graft_error *err = graft_named_list_read(c->diff->old_image,
							is_export, compare, &o);
	if (!err)
		err = graft_named_list_read(c->diff->new_image, is_export,
					    compare, &n);
	for (size_t i = 0; !err && i < o.count; i++)
		err = judge_export(c, o.list[i],
				   graft_named_list_any(&n, o.list[i]));
	return err;
}
