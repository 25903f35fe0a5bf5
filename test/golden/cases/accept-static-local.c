// SPDX-License-Identifier: Apache-2.0

// A static local keeps its value across the switch.

long
probe(long input)
{
	static long calls;

	calls++;
#ifdef NEW
	return calls * 1000 + input - 7;
#else
	return calls * 1000 + input;
#endif
}
