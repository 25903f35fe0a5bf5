// SPDX-License-Identifier: Apache-2.0

// a constant that changed has two addresses from then on: OLD's, which
// data and threads may remember, and NEW's, which carried code uses. That is
// harmless while the address is only used to read. It is refused where carried
// code stores the address outside of its frame, compares it, hands it back to a
// caller, or hands it on in a call.
//
// The address of a text without name means nothing when it is passed or
// returned: it is read. One that has a name is refused if it is returned, or if
// a function of the module that is handed it keeps or compares it.

#include "judge/data/text.h"
#include "judge/flow/escape.h"
#include "judge/rules/checks.h"

#include "base/cleanup.h"
#include "diff/code/table.h"

#include <stdlib.h>
#include <string.h>

/** What is known while the constants of a case are looked at. */
struct identity {
	struct graft_case *c;
	struct graft_argument_reader reader;
	/** Each reference of NEW: it leads into the shadow. */
	bool *is_new;
};

/** Say whether both builds have the same bytes under one symbol: the end of the
 * object is known then, and what differs lies behind it. */
static bool
is_same_symbol(const struct graft_diff *diff, const struct graft_piece *piece)
{
	const struct graft_symbol *o = graft_image_symbol_at(diff->old_image,
							     piece->old_addr);
	const struct graft_symbol *n = graft_image_symbol_at(diff->new_image,
							     piece->addr);

	if (!o || !n || !o->size || o->size != n->size ||
	    o->addr != piece->old_addr || n->addr != piece->addr ||
	    strcmp(o->name, n->name) != 0)
		return false;
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, n->addr);
	// Pointers are compared by the diff, which found them to differ.
	if (!section || (section->flags & SHF_WRITE))
		return false;
	const uint8_t *was = graft_image_bytes(diff->old_image, o->addr,
					       o->size);
	const uint8_t *is = graft_image_bytes(diff->new_image, n->addr,
					      n->size);
	return was && is && memcmp(was, is, n->size) == 0;
}

static const struct graft_piece *
changed_constant_at(const struct graft_diff *diff, uint64_t addr)
{
	const struct graft_piece *moved = NULL;

	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (!piece->writable && piece->old_addr &&
		    addr - piece->addr < piece->size &&
		    (piece->thing == GRAFT_THING_CONSTANT ||
		     piece->thing == GRAFT_THING_TABLE)) {
			if (is_same_symbol(diff, piece))
				return NULL;
			// Another one may say that it changed.
			if (!piece->moved)
				return piece;
			moved = piece;
		}
	}
	return moved;
}

static const char *
say_escape(uint32_t escapes)
{
	if (escapes & GRAFT_ESCAPE_STORED)
		return "stored where it outlives the call";
	if (escapes & GRAFT_ESCAPE_COMPARED)
		return "compared";
	if (escapes & GRAFT_ESCAPE_PASSED)
		return "handed on to another function";
	return "returned";
}

/** Find out which uses of a constant give it an identity. */
static struct graft_error *
find_escapes(struct identity *identity, const struct graft_ops *ops,
	     uint32_t at, enum graft_text text, const struct graft_piece *piece,
	     uint32_t *ret)
{
	// What has a name is followed to its end. An object may be kept by
	// whoever gets it; of a text that is only so if code shows it.
	bool deep = text == GRAFT_TEXT_IS_NAMED;
	uint8_t reg = ops->ops[at].dst;

	*ret = 0;
	if (reg >= 16)
		return NULL;
	const struct graft_ref *ref =
		&ops->code->refs[ops->code->insns[ops->ops[at].insn].ref];
	struct graft_escape_way how = { .deep = deep, .types = identity->c };
	// Code that may reach in front of it may find other pointers there.
	if (!ref->back) {
		how.table = ref->target;
		how.table_end = piece->addr + piece->size;
	}
	struct graft_error *err = graft_escape_follow(
		&identity->reader, ops, at + 1, 1U << reg, how, ret);
	*ret &= ~(uint32_t)GRAFT_ESCAPE_READ;
	// What has the same contents in OLD is read alike wherever it is; a
	// caller may compare what it gets with what it got before.
	if (!deep && (piece->moved || text == GRAFT_TEXT_IS_LITERAL))
		*ret &= ~(uint32_t)GRAFT_ESCAPE_PASSED;
	if (text == GRAFT_TEXT_IS_LITERAL)
		*ret &= ~(uint32_t)GRAFT_ESCAPE_RETURNED;
	return err;
}

