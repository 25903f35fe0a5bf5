// SPDX-License-Identifier: Apache-2.0

// The part of a function that was cut off keeps the address, from a register that is
// none for arguments.
// compiler: gcc
// opt: -O2

struct cfg {
	long k, m;
};
static const struct cfg *kept;
static long rare, alarms;
#ifdef NEW
static const struct cfg a = { 1, 4 }, b = { 2, 6 };
#else
static const struct cfg a = { 1, 3 }, b = { 2, 5 };
#endif
__attribute__((noinline, cold)) long
note(long x)
{
	rare += x;
	return 1;
}
__attribute__((noinline)) long
go(long x)
{
	const struct cfg *t = x & 2 ? &a : &b;
	long s = t->k;
	if (__builtin_expect(x == 3, 0)) {
		note(x);
		if (kept && kept != t)
			alarms++;
		kept = t;
	}
	return s + t->m;
}
long
probe(long x)
{
	long r = go(x);
	return alarms * 100 + r;
}
