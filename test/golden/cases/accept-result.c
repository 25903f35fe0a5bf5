// SPDX-License-Identifier: Apache-2.0

// Functions of every kind of result change in what they compute.
// kind: so

#ifdef NEW
#define CHECK(x)                                                               \
	if (x > 8)                                                             \
	return x - 6
#else
#define CHECK(x)
#endif

__attribute__((noinline)) int
as_int(long *a, int b)
{
	CHECK(b);
	return (int)*a + b;
}

__attribute__((noinline)) long
as_long(const int *a, long b)
{
	CHECK(b);
	return b ? *a + b : 0;
}

__attribute__((noinline)) double
as_double(const int *a, long b)
{
	CHECK(b);
	return *a * 0.5 + (double)b;
}

__attribute__((noinline)) float
as_float(float a, int b)
{
	CHECK(b);
	return a * b;
}

__attribute__((noinline)) unsigned char
as_char(unsigned a, unsigned b)
{
	CHECK(b);
	return a >> 3 | b << 2;
}

static int (*volatile calls_int)(long *, int) = as_int;
static long (*volatile calls_long)(const int *, long) = as_long;
static double (*volatile calls_double)(const int *, long) = as_double;
static float (*volatile calls_float)(float, int) = as_float;
static unsigned char (*volatile calls_char)(unsigned, unsigned) = as_char;

long
probe(long input)
{
	long wide = input * 3;
	int narrow = (int)input;

	return calls_int(&wide, narrow) + calls_long(&narrow, wide) +
	       (long)calls_double(&narrow, wide) +
	       (long)calls_float((float)narrow, narrow) +
	       calls_char((unsigned)narrow, (unsigned)wide);
}
