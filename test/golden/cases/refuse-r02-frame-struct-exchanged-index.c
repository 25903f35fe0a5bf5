// SPDX-License-Identifier: Apache-2.0

// An index into the struct seems to be the constant that it was: but an exchange that
// failed left another number in the register, which no operand of it says.
// debug: g
// opt: -O0 -O2

struct rec {
	long a;
#ifdef NEW
	long added;
#endif
	long b;
	long c;
};
static volatile long key = 1;
static long store[2];
__attribute__((noinline, noclone)) static void
fill(struct rec *r, long v)
{
	*(volatile long *)&r->a = v;
	*(volatile long *)&r->b = v * 7;
	*(volatile long *)&r->c = v ^ 3;
}
__attribute__((noinline, noclone)) static long
sum(const struct rec *r)
{
	return *(volatile long *)&r->a * 3 + *(volatile long *)&r->b -
	       *(volatile long *)&r->c;
}

long
probe(long input)
{
	struct rec r;
	long expected = 0;

	fill(&r, input);
	(void)__atomic_compare_exchange_n(&key, &expected, 9, 0,
					  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	key = 1;
	long was = store[0];
	store[0] = ((volatile long *)&r)[expected];
	return was * 3 + sum(&r);
}
