// SPDX-License-Identifier: Apache-2.0

// A function of the table takes its argument elsewhere than types are read to say, and
// keeps the address.
// opt: -O2 -O3 -Os

struct ops {
	long k;
	long(__attribute__((ms_abi)) * run)(const void *p);
};
static const void *kept;
static long alarms;
static __attribute__((ms_abi)) long
keep(const void *p)
{
	if (kept && kept != p)
		alarms++;
	kept = p;
	return 1;
}
#ifdef NEW
static const struct ops table[2] = { { 18, keep }, { 3, keep } };
#else
static const struct ops table[2] = { { 17, keep }, { 3, keep } };
#endif
__attribute__((noinline)) long
go(long i)
{
	const struct ops *t = table;
	__asm__("" : "+r"(t));
	return t->run(t) + t[i & 1].k;
}
long
probe(long x)
{
	return go(x) + alarms * 100;
}
