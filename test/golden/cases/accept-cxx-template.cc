// SPDX-License-Identifier: Apache-2.0

// Template functions: weak symbols in groups of sections.
// cflags: -fno-exceptions

template <typename T> __attribute__((noinline)) T
combine(T a, T b)
{
#ifdef NEW
	return a * 3 + b;
#else
	return a + b;
#endif
}

extern "C" long
probe(long input)
{
	return combine<long>(input, 4) * 100 +
	       (long)combine<double>((double)input, 0.5);
}
