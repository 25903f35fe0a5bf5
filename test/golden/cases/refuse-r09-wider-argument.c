// SPDX-License-Identifier: Apache-2.0

// An argument becomes a long: callers that stay leave anything in its upper half.

#ifdef NEW
typedef long position;
#else
typedef int position;
#endif

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

__attribute__((noinline)) int
letter(position at, const char *text)
{
	return text[at] + 1;
}

static int (*volatile caller)(position, const char *) = letter;

long
probe(long input)
{
	return caller((position)(input & 15), letters);
}
