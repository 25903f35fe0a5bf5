// SPDX-License-Identifier: Apache-2.0

// A thread-local variable is new: blocks of running threads have no room.

__thread long first = 4;
#ifdef NEW
__thread long more = 9;
#endif

long
probe(long input)
{
#ifdef NEW
	more += input;
	return first + more;
#else
	first += input;
	return first;
#endif
}
