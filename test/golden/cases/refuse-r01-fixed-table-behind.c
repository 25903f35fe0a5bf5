// SPDX-License-Identifier: Apache-2.0

// kind: exec
// compiler: gcc clang
// opt: -O2 -O3
// debug: g sym
// Only the table changed, and the one function that reads it names what stands in front
// of it: `table-40(,%rdi,8)`. No address in code leads to what differs.

static const long before[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
#ifdef NEW
static const long table[8] = { 10, 20, 30, 40, 50, 60, 70, 81 };
#else
static const long table[8] = { 10, 20, 30, 40, 50, 60, 70, 80 };
#endif

__attribute__((noinline)) static long
first(long at)
{
	return before[at & 7];
}

__attribute__((noinline)) static long
second(long at)
{
	return table[at - 5];
}

long
probe(long input)
{
	return first(input) + second((input & 7) + 5);
}
