// SPDX-License-Identifier: Apache-2.0

// compiler: gcc
// opt: -O2 -O3
// Functions that the compiler clones for constant arguments, for parts of
// structures, and cuts in parts: NEW has other clones than OLD.

#include <stdlib.h>

struct pair {
	long a;
	long b;
	long c;
};

static long calls;

// For one constant: f.constprop.
__attribute__((noinline)) static long
scaled(long value, int factor)
{
	calls++;
	for (int i = 0; i < factor; i++)
		value = value * 31 + i + (value >> 3);
	return value;
}

// By value instead of by reference: f.isra.
__attribute__((noinline)) static long
sum_of(const struct pair *pair, long scale)
{
	calls += 2;
	return pair->a * scale + pair->c;
}

// The unlikely part of it: f.part, f.cold.
static long
checked(long value)
{
	if (__builtin_expect(value > 1000, 0)) {
		calls += 100;
		if (calls > 100000)
			abort();
		return value % 1000;
	}
#ifdef NEW
	if (__builtin_expect(value < -1000, 0)) {
		calls += 50;
		return -value;
	}
#endif
	return value;
}

long
probe(long input)
{
	struct pair pair = { input, 2, input / 3 };
	long sum;

	calls = 0;
	sum = scaled(checked(input), 7);

#ifdef NEW
	sum += scaled(input, 9) - sum_of(&pair, 5);
#else
	sum += sum_of(&pair, 3);
#endif
	return sum + checked(input * 2) + calls;
}
