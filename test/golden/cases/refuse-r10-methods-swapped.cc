// SPDX-License-Identifier: Apache-2.0

// cflags: -fno-exceptions
// debug: g sym
// Two virtual functions trade places: the table has the same size, the calls
// look the same, and objects have the old table.

struct base {
#ifdef NEW
	virtual long other(long v) const { return v * 3; }
	virtual long value(long v) const { return v * 2 + 1; }
#else
	virtual long value(long v) const { return v * 2 + 1; }
	virtual long other(long v) const { return v * 3; }
#endif
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
#ifdef NEW
	return kept->other(input) + kept->value(1) * 10;
#else
	return kept->value(input) + kept->other(1) * 10;
#endif
}
