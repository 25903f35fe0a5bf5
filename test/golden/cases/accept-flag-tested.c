// SPDX-License-Identifier: Apache-2.0

// Another flag is tested, and what is masked stays as it is.

struct state {
	unsigned count;
	unsigned flags;
};

__attribute__((noinline)) static long
rate(const struct state *state, long input)
{
#ifdef NEW
	if (state->flags & 8)
#else
	if (state->flags & 4)
#endif
		return input;
	return (state->count & 0xff) + (input & 3);
}

static struct state state;

long
probe(long input)
{
	state.count += input;
	state.flags ^= input;
	return rate(&state, input);
}
