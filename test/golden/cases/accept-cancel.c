// SPDX-License-Identifier: Apache-2.0

// A thread ends inside carried C code, by itself and by another's wish: what the
// code cleans up behind itself is run, its own and that of its callers.
// cflags: -fexceptions
// ldflags: -pthread

#include <pthread.h>
#include <unistd.h>

static int ready[2];
static long cleaned;
static volatile int stop;

static void
undo(volatile long *value)
{
	cleaned += *value;
}

__attribute__((noinline)) static void
wait_here(long input)
{
	char byte;

	if (input % 2)
		pthread_exit(NULL);
	(void)!write(ready[1], "", 1);
	while (!stop)
		(void)!read(-1, &byte, 1), usleep(1000);
}

__attribute__((noinline)) static void
carried(long input)
{
#ifdef NEW
	__attribute__((cleanup(undo))) volatile long value =
		input * input * input + input;
#else
	__attribute__((cleanup(undo))) volatile long value = input * input +
							     input;
#endif
	wait_here(input);
}

static void *
run(void *arg)
{
	__attribute__((cleanup(undo))) volatile long value = 10000;

	carried((long)arg);
	return NULL;
}

extern long
probe(long input)
{
	pthread_t thread;
	char byte;

	if (input > 5)
		return input;
	cleaned = 0;
	if (!ready[1] && pipe(ready))
		return -1;
	if (pthread_create(&thread, NULL, run, (void *)input))
		return -2;
	if (input % 2 == 0) {
		(void)!read(ready[0], &byte, 1);
		pthread_cancel(thread);
	}
	pthread_join(thread, NULL);
	return cleaned;
}
