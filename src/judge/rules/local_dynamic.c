// SPDX-License-Identifier: Apache-2.0

// R-06 where code asks for the thread-local block of its module and adds the
// offset of a variable by itself (the local dynamic model): the offset is in the
// instruction, and no relocation says so.

#include "judge/rules/checks.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum {
	/** Stands for: adds no offset. Offsets have 32 bits. */
	NO_OFFSET = INT64_MIN,
};

/** Read the offset that an instruction adds to a block that is in a register.
 */
static int64_t
offset_of(const struct graft_op *op, uint32_t blocks)
{
	if (op->has_mem && op->base < 16 && (blocks & (1U << op->base)))
		return op->disp;
	if (op->what == GRAFT_OP_ADD && op->has_imm && op->dst < 16 &&
	    (blocks & (1U << op->dst)))
		return op->imm;
	return NO_OFFSET;
}

/** Find the offsets that each instruction of a function adds. */
static struct graft_error *
find_offsets(const struct graft_ops *ops, int64_t **ret)
{
	int64_t *offsets = calloc((size_t)ops->count + 1, sizeof(*offsets));
	uint32_t blocks = 0;

	if (!offsets)
		return graft_error_no_memory();
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		bool copies = op->what == GRAFT_OP_MOV && !op->has_mem &&
			      op->src < 16 && (blocks & (1U << op->src));
		offsets[i] = offset_of(op, blocks);
		blocks &= ~op->writes;
		if (copies && op->dst < 16)
			blocks |= 1U << op->dst;
		if (!(op->flags & GRAFT_INSN_CALL))
			continue;
		for (uint8_t r = 0; r < 16; r++) {
			if (graft_reg_is_volatile(r))
				blocks &= ~(1U << r);
		}
		const char *name = graft_op_callee(ops, op).import;
		if (name && strcmp(name, "__tls_get_addr") == 0)
			blocks |= 1U << GRAFT_REG_RAX;
	}
	*ret = offsets;
	return NULL;
}

/** Say whether every offset of one side is among those of the other. */
static bool
is_subset(const int64_t *a, uint32_t a_count, const int64_t *b,
	  uint32_t b_count)
{
	for (uint32_t i = 0; i < a_count; i++) {
		uint32_t j = 0;
		while (j < b_count && b[j] != a[i])
			j++;
		if (a[i] != NO_OFFSET && j == b_count)
			return false;
	}
	return true;
}

static bool
have_moved(const struct graft_twin *twin, const int64_t *o, const int64_t *n)
{
	for (size_t i = 0; i < twin->count; i++) {
		int64_t was = o[twin->pairs[i].o];
		int64_t is = n[twin->pairs[i].n];
		if (was != NO_OFFSET && is != NO_OFFSET && was != is)
			return true;
	}
	return !is_subset(o, twin->old_ops.count, n, twin->new_ops.count) &&
	       !is_subset(n, twin->new_ops.count, o, twin->old_ops.count);
}

struct graft_error *
graft_check_local_dynamic(struct graft_case *c, const struct graft_twin *twin)
{
	GRAFT_FREE int64_t *o = NULL;
	GRAFT_FREE int64_t *n = NULL;

	struct graft_error *err = find_offsets(&twin->old_ops, &o);
	if (!err)
		err = find_offsets(&twin->new_ops, &n);
	if (err || !have_moved(twin, o, n))
		return err;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	return graft_case_refuse(
		c, GRAFT_RULE_TLS, where.str,
		"what it adds to an address of the thread-local block differs: a variable, or a member of one, has another offset");
}
