// SPDX-License-Identifier: Apache-2.0

// kind: so
// A symbol that others may have bound is gone.

#ifndef NEW
long
extra(long value)
{
	return value + 1;
}
#endif

long
probe(long input)
{
	return input;
}
