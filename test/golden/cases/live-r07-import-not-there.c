// SPDX-License-Identifier: Apache-2.0

// kind: so
// ldflags: -Wl,-z,lazy -Wl,--unresolved-symbols=ignore-all
// NEW calls a function that nothing in the process defines.

#ifdef NEW
extern long
nobody_defines_this(long);
#endif

long
probe(long input)
{
#ifdef NEW
	return nobody_defines_this(input);
#else
	return input * 3;
#endif
}
