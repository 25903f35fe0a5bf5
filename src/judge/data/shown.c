// SPDX-License-Identifier: Apache-2.0

#include "judge/data/shown.h"

#include "judge/flow/escape.h"
#include "judge/flow/readers.h"

#include <string.h>

/** Where code does more with a text than show it. */
struct use {
	/** There is such a place; nothing else is set if not. */
	bool found;
	struct graft_place_text where;
};

/** A text that is looked for, and what code names it by. */
struct text {
	const struct graft_case *c;
	uint64_t addr;
	uint64_t len;
	/** It is the version of the package, all of it. */
	bool is_own_version;
	struct graft_argument_reader reader;
};

/** Say whether a place holds a pointer to the text. */
static bool
is_pointer_to(const struct text *text, uint64_t addr)
{
	const struct graft_reloc *reloc =
		graft_image_reloc_at(text->c->diff->new_image, addr);

	if (!text->len)
		return addr == text->addr;
	if (!reloc)
		return false;
	uint64_t target = (uint64_t)reloc->addend;
	if (reloc->symbol) {
		if (!reloc->symbol->defined)
			return false;
		target += reloc->symbol->addr;
	}
	return target - text->addr < text->len;
}

/** Whoever copies the text, keeps its address or prints it goes on with what OLD
 * says, which is what runs. */
static bool
does_not_parse(const char *import)
{
	return !graft_import_parses(import);
}

/** Say whether code does more with the text than show it. */
static struct graft_error *
is_used(struct text *text, uint32_t func, const struct graft_ref *ref,
	bool *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	const struct graft_code *code = text->c->diff->new_code;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	uint32_t escapes = 0;

	if (err)
		return err;
	uint32_t at = ref->insn - code->funcs[func].first_insn;
	const struct graft_op *op = &ops.ops[at];
	// Of the pointer itself nothing changed.
	if (op->dst >= 16 ||
	    (op->what != GRAFT_OP_MOV && op->what != GRAFT_OP_LEA))
		return NULL;
	err = graft_escape_follow(
		&text->reader, &ops, at + 1, 1U << op->dst,
		(struct graft_escape_way){ .deep = true,
					   .harmless = does_not_parse },
		&escapes);
	*ret = escapes & (GRAFT_ESCAPE_READ | GRAFT_ESCAPE_PASSED);
	return err;
}

/** Judge one reference of a function. */
static struct graft_error *
judge_ref(struct text *text, uint32_t func, const struct graft_ref *ref,
	  bool *ret)
{
	bool inside = text->len && ref->target - text->addr < text->len;

	*ret = false;
	if (ref->kind == GRAFT_REF_MEMORY && inside) {
		*ret = true;
		return NULL;
	}
	if ((ref->kind == GRAFT_REF_ADDRESS && inside && !ref->end_of) ||
	    (ref->kind == GRAFT_REF_MEMORY && !ref->writes &&
	     is_pointer_to(text, ref->target)))
		return is_used(text, func, ref, ret);
	return NULL;
}

/** Say whether a text is nothing but the version of NEW's package. */
static bool
is_own_version(const struct graft_diff *diff, uint64_t addr, uint64_t len)
{
	const char *version = diff->new_version;
	size_t version_len = version ? strlen(version) : 0;

	// With the byte that ends it.
	if (version_len == 0 || len < version_len)
		return false;
	const uint8_t *bytes = graft_image_bytes(diff->new_image, addr,
						 version_len + 1);
	return bytes && memcmp(bytes, version, version_len + 1) == 0;
}

/** Find the first function that does more with the text than show it. What the
 * package is called may be compared by code that stays: it goes on to be the code
 * of which OLD's version speaks. */
static struct graft_error *
find_use(struct text *text, struct use *ret)
{
	const struct graft_func_match *match = text->c->diff->new_match;
	const struct graft_code *code = text->c->diff->new_code;
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && !ret->found && i < code->func_count; i++) {
		const struct graft_func *func = &code->funcs[i];
		if (text->is_own_version && !match[i].carried)
			continue;
		for (uint32_t k = 0; !err && !ret->found && k < func->ref_count;
		     k++) {
			const struct graft_ref *ref =
				&code->refs[func->first_ref + k];
			err = judge_ref(text, i, ref, &ret->found);
			if (!err && ret->found)
				ret->where = graft_place_code(code, i, ref->at);
		}
	}
	return err;
}

struct graft_error *
graft_text_judge_version(struct graft_case *c, uint64_t addr, uint64_t len,
			 const char *where)
{
	struct text text = { .c = c,
			     .addr = addr,
			     .len = len,
			     .is_own_version = is_own_version(c->diff, addr,
							      len) };
	struct use use = { 0 };
	struct graft_error *err = graft_argument_reader_init(c->diff->new_code,
							     &text.reader);

	if (!err)
		err = find_use(&text, &use);
	graft_argument_reader_deinit(&text.reader);
	if (err)
		return err;
	if (use.found)
		return graft_case_refuse(
			c, GRAFT_RULE_INITIAL, where,
			"text in writable data, or that they point to, names another version, and %s reads or compares it",
			use.where.str);
	return graft_case_note(
		c, GRAFT_RULE_INITIAL, where,
		"text in writable data, or that they point to, names another version: until the next start it is OLD's that is shown");
}
