// SPDX-License-Identifier: Apache-2.0

// A renumbered constant is handed to a function that stores it.
// debug: g sym

#ifdef NEW
enum { READING = 5, WRITING = 4 };
#else
enum { READING = 4, WRITING = 5 };
#endif

static int mode[16];

__attribute__((noinline)) void
set_mode(long at, int value)
{
	mode[at & 15] = value;
}

__attribute__((noinline)) void
start_reading(long at)
{
	set_mode(at, READING);
}

__attribute__((noinline)) void
start_writing(long at)
{
	set_mode(at + 1, WRITING);
}

long
probe(long input)
{
	start_reading(input);
	start_writing(input);
	return mode[input & 15] == READING;
}
