// SPDX-License-Identifier: Apache-2.0

// kind: exec
// compiler: gcc
// cflags: -fno-toplevel-reorder
// opt: -O2 -O3 -Os
// debug: g sym
// Text has no symbol. One function names what stands in front of it, `text-5(%rdi)`, and
// only another one names the text itself.

static const long table[16] = { 1, 2, 3, 4, 5 };
#ifdef NEW
#define TEXT "abcdefgX"
#else
#define TEXT "abcdefgh"
#endif

__attribute__((noinline)) static long
name(void)
{
	const char *text = TEXT;

	__asm__("" : "+r"(text));
	return text[0];
}

__attribute__((noinline)) static long
before(void)
{
	const char *text = "previous text";

	__asm__("" : "+r"(text));
	return text[0];
}

__attribute__((noinline)) static long
letter(long at)
{
	return TEXT[at - 5];
}

long
probe(long input)
{
	const long *numbers = table;

	__asm__("" : "+r"(numbers));
	return before() + name() + letter((input & 7) + 5) +
	       numbers[input & 15];
}
