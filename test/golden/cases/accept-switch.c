// SPDX-License-Identifier: Apache-2.0

// A jump table is longer and has other targets.

__attribute__((noinline)) static long
decide(long a, long b)
{
	switch (a) {
	case 0:
		return b + 11;
	case 1:
		return b * 3;
	case 2:
		return b - 9;
	case 3:
		return b ^ 77;
	case 4:
		return b << 3;
	case 5:
		return b % 7;
	case 6:
		return ~b;
#ifdef NEW
	case 7:
		return b * b;
	case 8:
		return b | 1024;
	case 9:
		return b * 31 + 5;
#endif
	case 10:
		return b & 12;
	case 11:
		return -b * 2;
	default:
		return -1;
	}
}

long
probe(long input)
{
	return decide(input, input + 100);
}
