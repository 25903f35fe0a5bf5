// SPDX-License-Identifier: Apache-2.0

// a value that is stored in another unit or form than before: what OLD put
// into a member as it was, NEW multiplies, shifts, turns or inverts first, or the
// other way round. Both store the same thing at the same place otherwise: the
// same expression of what the function was given and loaded (values.h).
//
// Who only reads in another way is not judged: where all stores are as they were,
// NEW reads what NEW would have stored.

#include "judge/flow/values.h"
#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/rules/traded.h"

#include <Zydis/Zydis.h>
#include <string.h>

enum {
	/** Operations that make one value out of another. */
	CHAIN_MAX = 4,
};

/** A value that was made out of another one. */
struct made {
	struct graft_value value;
	struct graft_value from;
	/** What was done, as a hash. */
	uint64_t how;
};

/** A store outside of the frame. */
struct put {
	struct graft_value place;
	uint16_t size;
	/** What is stored, what that was made of, and how. */
	struct graft_value value;
	struct graft_value from;
	uint64_t how;
	uint32_t at;
};

/** What one function makes and stores. */
struct forms {
	const struct graft_case *c;
	struct made *made;
	size_t made_count;
	size_t made_cap;
	struct put *puts;
	size_t put_count;
	size_t put_cap;
	/** What is thrown: an exception ends with the calls that it passes. */
	struct graft_value thrown;
	struct graft_error *err;
};

static void
forms_deinit(struct forms *forms)
{
	free(forms->made);
	free(forms->puts);
	graft_error_free(forms->err);
}

/** Tell how an instruction makes its destination out of one register.
 *
 * @param[out] reg_ret The register.
 * @return 0 if it does not. */
static uint64_t
making_of(const struct graft_op *op, uint8_t *reg_ret)
{
	uint64_t how = ((uint64_t)op->mnemonic << 32) ^ (uint64_t)op->imm;

	*reg_ret = op->dst;
	if (op->dst >= 16 || op->has_mem)
		return 0;
	switch (op->mnemonic) {
	case ZYDIS_MNEMONIC_IMUL:
		*reg_ret = op->src;
		return op->has_imm ? how : 0;
	case ZYDIS_MNEMONIC_SHL:
	case ZYDIS_MNEMONIC_SHR:
	case ZYDIS_MNEMONIC_SAR:
	case ZYDIS_MNEMONIC_ROL:
	case ZYDIS_MNEMONIC_ROR:
		return op->has_imm ? how : 0;
	case ZYDIS_MNEMONIC_XOR:
		return op->what != GRAFT_OP_ZERO && op->has_imm ? how : 0;
	case ZYDIS_MNEMONIC_NOT:
	case ZYDIS_MNEMONIC_NEG:
	case ZYDIS_MNEMONIC_BSWAP:
		return how;
	case ZYDIS_MNEMONIC_ADD:
		*reg_ret = op->src;
		return op->src == op->dst ? how : 0;
	default:
		return 0;
	}
}

/** The same for `lea`, which multiplies by its scale, and one more. */
static uint64_t
making_of_lea(const struct graft_op *op, uint8_t *reg_ret)
{
	bool twice = op->base == op->index;

	*reg_ret = op->index;
	if (op->what != GRAFT_OP_LEA || op->has_ref || op->index >= 16 ||
	    op->disp != 0 || (!twice && op->base != GRAFT_REG_NONE))
		return 0;
	return ((uint64_t)op->mnemonic << 32) ^ ((uint64_t)op->scale + twice);
}

/** Find what a value was made of, at last. */
static struct graft_value
origin_of(const struct forms *forms, struct graft_value value, uint64_t *how)
{
	*how = 0;
	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct made *made = NULL;
		for (size_t k = 0; k < forms->made_count && !made; k++) {
			if (graft_value_is_same(forms->made[k].value, value))
				made = &forms->made[k];
		}
		if (!made)
			break;
		*how = *how * 31 + made->how;
		value = made->from;
	}
	return value;
}

/** Say whether an instruction asks for the memory of an exception. */
static bool
is_throw(const struct graft_ops *ops, const struct graft_op *op)
{
	const char *import = op->flags & GRAFT_INSN_CALL
				     ? graft_op_callee(ops, op).import
				     : NULL;

	return import && strcmp(import, "__cxa_allocate_exception") == 0;
}

