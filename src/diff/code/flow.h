// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where a value in a register may go: to which calls, and nowhere else.
 *
 * Copies between whole registers are followed along every way through a function
 * and its cut-off parts. What is accessed at a constant distance behind it is
 * noted. A value that is read otherwise (computed with, compared, stored, spilled,
 * returned) or that cannot be followed is *lost*, and nothing is said of it. Calls are taken to destroy what the ABI lets them destroy, if the
 * code of the callee shows that a compiler which looks into it (-fipa-ra) would
 * think so too.
 */

#ifndef GRAFT_DIFF_FLOW_H
#define GRAFT_DIFF_FLOW_H

#include "base/error.h"
#include "diff/code/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** The registers that hold the first six arguments (System V ABI). */
	GRAFT_FLOW_ARGUMENTS = 6,
};

/** A call, or a jump out of the function, that the value may reach. */
struct graft_flow_call {
	/** Index in graft_code::insns. */
	uint32_t insn;
	/** Arguments that may hold the value: bit 0 is the first. */
	uint8_t arguments;
};

/** Follows values in one build; one walk after the other. */
struct graft_flow {
	/** Borrowed. */
	const struct graft_code *code;
	/**
	 * Set it if the value is an address: no call takes one in %rax, and what
	 * is lost in one place is followed in others.
	 */
	bool is_address;
	/** What may hold the value before each instruction: bits. */
	uint32_t *holds;
	/** Instructions that are to be looked at, and all that were. */
	uint32_t *queue;
	size_t queue_cap;
	uint32_t *seen;
	size_t seen_count;
	size_t seen_cap;
	struct graft_flow_call *calls;
	size_t call_count;
	size_t call_cap;
	/** Bytes behind the value, taken for an address, that are accessed. */
	uint32_t used;
	/** One of these accesses is right there. */
	bool touched;
	/** How far behind it addresses are taken of it. */
	uint32_t span;
	/** The longest step of an index to it, or access with one; 0: none. */
	uint32_t stride;
	bool lost;
};

/**
 * Make what follows values.
 *
 * @param[in] code Borrowed until the flow is freed.
 * @param[out] ret Filled; free with graft_flow_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_flow_init(const struct graft_code *code, struct graft_flow *ret);

/** Free what a flow owns, and zero it. Also its guard. */
void
graft_flow_deinit(struct graft_flow *flow);

/** Get the number (0 is %rax) of the register of an argument, counted from 0. */
uint8_t
graft_flow_register(unsigned argument);

/**
 * Follow a value.
 *
 * @param[in] insn Where it starts: an index in graft_code::insns.
 * @param[in] reg Number of the register that holds it *before* @p insn.
 * @param[in,out] flow Afterwards `calls` has every call that it may reach, `used`
 * and `touched` say what is accessed through it, and `lost` whether it may also go
 * elsewhere.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_flow_follow(struct graft_flow *flow, uint32_t insn, uint8_t reg);

/** Get the address of a call that the flow found. */
uint64_t
graft_flow_call_addr(const struct graft_flow *flow,
		     const struct graft_flow_call *call);

#endif /* GRAFT_DIFF_FLOW_H */
