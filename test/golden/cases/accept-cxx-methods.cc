// SPDX-License-Identifier: Apache-2.0

// Methods, virtual ones too, of objects that OLD made. No exceptions.
// cflags: -fno-exceptions

struct shape {
	long side;
	explicit shape(long s) : side(s) {}
	virtual long area() const { return side; }
	virtual long edges() const { return 1; }
};

struct square : shape {
	using shape::shape;
#ifdef NEW
	__attribute__((noinline)) long area() const override
	{
		return side * side;
	}
#else
	__attribute__((noinline)) long area() const override
	{
		return side * 4;
	}
#endif
	long edges() const override { return 4; }
};

static shape *kept;

extern "C" void
setup()
{
	static square one(3);

	kept = &one;
}

extern "C" long
probe(long input)
{
	square local(input);
	const shape *volatile any = &local;

	return any->area() * 1000 + kept->area() * 10 + any->edges();
}
