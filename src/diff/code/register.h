// SPDX-License-Identifier: Apache-2.0

/** @file Numbers of general registers. Inside diff/ only. */

#ifndef GRAFT_DIFF_REGISTER_H
#define GRAFT_DIFF_REGISTER_H

#include <Zydis/Zydis.h>
#include <stdint.h>

enum {
	/** No general register. */
	GRAFT_REGISTER_NONE = 16,
};

/**
 * Get the number of a general register, as instructions encode it: 0 is %rax, 15
 * is %r15.
 *
 * @param[in] reg Of any width; %ah has the number of %rax.
 * @return The number, or #GRAFT_REGISTER_NONE.
 */
uint8_t
graft_register_number(ZydisRegister reg);

#endif /* GRAFT_DIFF_REGISTER_H */
