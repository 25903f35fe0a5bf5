// SPDX-License-Identifier: Apache-2.0

// The initial value of a variable is another; the process has the old one.

long limit
#ifdef NEW
	= 20;
#else
	= 10;
#endif

long
probe(long input)
{
	if (input == 1000)
		limit++;
	return input > limit ? limit : input;
}
