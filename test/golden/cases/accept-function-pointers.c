// SPDX-License-Identifier: Apache-2.0

// A function keeps its address: pointers taken before and after the switch are
// the same, and a table that OLD filled calls the new code.

typedef long
op_fn(long);

__attribute__((noinline)) static long
twice(long value)
{
#ifdef NEW
	return value * 2 + 1;
#else
	return value * 2;
#endif
}

__attribute__((noinline)) static long
negate(long value)
{
	return -value;
}

static op_fn *const table[] = { twice, negate };
static op_fn *volatile remembered;

__attribute__((noinline)) static long
compare(op_fn *op)
{
#ifdef NEW
	return op == twice ? 1000 : op == negate ? 3000 : 2000;
#else
	return op == twice ? 100 : op == negate ? 300 : 200;
#endif
}

void
setup(void)
{
	remembered = twice;
}

long
probe(long input)
{
	op_fn *op = table[input & 1];

	return op(input) + compare(op) + compare(remembered) +
	       remembered(input) * 1000000;
}
