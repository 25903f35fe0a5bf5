// SPDX-License-Identifier: Apache-2.0

// What a function did is done by a new part of it, which has a variable of its own:
// it is done as often as before.
// debug: g sym

long last;
long sum;

#ifdef NEW
__attribute__((noinline)) static void
note(long input)
{
	static long noted;

	last = input;
	sum += input;
	noted += input == 1000;
	if (noted)
		last++;
}
#endif

long
probe(long input)
{
	long before = last;

	sum = 0;
#ifdef NEW
	note(input);
#else
	last = input;
	sum += input;
#endif
	before = input == 3 ? 3 : before - before;
#ifdef NEW
	before += input == 4;
#endif
	return before * 100 + sum;
}
