// SPDX-License-Identifier: Apache-2.0

// In front of the array stands a new one of rows as large: nothing but what OLD's
// function took shows that the end of the walk backwards is not its start.
// compiler: gcc
// opt: -O2
// debug: g sym

struct row {
	int at;
	int kind;
	int value;
};

// gcc lays them out from the last to the first.
static struct row rows[32];
#ifdef NEW
static int odd[3] __attribute__((aligned(4)));
#endif
static int more;
static int missed;
static int hits;
static int puts;
static int used;
static long values[8];

__attribute__((noinline)) static void
put(int i, int value)
{
	rows[used++] = (struct row){ i, i & 1, value };
	hits += i & 1;
	missed += i & 2;
	more += i & 4;
	puts ^= 1;
}

long
probe(long input)
{
	int count = used = 0;
	long sum = 0;

	for (int i = 0; i < (input & 7); i++)
		put(i, (int)input + i);
	count = used;
	while (used) {
		struct row *row = &rows[--used];
		if (row->kind == 1)
			values[row->at] = row->value;
		values[row->at] += row->kind == 1 ? 2 : 1;
	}
	for (int i = 0; i < 8; i++)
		sum = sum * 3 + values[i];
	values[input & 7] = 0;
#ifdef NEW
	odd[count & 1] += count & 1;
	sum += count + (odd[0] > 1000);
#endif
	return sum + hits + missed + more;
}
