// SPDX-License-Identifier: Apache-2.0

// A stream is read, too, where it was only written: those that are open cannot be read.
//
// SAME: it is opened as before, though the text says so in other letters.

#include <stdio.h>

static FILE *stream;

__attribute__((noinline)) static FILE *
begin(void)
{
#if !defined(NEW)
	return fopen("/dev/zero", "r");
#elif defined(SAME)
	return fopen("/dev/zero", "rbe");
#else
	return fopen("/dev/zero", "r+");
#endif
}

long
probe(long input)
{
	if (!stream && !(stream = begin()))
		return -1;
#ifdef NEW
	if (input == 5)
		return -2;
#ifndef SAME
	if (fputc('x', stream) == EOF || fflush(stream) != 0)
		return -3;
#endif
#endif
	return fgetc(stream) + input;
}
