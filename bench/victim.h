// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A process of many threads that sees for itself how long it stood still: two
 * threads do nothing but read the clock and keep the longest gap, the others
 * work a little and sleep.
 */

#ifndef GRAFT_BENCH_VICTIM_H
#define GRAFT_BENCH_VICTIM_H

#include "floor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	MEASURING_THREADS = 2,
	WORK_SLEEP_US = 10 * 1000,
	GAPS = 4096,
	/** Shorter ones are the clock's. */
	GAP_MIN_NS = 5 * 1000,
};

/** What stands on the stacks of the threads that work. */
struct victim_shape {
	/** Frames above each of them; 0: they are shallow. */
	int frames;
	/** How many of 100 have a word on their stack that points into what is
	 * to be replaced, left over from a call. */
	int stale_percent;
};

/** A time in which a measuring thread did not run. */
struct victim_gap {
	uint64_t start_ns;
	uint64_t end_ns;
};

/** What the process tells us. */
struct victim_gaps {
	struct victim_gap rings[MEASURING_THREADS][GAPS];
	/** How many were written to each ring since the start. */
	atomic_size_t counts[MEASURING_THREADS];
	atomic_int ready;
};

static struct victim_gaps *gaps;
static struct victim_shape shape;

#ifdef NEW
#define VICTIM_INCREMENT 1442695040888963411U
#else
#define VICTIM_INCREMENT 1442695040888963407U
#endif

/** What is to be replaced. It is not on a stack for long. */
static __attribute__((section("victim_text"), noinline, used)) uint64_t
victim_work(uint64_t value)
{
	for (int i = 0; i < 100; i++)
		value = value * 6364136223846793005U + VICTIM_INCREMENT;
	return value;
}
extern const char __start_victim_text[];
extern const char __stop_victim_text[];

static inline void *
victim_measure(void *arg)
{
	size_t index = (size_t)(uintptr_t)arg;
	uint64_t last = floor_now_ns();
	atomic_fetch_add(&gaps->ready, 1);
	for (;;) {
		uint64_t now = floor_now_ns();
		if (now - last > GAP_MIN_NS) {
			size_t at = atomic_load(&gaps->counts[index]);
			gaps->rings[index][at % GAPS] =
				(struct victim_gap){ last, now };
			atomic_store(&gaps->counts[index], at + 1);
		}
		last = now;
	}
	return NULL;
}

static inline void
victim_work_on(uint64_t value)
{
	atomic_fetch_add(&gaps->ready, 1);
	for (;;) {
		value = victim_work(value);
		(void)usleep(WORK_SLEEP_US);
	}
}

static void
victim_climb(int frames, uint64_t value);

// Eight functions that call each other, each with a frame of its own size, for a
// chain is seldom one function alone.
#define VICTIM_FRAME(n)                                                        \
	static __attribute__((noinline)) void victim_frame_##n(int frames,     \
							       uint64_t value) \
	{                                                                      \
		volatile uint64_t room[4 + 3 * (n)];                           \
		room[n] = value + (n);                                         \
		victim_climb(frames - 1, room[n]);                             \
		room[n] = 0;                                                   \
	}
VICTIM_FRAME(0)
VICTIM_FRAME(1)
VICTIM_FRAME(2)
VICTIM_FRAME(3)
VICTIM_FRAME(4)
VICTIM_FRAME(5)
VICTIM_FRAME(6)
VICTIM_FRAME(7)
#undef VICTIM_FRAME

static inline __attribute__((always_inline)) void
victim_climb(int frames, uint64_t value)
{
	static void (*const next[])(int, uint64_t) = {
		victim_frame_0, victim_frame_1, victim_frame_2, victim_frame_3,
		victim_frame_4, victim_frame_5, victim_frame_6, victim_frame_7,
	};
	if (frames > 0)
		next[frames % 8](frames, value);
	else
		victim_work_on(value);
}

static inline void *
victim_worker(void *arg)
{
	uint64_t value = (uintptr_t)arg;
	// As a return address that nobody took away.
	volatile uintptr_t word = 0;
	if ((int)(value % 10) * 10 < shape.stale_percent)
		word = (uintptr_t)__start_victim_text + 8;
	victim_climb(shape.frames, value);
	return (void *)word;
}

static inline void
victim_main(int threads)
{
	pthread_attr_t attr;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 256 * 1024);
	for (int i = 0; i < threads - 1; i++) {
		pthread_t thread;
		bool measures = i < MEASURING_THREADS;
		if (pthread_create(&thread, &attr,
				   measures ? victim_measure : victim_worker,
				   (void *)(uintptr_t)i) != 0)
			_exit(1);
	}
	(void)victim_worker((void *)(uintptr_t)threads);
}

/** Start one. @return Its process id, or -1. */
static inline pid_t
victim_start(int threads)
{
	gaps = mmap(NULL, sizeof(*gaps), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (gaps == MAP_FAILED)
		return -1;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		victim_main(threads);
		_exit(0);
	}
	for (int i = 0; pid > 0 && atomic_load(&gaps->ready) < threads; i++) {
		if (i == 10 * 1000)
			return -1;
		(void)usleep(1000);
	}
	return pid;
}

/**
 * The longest gap of any measuring thread that has to do with a time: what else
 * took the processors away before and after is left out.
 */
static inline uint64_t
victim_gap_ns(uint64_t start_ns, uint64_t end_ns)
{
	uint64_t longest = 0;
	for (size_t i = 0; i < MEASURING_THREADS; i++) {
		size_t count = atomic_load(&gaps->counts[i]);
		for (size_t j = 0; j < count && j < GAPS; j++) {
			const struct victim_gap *gap = &gaps->rings[i][j];
			uint64_t len = gap->end_ns - gap->start_ns;
			if (gap->start_ns < end_ns && gap->end_ns > start_ns &&
			    len > longest)
				longest = len;
		}
	}
	return longest;
}

/** Get a gap of a ring if it is of a time, else an empty one. */
static inline struct victim_gap
victim_gap_in(size_t ring, size_t at, uint64_t start_ns, uint64_t end_ns)
{
	const struct victim_gap *gap = &gaps->rings[ring][at];
	struct victim_gap none = { 0 };

	return gap->start_ns < end_ns && gap->end_ns > start_ns ? *gap : none;
}

/** The longest time, of those that have to do with a time, in which no measuring
 * thread ran. */
static inline uint64_t
victim_still_ns(uint64_t start_ns, uint64_t end_ns)
{
	uint64_t longest = 0;
	for (size_t i = 0; i < GAPS; i++) {
		struct victim_gap a = victim_gap_in(0, i, start_ns, end_ns);
		for (size_t k = 0; a.end_ns && k < GAPS; k++) {
			struct victim_gap b = victim_gap_in(1, k, start_ns,
							    end_ns);
			uint64_t from = a.start_ns > b.start_ns ? a.start_ns
								: b.start_ns;
			uint64_t to = a.end_ns < b.end_ns ? a.end_ns : b.end_ns;
			if (to > from && to - from > longest)
				longest = to - from;
		}
	}
	return longest;
}

static inline void
victim_stop(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)munmap(gaps, sizeof(*gaps));
}

#endif /* GRAFT_BENCH_VICTIM_H */
