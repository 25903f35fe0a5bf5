// SPDX-License-Identifier: Apache-2.0

// Two members of one object trade places; its symbol and its size stay.
// debug: g sym
// compiler: gcc

#ifdef NEW
static struct {
	long second, first, third;
} object;
#else
static struct {
	long first, second, third;
} object;
#endif

__attribute__((noinline)) long
set(long value)
{
	object.first += value;
	return object.second;
}

__attribute__((noinline)) void
set_all(long value)
{
	object.first = value;
	object.second = value * 2;
	object.third++;
}

long
probe(long input)
{
	set_all(input);
	return set(input) + object.third;
}
