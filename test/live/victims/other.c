// SPDX-License-Identifier: Apache-2.0

// A second library. OLD: 1; NEW: 2. With OTHER_INITIAL an object that exists
// starts with another value, which a running process cannot be given.

#ifdef OTHER_INITIAL
static int start = 7;
#else
static int start = 3;
#endif

int
other_answer(int add);

int
other_answer(int add)
{
	start += add;
#ifdef NEW
	return add == 0 ? 2 : start;
#else
	return add == 0 ? 1 : start;
#endif
}