static void
see(void *context, const struct graft_ops *ops, uint32_t at,
    const struct graft_values *values)
{
	struct forms *forms = context;
	const struct graft_op *op = &ops->ops[at];
	const struct graft_values_reader reader = { .c = forms->c };
	uint8_t reg;
	uint64_t how = making_of(op, &reg);

	if (!how)
		how = making_of_lea(op, &reg);
	if (is_throw(ops, op))
		forms->thrown = graft_value_of_result(&reader, ops, values, at);
	if (forms->err)
		return;
	if (how) {
		forms->err = graft_vec_reserve(&forms->made, &forms->made_cap,
					       forms->made_count + 1,
					       sizeof(*forms->made));
		if (forms->err)
			return;
		struct made made = {
			.value = graft_value_of_result(&reader, ops, values,
						       at),
			.from = graft_value_of_reg(values, reg),
			.how = how,
		};
		if (graft_value_is_something(made.value))
			forms->made[forms->made_count++] = made;
		return;
	}
	if (op->what != GRAFT_OP_MOV || !op->mem_write || op->src >= 16 ||
	    op->mem_size < 4)
		return;
	struct put put = {
		.place = graft_value_of_address(&reader, ops, values, at),
		.size = op->mem_size,
		.value = graft_value_of_reg(values, op->src),
		.at = at,
	};
	put.from = origin_of(forms, put.value, &put.how);
	if (graft_value_is_in_frame(put.place) ||
	    !graft_value_is_something(put.place) ||
	    !graft_value_is_something(put.from) ||
	    put.place.root == forms->thrown.root)
		return;
	forms->err = graft_vec_reserve(&forms->puts, &forms->put_cap,
				       forms->put_count + 1,
				       sizeof(*forms->puts));
	if (!forms->err)
		forms->puts[forms->put_count++] = put;
}

/** Say whether some store of a side is the same, in form too. */
static bool
has_same(const struct forms *forms, const struct put *put)
{
	for (size_t i = 0; i < forms->put_count; i++) {
		const struct put *other = &forms->puts[i];
		if (other->size == put->size && other->how == put->how &&
		    graft_value_is_same(other->place, put->place) &&
		    graft_value_is_same(other->from, put->from))
			return true;
	}
	return false;
}

/** Find the same thing stored at the same place, in another form. */
static const struct put *
find_other(const struct forms *forms, const struct put *put)
{
	for (size_t i = 0; i < forms->put_count; i++) {
		const struct put *other = &forms->puts[i];
		if (other->size == put->size && other->how != put->how &&
		    graft_value_is_same(other->place, put->place) &&
		    graft_value_is_same(other->from, put->from))
			return other;
	}
	return NULL;
}

/** Say whether a side stores something at a place, in whatever form. */
static bool
stores_at(const struct forms *forms, struct graft_value place,
	  struct graft_value from)
{
	for (size_t i = 0; i < forms->put_count; i++) {
		if (graft_value_is_same(forms->puts[i].place, place) &&
		    graft_value_is_same(forms->puts[i].from, from))
			return true;
	}
	return false;
}

/**
 * Find what OLD stores in another member of the same object than NEW does, and note
 * it: R-24 where it is read there, too.
 */
static struct graft_error *
note_traded(struct graft_case *c, const struct graft_twin *twin,
	    const struct forms *o, const struct forms *n, const struct put *put)
{
	struct graft_error *err = NULL;

	if (stores_at(o, put->place, put->from))
		return NULL;
	for (size_t i = 0; !err && i < o->put_count; i++) {
		const struct put *was = &o->puts[i];
		if (was->size != put->size || was->how != put->how ||
		    was->place.root != put->place.root ||
		    !graft_value_is_same(was->from, put->from) ||
		    stores_at(n, was->place, was->from))
			continue;
		uint64_t addr;
		struct graft_traded traded = {
			.stores = true,
			.kind = graft_value_is_old_address(put->place, &addr)
					? GRAFT_TRADED_VARIABLE
					: GRAFT_TRADED_MEMBER,
			.size = put->size,
			.was = was->place.off,
			.is = put->place.off,
			.func = twin->new_ops.func,
			.addr = twin->new_ops.ops[put->at].addr,
		};
		err = graft_traded_add(c, &traded);
	}
	return err;
}

static struct graft_error *
compare(struct graft_case *c, const struct graft_twin *twin,
	const struct forms *o, const struct forms *n)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < n->put_count; i++) {
		const struct put *put = &n->puts[i];
		const struct put *was = find_other(o, put);
		err = note_traded(c, twin, o, n, put);
		if (err || !was || has_same(o, put) || has_same(n, was))
			continue;
		struct graft_place_text where =
			graft_place_code(twin->new_ops.code, twin->new_ops.func,
					 twin->new_ops.ops[put->at].addr);
		struct graft_twin_text text = graft_twin_print(twin, was->at,
							       put->at);
		err = graft_case_refuse(
			c, GRAFT_RULE_MEANING, where.str,
			"%s: the same value is stored in another unit or form, and what OLD stored stays in its own",
			text.str);
	}
	return err;
}

/** Read one side. */
static struct graft_error *
read_side(const struct graft_ops *ops, struct forms *forms)
{
	struct graft_values_reader reader = { .c = forms->c,
					      .see = see,
					      .context = forms };
	struct graft_error *err = graft_values_follow_short(&reader, ops);

	return err ? err : GRAFT_TAKE(forms->err);
}

struct graft_error *
graft_check_forms(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_CLEANUP(forms_deinit) struct forms o = { .c = c };
	GRAFT_CLEANUP(forms_deinit) struct forms n = { .c = c };
	struct graft_error *err = read_side(&twin->old_ops, &o);

	if (!err)
		err = read_side(&twin->new_ops, &n);
	return err ? err : compare(c, twin, &o, &n);
}
