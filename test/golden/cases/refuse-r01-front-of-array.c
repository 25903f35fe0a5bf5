// SPDX-License-Identifier: Apache-2.0

// Where the walk backwards ends is in front of the array: in NEW exactly where the
// new variable starts, which is no part of it.
// compiler: gcc
// opt: -O2
// debug: g sym

struct row {
	long *at;
	int kind;
	long value;
};

// gcc lays them out from the last to the first.
static struct row rows[32];
static int missed;
static int hits;
#ifdef NEW
static int odd;
#endif
static int puts;
static int used;
static long values[8];

__attribute__((noinline)) static void
put(int i, long value)
{
	rows[used++] = (struct row){ &values[i], i & 1, value };
	hits += i & 1;
	missed += i & 2;
	puts ^= 1;
}

long
probe(long input)
{
	int count = used = 0;
	long sum = 0;

	for (int i = 0; i < (input & 7); i++)
		put(i, input + i);
	count = used;
	while (used) {
		struct row *row = &rows[--used];
		if (row->kind == 1)
			*row->at = row->value;
		row->at[0] += row->kind == 1 ? 2 : 1;
	}
	for (int i = 0; i < 8; i++)
		sum = sum * 3 + values[i];
	values[input & 7] = 0;
#ifdef NEW
	odd = count & 1 ? odd + 1 : odd;
	sum += count + (odd > 1000);
#endif
	return sum + hits + missed + puts * 0;
}
