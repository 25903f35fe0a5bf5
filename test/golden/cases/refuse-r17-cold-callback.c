// SPDX-License-Identifier: Apache-2.0

// What is called was loaded from the table, but for a part that was cut off and comes
// back to the call with another pointer: that function keeps the address.
// compiler: gcc
// opt: -O2 -O3

struct ops {
	void (*cb)(const struct ops *, long);
	long k;
};
typedef void
fn(const struct ops *, long);
static const struct ops *kept;
static long seen, rare, alarms;
static void
plain(const struct ops *o, long x)
{
	seen += x;
}
void
keep(const struct ops *o, long x)
{
	if (kept && kept != o)
		alarms++;
	kept = o;
}
#ifdef NEW
static const struct ops defaults = { plain, 18 };
#else
static const struct ops defaults = { plain, 17 };
#endif
fn *other = keep;
__attribute__((noinline, cold)) fn *
find_other(const char *s)
{
	rare++;
	return other;
}
__attribute__((noinline)) long
go(long m, long x)
{
	const struct ops *t = &defaults;
	__asm__("" : "+r"(t));
	fn *f = t->cb;
	if (__builtin_expect(m, 0))
		f = find_other("x");
	f(t, x + t->k);
	return seen;
}
long
probe(long x)
{
	go(x & 1, x);
	return alarms * 100 + (seen = 0, go(0, x), seen);
}
