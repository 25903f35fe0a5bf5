// SPDX-License-Identifier: Apache-2.0

// cflags: -fno-exceptions
// A virtual function stands in front of another: objects have the old table.

struct base {
#ifdef NEW
	virtual long before(long v) const { return v + 1; }
#endif
	virtual long value(long v) const { return v * 2; }
	virtual long other(long v) const { return v * 3; }
};

static base *volatile kept;

extern "C" void
setup()
{
	static base one;

	kept = &one;
}

extern "C" long
probe(long input)
{
	return kept->value(input) + kept->other(1);
}
