// SPDX-License-Identifier: Apache-2.0

// Seconds were kept, and milliseconds are. What OLD stored is in seconds.

struct timer {
	long id;
	long due;
};

struct timer timer;

__attribute__((noinline, noclone)) static void
set(struct timer *t, int seconds)
{
	t->id++;
#ifdef NEW
	t->due = seconds * 1000L;
#else
	t->due = seconds;
#endif
}

__attribute__((noinline, noclone)) static long
left(const struct timer *t, long now)
{
#ifdef NEW
	return t->due - now;
#else
	return t->due * 1000 - now;
#endif
}

void
setup(void)
{
	set(&timer, 60);
}

long
probe(long input)
{
	if (input == 1000)
		set(&timer, (int)input);
	return left(&timer, input);
}
