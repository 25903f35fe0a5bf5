// SPDX-License-Identifier: Apache-2.0

// compiler: clang
// Only a text of the same length changed, to which nothing but a table of
// distances leads: the table's bytes are the same.

__attribute__((noinline)) static const char *
name_of(long kind)
{
#ifdef NEW
	static const char *const names[] = { "root", "news", "part", "rest" };
#else
	static const char *const names[] = { "root", "text", "part", "rest" };
#endif

	return names[kind & 3];
}

long
probe(long input)
{
	return name_of(input)[0] + name_of(input)[3] * 3;
}
