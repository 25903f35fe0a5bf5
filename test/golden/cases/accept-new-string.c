// SPDX-License-Identifier: Apache-2.0

// A string is longer, and one is new.

long
probe(long input)
{
#ifdef NEW
	const char *text = input & 1 ? "odd, that is" : "not odd, but even";
#else
	const char *text = input & 1 ? "odd" : "even";
#endif
	return text[0] * 10 + text[input % 3];
}
