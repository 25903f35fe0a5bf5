// SPDX-License-Identifier: Apache-2.0

// A reference is counted in another function than before.
// opt: -O2 -O3 -Os

struct object {
	int count;
	long value;
};

static struct object objects[4];

__attribute__((noinline)) struct object *
find(long at)
{
	struct object *object = &objects[at & 3];

#ifndef NEW
	__atomic_fetch_add(&object->count, 1, __ATOMIC_SEQ_CST);
#endif
	return object;
}

__attribute__((noinline)) long
use(struct object *object, long value)
{
#ifdef NEW
	__atomic_fetch_add(&object->count, 1, __ATOMIC_SEQ_CST);
#endif
	object->value += value;
	return object->value;
}

__attribute__((noinline)) void
drop(struct object *object)
{
	__atomic_fetch_sub(&object->count, 1, __ATOMIC_SEQ_CST);
}

long
probe(long input)
{
	struct object *object = find(input);
	long value = use(object, input);

	drop(object);
	return value;
}
