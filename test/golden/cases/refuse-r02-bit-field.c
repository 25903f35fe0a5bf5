// SPDX-License-Identifier: Apache-2.0

// A bit-field is inserted: those behind it move within their word.

struct flags {
	unsigned kind : 3;
#ifdef NEW
	unsigned more : 2;
#endif
	unsigned level : 4;
	unsigned count : 5;
};

__attribute__((noinline)) long
level(const struct flags *flags)
{
	return flags->level + 1;
}

__attribute__((noinline)) void
set_count(struct flags *flags, long count)
{
	flags->count = (unsigned)count;
}

static struct flags flags;

long
probe(long input)
{
	set_count(&flags, input);
	return level(&flags);
}
