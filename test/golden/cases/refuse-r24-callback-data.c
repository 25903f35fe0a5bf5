// SPDX-License-Identifier: Apache-2.0

// A callback is handed a number, and in NEW an address. Both are `void *`; one
// that was registered before the switch is called with the number.

struct slot {
	long value;
	long uses;
};

static struct slot slots[4];
static long (*registered)(void *data, long input);
static void *registered_data;

__attribute__((noinline)) void
add_callback(long (*function)(void *, long), void *data)
{
	registered = function;
	registered_data = data;
}

__attribute__((noinline)) static long
work(void *data, long input)
{
#ifdef NEW
	struct slot *slot = data;
#else
	int number = (int)(long)data;
	struct slot *slot = &slots[number & 3];
#endif
	slot->value += input;
	return slot->value;
}

void
setup(void)
{
#ifdef NEW
	add_callback(work, &slots[2]);
#else
	add_callback(work, (void *)2);
#endif
}

long
probe(long input)
{
	return registered(registered_data, input);
}
