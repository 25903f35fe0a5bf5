// SPDX-License-Identifier: Apache-2.0

// A class gains a destructor, so that `new[]` writes the number of objects in
// front of an array, and `delete[]` expects it there.
// debug: g

struct entry {
	long value;
#ifdef NEW
	~entry() noexcept;
#endif
};

long ended;

#ifdef NEW
entry::~entry() noexcept
{
	ended += value;
}
#endif

static entry *entries;
static long count;

extern "C" __attribute__((noinline)) void
setup()
{
	count = 4;
	entries = new entry[count];
	for (long i = 0; i < count; i++)
		entries[i].value = i;
}

extern "C" __attribute__((noinline)) void
again()
{
	delete[] entries;
	setup();
}

extern "C" long
probe(long input)
{
	if (input % 3 == 0)
		again();
	return entries[input & 3].value + input;
}
