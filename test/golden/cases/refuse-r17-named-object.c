// SPDX-License-Identifier: Apache-2.0
// debug: g sym

// A structure that begins with text is no text: the old one was put into a
// register of names by its address, and is looked for by its address.

struct kind {
	char name[16];
	long weight;
};

static const struct kind plain = { "plain",
#ifdef NEW
				   7
#else
				   5
#endif
};

const struct kind *volatile known[4];

__attribute__((noinline, noclone)) static long
find(const struct kind *kind, long add)
{
	for (long i = 0; i < 4; i++) {
		if (known[i] == kind)
			return i + 1;
		if (add && !known[i]) {
			known[i] = kind;
			return i + 1;
		}
	}
	return 0;
}

void
setup(void)
{
	find(&plain, 1);
}

long
probe(long input)
{
	return find(&plain, 0) * 10 + plain.weight + input;
}
