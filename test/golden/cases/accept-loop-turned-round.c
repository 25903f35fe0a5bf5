// SPDX-License-Identifier: Apache-2.0

// A loop over bytes goes the other way: what several steps at once reach through a
// pointer to bytes and an index lies at other distances, and nothing moved. (clang
// counts from two behind the element, which is refused.)
// debug: g
// compiler: gcc

static unsigned char bytes[64];

void
setup(void)
{
	for (int i = 0; i < 64; i++)
		bytes[i] = (unsigned char)(i * 7);
}

__attribute__((noinline)) static unsigned long
sum_of(const unsigned char *from, long count)
{
	unsigned long sum = 0;

#ifdef NEW
	for (long i = count - 1; i >= 0; i--)
		sum += from[i] ^ 1;
#else
	for (long i = 0; i < count; i++)
		sum += from[i];
#endif
	return sum;
}

long
probe(long input)
{
	return (long)sum_of(bytes, input & 63);
}
