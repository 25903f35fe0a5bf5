// SPDX-License-Identifier: Apache-2.0

#include "diff/code/used.h"

#include "diff/code/area.h"
#include "diff/code/callee.h"
#include "diff/code/contract.h"
#include "diff/code/flow.h"

/**
 * Get how many bytes an import uses behind an address.
 *
 * @param[in] held Arguments that may be the address: bit 0 is the first.
 * @return The bytes; 0: that is not known.
 */
static uint64_t
used_by(const char *name, uint8_t held)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < GRAFT_FLOW_ARGUMENTS; i++) {
		uint64_t size = graft_contract_size(name, i);
		if (!(held & 1U << i))
			continue;
		if (size == 0)
			return 0;
		if (size > most)
			most = size;
	}
	return most;
}

/**
 * Say what is used behind the address that was followed.
 *
 * @param[out] is_lock_ret Whether a call is reached.
 * @return The bytes; 0: that is not known, or nothing is used right there.
 */
static uint16_t
used_in_all(const struct graft_flow *flow, bool *is_lock_ret)
{
	uint64_t most = flow->used;

	*is_lock_ret = false;
	if (flow->lost || (!flow->touched && !flow->call_count))
		return 0;
	for (size_t i = 0; i < flow->call_count; i++) {
		const struct graft_flow_call *call = &flow->calls[i];
		struct graft_callee callee = graft_callee_of(
			flow->code, &flow->code->insns[call->insn]);
		uint64_t bytes = callee.import ? used_by(callee.import,
							 call->arguments)
					       : 0;
		if (bytes == 0)
			return 0;
		if (bytes > most)
			most = bytes;
	}
	*is_lock_ret = flow->call_count > 0;
	return (uint16_t)most;
}

static bool
is_known(const char *name)
{
	return graft_contract_size(name, 0) != 0;
}

/** Does a pointer in data lead to such a function? */
static bool
is_pointed_to(const struct graft_image *image)
{
	size_t count;
	const struct graft_reloc *relocs = graft_image_relocs(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (relocs[i].symbol && relocs[i].type == R_X86_64_64 &&
		    is_known(relocs[i].symbol->name))
			return true;
	}
	return false;
}

/** Do all references to such functions belong to calls that were reached? */
static bool
are_all_named(const struct graft_code *code, const bool *reached)
{
	for (size_t i = 0; i < code->ref_count; i++) {
		const struct graft_ref *ref = &code->refs[i];
		const struct graft_insn *insn = &code->insns[ref->insn];
		if (reached[i] || ref->insn >= code->insn_count)
			continue;
		struct graft_callee callee = graft_callee_of(code, insn);
		if (insn->ref == i && callee.import && is_known(callee.import))
			return false;
	}
	return !is_pointed_to(code->image);
}

/** Say how much behind an address is of the same object. */
static uint32_t
span_of(const struct graft_flow *flow, uint64_t addr)
{
	const struct graft_section *section =
		graft_image_section_at(flow->code->image, addr);
	uint64_t room = section->addr + section->size - addr;

	// Where a loop ends that takes long steps may be far behind it.
	return flow->span > flow->used && flow->span <= room ? flow->span
							     : flow->used;
}

/** Follow all addresses of writable data that a function takes. */
static struct graft_error *
follow_all(struct graft_flow *flow, struct graft_code *code,
	   const struct graft_func *func, bool *reached)
{
	struct graft_error *err = NULL;

	for (uint32_t i = 0; !err && i < func->ref_count; i++) {
		struct graft_ref *ref = &code->refs[func->first_ref + i];
		if (ref->kind != GRAFT_REF_ADDRESS ||
		    ref->insn + 1 >= func->first_insn + func->insn_count ||
		    graft_area_of(code->image, ref->target) != GRAFT_AREA_DATA)
			continue;
		err = graft_flow_follow(flow, ref->insn + 1, ref->reg);
		if (err)
			break;
		ref->used = used_in_all(flow, &ref->is_lock);
		ref->span = span_of(flow, ref->target);
		for (size_t k = 0; ref->is_lock && k < flow->call_count; k++)
			reached[code->insns[flow->calls[k].insn].ref] = true;
	}
	return err;
}

struct graft_error *
graft_used_find(struct graft_code *code)
{
	GRAFT_CLEANUP(graft_flow_deinit) struct graft_flow flow = { 0 };
	GRAFT_FREE bool *reached = calloc(code->ref_count + 1,
					  sizeof(*reached));
	struct graft_error *err = graft_flow_init(code, &flow);

	flow.is_address = true;
	if (!err && !reached)
		err = graft_error_no_memory();
	for (size_t i = 0; !err && i < code->func_count; i++)
		err = follow_all(&flow, code, &code->funcs[i], reached);
	if (!err)
		code->locks_are_named = are_all_named(code, reached);
	return err;
}
