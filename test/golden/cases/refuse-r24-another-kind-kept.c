// SPDX-License-Identifier: Apache-2.0

// A stream is kept; in NEW it is memory that holds the stream and more. The
// variable has one type on both sides.

#include <stdio.h>
#include <stdlib.h>

struct wrapped {
	FILE *stream;
	long lines;
};

void *kept;
static long calls;

__attribute__((noinline)) static void
start(void)
{
#ifdef NEW
	struct wrapped *wrapped = malloc(sizeof(*wrapped));
	if (!wrapped)
		return;
	wrapped->stream = fopen("/dev/null", "w");
	wrapped->lines = 0;
	kept = wrapped;
#else
	free(NULL);
	if (!malloc(0))
		return;
	kept = fopen("/dev/null", "w");
#endif
}

__attribute__((noinline)) static int
say(const char *text)
{
#ifdef NEW
	struct wrapped *wrapped = kept;
	wrapped->lines++;
	return fputs(text, wrapped->stream);
#else
	return fputs(text, kept);
#endif
}

long
probe(long input)
{
	if (!kept)
		start();
	return kept ? (say("x") >= 0) + input + ++calls : -1;
}
