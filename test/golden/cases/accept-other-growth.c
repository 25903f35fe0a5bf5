// SPDX-License-Identifier: Apache-2.0

// A vector grows in other steps, and a text gets one byte more: no object that
// exists is used otherwise.
// same: what differs is how much is asked for

#include <stdlib.h>
#include <string.h>

static struct {
	int *list;
	size_t count;
	size_t room;
} numbers;

__attribute__((noinline)) static int
push(int number)
{
	if (numbers.count == numbers.room) {
#ifdef NEW
		size_t room = numbers.room + numbers.room / 2 + 8;
#else
		size_t room = numbers.room * 2 + 8;
#endif
		int *list = realloc(numbers.list, room * sizeof(*list));
		if (!list)
			return -1;
		numbers.list = list;
		numbers.room = room;
	}
	numbers.list[numbers.count++] = number;
	return 0;
}

__attribute__((noinline)) static size_t
copied(const char *text)
{
	size_t len = strlen(text);
#ifdef NEW
	char *copy = malloc(len + 2);
#else
	char *copy = malloc(len + 1);
#endif
	if (!copy)
		return 0;
	memcpy(copy, text, len);
	copy[len] = 0;
#ifdef NEW
	copy[len + 1] = 0;
#endif
	len = strlen(copy);
	free(copy);
	return len;
}

long
probe(long input)
{
	if (push((int)input))
		return -1;
	return numbers.list[0] + (long)copied(input & 1 ? "odd" : "even");
}
