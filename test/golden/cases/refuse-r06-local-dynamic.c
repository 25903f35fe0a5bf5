// SPDX-License-Identifier: Apache-2.0

// Two thread-local variables changed places, and only an instruction behind
// the call of __tls_get_addr says so.
// compiler: gcc
// kind: so

#ifdef NEW
static __thread long second;
static __thread long first;
#else
static __thread long first;
static __thread long second;
#endif

__attribute__((noinline)) long *
get_first(void)
{
	return &first;
}

__attribute__((noinline)) long *
get_second(void)
{
	return &second;
}

long
probe(long input)
{
	*(input & 1 ? get_first() : get_second()) += input;
	return *get_first() * 3 - *get_second();
}
