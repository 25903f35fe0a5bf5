// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// Two thread-local variables change places; the segment stays as it is.

#ifdef NEW
__thread long second;
__thread long first;
#else
__thread long first;
__thread long second;
#endif

long
probe(long input)
{
	first += input;
	second -= input;
	return first * 1000 - second;
}
