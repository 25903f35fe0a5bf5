// SPDX-License-Identifier: Apache-2.0

// Only an immediate operand differs.

long
probe(long input)
{
#ifdef NEW
	return input * 7 + 1000;
#else
	return input * 5 + 1000;
#endif
}
