// SPDX-License-Identifier: Apache-2.0

/** @file The address that an instruction names. */

#ifndef GRAFT_EXPLAIN_NAMED_H
#define GRAFT_EXPLAIN_NAMED_H

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * Find the address that an instruction names: RIP-relative, or of a branch.
 *
 * @param[in] operands At least the visible operands of @p insn.
 * @param[in] addr Where the instruction stands.
 * @param[out] ret Written if there is one.
 */
bool
graft_named_find(const ZydisDecodedInstruction *insn,
		 const ZydisDecodedOperand *operands, uint64_t addr,
		 uint64_t *ret);

#endif /* GRAFT_EXPLAIN_NAMED_H */
