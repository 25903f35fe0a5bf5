// SPDX-License-Identifier: Apache-2.0

// kind: pie
// cflags: -fPIE
// The executable holds a copy of a variable of libc.

#include <stdio.h>
#include <unistd.h>

extern char **environ;

__attribute__((noinline)) static long
streams(long value)
{
#ifdef NEW
	return (stdout != stderr) * 10 + (environ != NULL) + value * 2 +
	       fileno(stdout) * 1000;
#else
	return (stdout != stderr) + (environ != NULL) + value +
	       fileno(stdout) * 1000;
#endif
}

long
probe(long input)
{
	return streams(input);
}
