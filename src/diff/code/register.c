// SPDX-License-Identifier: Apache-2.0

#include "diff/code/register.h"

uint8_t
graft_register_number(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(
		ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15)
		return GRAFT_REGISTER_NONE;
	return (uint8_t)(whole - ZYDIS_REGISTER_RAX);
}
