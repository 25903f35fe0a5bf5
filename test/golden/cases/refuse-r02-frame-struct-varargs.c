// SPDX-License-Identifier: Apache-2.0

// The address is one of any arguments, and is found in the list of them.
// debug: g
// opt: -O0 -O2

#include "../frame-struct.h"
#include <stdarg.h>

__attribute__((noinline, noclone)) static void
save(int n, ...)
{
	va_list ap;
	va_start(ap, n);
	long *w = va_arg(ap, long *);
	long t0 = store[0], t1 = store[1];
	store[0] = w[0];
	store[1] = w[1];
	w[0] = t0;
	w[1] = t1;
	va_end(ap);
}
long
probe(long input)
{
	struct rec r;
	fill(&r, input);
	save(1, &r);
	return sum(&r);
}
