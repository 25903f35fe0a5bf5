// SPDX-License-Identifier: Apache-2.0

// A callback of the table is called on one way, that of somebody else on the other, and
// both are handed the table: the other one keeps its address.
// compiler: clang
// opt: -O2 -O3 -Os

struct ops {
	void (*cb)(const struct ops *, long);
	long k;
};
static const struct ops *kept;
static long seen, own_count, alarms;
static void
plain(const struct ops *o, long x)
{
	seen += x;
}
static void
plain2(const struct ops *o, long x)
{
	seen += x * 2;
}
__attribute__((noinline)) void
keep(const struct ops *o, long x)
{
	if (kept && kept != o)
		alarms++;
	kept = o;
}
#ifdef NEW
static const struct ops defaults[2] = { { plain, 18 }, { plain2, 5 } };
#else
static const struct ops defaults[2] = { { plain, 17 }, { plain2, 5 } };
#endif
struct own {
	void (*cb)(const struct ops *, long);
	long k;
} mine = { keep, 0 };
__attribute__((noinline)) long
go(const struct ops *m, long x)
{
	const struct ops *t = &defaults[0], *u;
	__asm__("" : "+r"(t));
	u = t;
	if (m) {
		own_count++;
		u = m;
	}
	u->cb(t, x + t->k);
	return seen;
}
long
probe(long x)
{
	go(x & 1 ? (struct ops *)&mine : 0, x);
	return alarms * 100 + (seen = 0, go(0, x), seen);
}