static struct graft_error *
judge_use(struct identity *identity, const struct graft_ops *ops, uint32_t at,
	  uint64_t target, const struct graft_piece *piece)
{
	struct graft_case *c = identity->c;
	enum graft_text text;
	uint32_t escapes;
	struct graft_error *err = graft_text_judge(c, target, &text);

	if (!err)
		err = find_escapes(identity, ops, at, text, piece, &escapes);
	if (err || !escapes)
		return err;
	struct graft_place_text where = graft_place_code(ops->code, ops->func,
							 ops->ops[at].addr);
	struct graft_place_text what = graft_place_data(c->diff->new_image,
							target);
	return graft_case_refuse(
		c, GRAFT_RULE_IDENTITY, where.str,
		"the address of the changed constant at %s is %s, and OLD's has another one",
		what.str, say_escape(escapes));
}

/** The table of a `switch` is only read, and what jumps by it stays inside. */
static bool
is_jump_table(const struct graft_code *code, uint32_t func,
	      const struct graft_ref *ref)
{
	return ref->spread && graft_table_count(code, func, ref->target, 4) > 0;
}

/** Say whether the compiler made a constant out of a `switch` or a list of texts:
 * the source has no name for it, and nothing that its address could be. */
static bool
is_made(const struct graft_image *image, uint64_t addr)
{
	static const char *const names[] = { "CSWTCH.", "switch.table.",
					     "reltable." };
	const struct graft_symbol *symbol = graft_image_symbol_at(image, addr);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (symbol && symbol->addr == addr &&
		    symbol->bind == STB_LOCAL &&
		    strncmp(symbol->name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static struct graft_error *
judge_func(struct identity *identity, uint32_t func)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	const struct graft_code *code = identity->c->diff->new_code;
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		uint32_t ref = code->insns[ops.ops[i].insn].ref;
		const struct graft_piece *piece = NULL;
		if (ref != GRAFT_NONE && identity->is_new[ref] &&
		    code->refs[ref].kind == GRAFT_REF_ADDRESS &&
		    !is_jump_table(code, func, &code->refs[ref]) &&
		    !is_made(code->image, code->refs[ref].target))
			piece = changed_constant_at(identity->c->diff,
						    code->refs[ref].target);
		if (piece)
			err = judge_use(identity, &ops, i,
					code->refs[ref].target, piece);
	}
	return err;
}

static struct graft_error *
judge_all(struct identity *identity)
{
	const struct graft_diff *diff = identity->c->diff;
	struct graft_error *err = graft_argument_reader_init(diff->new_code,
							     &identity->reader);

	if (err)
		return err;
	identity->is_new = calloc(diff->new_code->ref_count + 1,
				  sizeof(*identity->is_new));
	if (!identity->is_new)
		return graft_error_no_memory();
	for (size_t i = 0; i < diff->resolution_count; i++) {
		if (diff->resolutions[i].place == GRAFT_PLACE_NEW)
			identity->is_new[diff->resolutions[i].ref] = true;
	}
	for (size_t i = 0; !err && i < diff->carried_count; i++)
		err = judge_func(identity, diff->carried[i]);
	return err;
}

struct graft_error *
graft_check_identity(struct graft_case *c)
{
	struct identity identity = { .c = c };
	struct graft_error *err = judge_all(&identity);

	graft_argument_reader_deinit(&identity.reader);
	free(identity.is_new);
	return err;
}
