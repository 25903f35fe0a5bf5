// SPDX-License-Identifier: Apache-2.0

// A way out that forgot to give a reference back gives it back, and something else
// is returned.

struct object {
	int count;
	long value;
};

static struct object objects[4];

__attribute__((noinline)) static long
use(struct object *object, long value)
{
	__atomic_fetch_add(&object->count, 1, __ATOMIC_SEQ_CST);
	if (value > 9) {
#ifdef NEW
		__atomic_fetch_sub(&object->count, 1, __ATOMIC_SEQ_CST);
#endif
		return -value;
	}
	object->value = value;
	__atomic_fetch_sub(&object->count, 1, __ATOMIC_SEQ_CST);
#ifdef NEW
	return value + 1;
#else
	return value;
#endif
}

long
probe(long input)
{
	return use(&objects[input & 3], input);
}
