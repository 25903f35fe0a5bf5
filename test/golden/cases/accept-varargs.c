// SPDX-License-Identifier: Apache-2.0

// The register save area of a function with variable arguments.

#include <stdarg.h>

__attribute__((noinline)) static long
sum(int count, ...)
{
	va_list list;
	long total = 0;

	va_start(list, count);
	while (count-- > 0) {
#ifdef NEW
		total = total * 3 + va_arg(list, long);
#else
		total += va_arg(list, long);
#endif
	}
	va_end(list);
	return total;
}

long
probe(long input)
{
	return sum(9, input, 1L, 2L, 3L, 4L, 5L, 6L, 7L, input);
}
