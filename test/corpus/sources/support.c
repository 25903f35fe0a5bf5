// SPDX-License-Identifier: Apache-2.0

#include "corpus.h"

#include <stdarg.h>

static unsigned long said;
static size_t allocated;

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	said++;
}

int
corpus_each(corpus_fn *fn, void *arg, int count)
{
	// Through memory, so that no compiler sees who is called.
	corpus_fn *volatile call = fn;
	int sum = 0;

	for (int i = 0; i < count; i++)
		sum += call(arg, i);
	return sum;
}

void *
corpus_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory) {
		fprintf(stderr, "no memory after %zu bytes\n", allocated);
		exit(1);
	}
	allocated += size;
	return memory;
}

char *
corpus_copy(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = corpus_alloc(len);

	memcpy(copy, text, len);
	return copy;
}

unsigned
corpus_hash(const char *text)
{
	unsigned hash = 2166136261u;

	while (*text)
		hash = (hash ^ (unsigned char)*text++) * 16777619u;
	return hash;
}

unsigned
corpus_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16 & 0x7fff;
}
