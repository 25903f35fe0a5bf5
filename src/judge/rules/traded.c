// SPDX-License-Identifier: Apache-2.0

#include "judge/rules/traded.h"

#include "base/vec.h"
#include "judge/rules/checks.h"
#include "judge/rules/kept_at.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Instructions in which an address is used. */
	AHEAD_MAX = 8,
};

struct graft_error *
graft_traded_add(struct graft_case *c, const struct graft_traded *traded)
{
	struct graft_error *err = graft_vec_reserve(&c->traded, &c->traded_cap,
						    c->traded_count + 1,
						    sizeof(*c->traded));

	if (!err)
		c->traded[c->traded_count++] = *traded;
	return err;
}

/** Find what two loads reach, if it is two members of one object, or two objects
 * with a name. */
static bool
find_two(const struct graft_case *c, const struct graft_twin *twin,
	 const struct graft_op *o, const struct graft_op *n,
	 struct graft_traded *ret)
{
	struct graft_kept_at was;
	struct graft_kept_at is;

	if (!graft_kept_at_find(c, &twin->old_ops, o, &was) ||
	    !graft_kept_at_find(c, &twin->new_ops, n, &is))
		return false;
	*ret = (struct graft_traded){
		.kind = was.named ? GRAFT_TRADED_VARIABLE : GRAFT_TRADED_MEMBER,
		.size = o->mem_size,
		.was = was.at,
		.is = is.at,
		.func = twin->new_ops.func,
		.addr = n->addr,
	};
	return was.named == is.named && was.at != is.at;
}

/** Find the variable whose address an instruction takes from the GOT; NULL if it
 * does not. */
static const char *
symbol_of(const struct graft_ops *ops, const struct graft_op *op)
{
	uint32_t ref = ops->code->insns[op->insn].ref;

	if (op->what != GRAFT_OP_MOV || !op->mem_read || op->dst >= 16 ||
	    !op->has_ref || ref == GRAFT_NONE)
		return NULL;
	const struct graft_reloc *reloc = graft_image_reloc_at(
		ops->code->image, ops->code->refs[ref].target);
	return reloc && reloc->type == R_X86_64_GLOB_DAT && reloc->symbol
		       ? reloc->symbol->name
		       : NULL;
}

/** Say whether what a register leads to is stored to, or read. */
static bool
is_used(const struct graft_ops *ops, uint32_t at, bool stores)
{
	uint8_t reg = ops->ops[at].dst;

	for (uint32_t i = at + 1; i < ops->count && i <= at + AHEAD_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->has_mem && op->base == reg &&
		    (stores ? op->mem_write : op->mem_read))
			return true;
		if ((op->flags & GRAFT_INSN_CALL) || op->ends ||
		    (op->writes & (1U << reg)))
			break;
	}
	return false;
}

/** Note two variables that other modules see. */
static struct graft_error *
note_symbols(struct graft_case *c, const struct graft_twin *twin,
	     const struct graft_twin_pair *pair, bool stores)
{
	const struct graft_op *n = &twin->new_ops.ops[pair->n];
	struct graft_traded traded = {
		.kind = GRAFT_TRADED_SYMBOL,
		.stores = stores,
		.func = twin->new_ops.func,
		.addr = n->addr,
		.was_name = symbol_of(&twin->old_ops,
				      &twin->old_ops.ops[pair->o]),
		.is_name = symbol_of(&twin->new_ops, n),
	};

	if (!traded.was_name || !traded.is_name ||
	    strcmp(traded.was_name, traded.is_name) == 0 ||
	    !is_used(&twin->old_ops, pair->o, stores) ||
	    !is_used(&twin->new_ops, pair->n, stores))
		return NULL;
	return graft_traded_add(c, &traded);
}

struct graft_error *
graft_check_traded_places(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < twin->count; i++) {
		const struct graft_op *o = &twin->old_ops.ops[twin->pairs[i].o];
		const struct graft_op *n = &twin->new_ops.ops[twin->pairs[i].n];
		struct graft_traded traded;
		if (o->mem_read && n->mem_read && o->mem_size == n->mem_size &&
		    find_two(c, twin, o, n, &traded))
			err = graft_traded_add(c, &traded);
		if (!err)
			err = note_symbols(c, twin, &twin->pairs[i], true);
		if (!err)
			err = note_symbols(c, twin, &twin->pairs[i], false);
	}
	return err;
}

/** Say whether two stand for the same variables. */
static bool
have_same_names(const struct graft_traded *a, const struct graft_traded *b)
{
	return a->kind != GRAFT_TRADED_SYMBOL ||
	       (strcmp(a->was_name, b->was_name) == 0 &&
		strcmp(a->is_name, b->is_name) == 0);
}

/** Find a load that goes where a store went. */
static const struct graft_traded *
find_load(const struct graft_case *c, const struct graft_traded *store)
{
	for (size_t i = 0; i < c->traded_count; i++) {
		const struct graft_traded *load = &c->traded[i];
		if (!load->stores && load->kind == store->kind &&
		    load->size == store->size && load->was == store->was &&
		    load->is == store->is && have_same_names(load, store))
			return load;
	}
	return NULL;
}

/** Write what is reached. */
static struct graft_place_text
print_place(const struct graft_case *c, const struct graft_traded *traded,
	    int64_t at, const char *name)
{
	struct graft_place_text text;

	if (name) {
		(void)snprintf(text.str, sizeof(text.str), "%s", name);
		return text;
	}

	if (traded->kind == GRAFT_TRADED_VARIABLE)
		return graft_place_data(c->diff->old_image, (uint64_t)at);
	(void)snprintf(text.str, sizeof(text.str),
		       traded->kind == GRAFT_TRADED_BITS
			       ? "bit %" PRId64 " of what is pointed to"
			       : "%" PRId64 " bytes behind a pointer",
		       at);
	return text;
}

static struct graft_error *
refuse(struct graft_case *c, const struct graft_traded *store,
       const struct graft_traded *load)
{
	struct graft_place_text where =
		graft_place_code(c->diff->new_code, store->func, store->addr);
	struct graft_place_text reads =
		graft_place_code(c->diff->new_code, load->func, load->addr);
	struct graft_place_text was = print_place(c, store, store->was,
						  store->was_name);
	struct graft_place_text is = print_place(c, store, store->is,
						 store->is_name);

	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"NEW stores at %s what OLD stored at %s, and reads it there (%s): what OLD stored stays where it is",
		is.str, was.str, reads.str);
}

struct graft_error *
graft_check_traded(struct graft_case *c)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < c->traded_count; i++) {
		const struct graft_traded *store = &c->traded[i];
		const struct graft_traded *load = store->stores
							  ? find_load(c, store)
							  : NULL;
		if (!load)
			continue;
		err = refuse(c, store, load);
	}
	return err;
}
