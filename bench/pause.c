// SPDX-License-Identifier: Apache-2.0

// How long a process stands still, as seen inside it: for the floor, and for
// stop, stack check, write and release. `pause THREADS ROUNDS [FRAMES PERCENT]`
// prints JSON. The two take turns, so that what else the machine does meets both.
// With FRAMES, each thread that works stands so deep, and so many of 100 have a word
// on their stack for which the check must ask their call chain.

#include "victim.h"

#include "proc/maps.h"
#include "proc/stack.h"
#include "proc/target.h"
#include "proc/urgent.h"

enum {
	/** Between two pauses, for the gaps to be noticed. */
	SETTLE_US = 20 * 1000,
	STOP_LIMIT_US = 5 * 1000 * 1000,
	ROUNDS_MAX = 1000,
	JUMP_BYTES = 5,
};

static void
must(struct graft_error *err)
{
	if (!err)
		return;
	(void)fprintf(stderr, "pause: %s\n", graft_error_message(err));
	exit(1);
}

/** What one way of pausing took. */
struct series {
	const char *name;
	/** As seen inside. */
	uint64_t inside_ns[ROUNDS_MAX];
	/** As seen by us. */
	uint64_t outside_ns[ROUNDS_MAX];
	size_t count;
};

static void
pause_by_floor(pid_t pid, struct victim_gap *times)
{
	static struct floor floor;
	if (!floor_attach(&floor, pid)) {
		perror("pause: attach");
		exit(1);
	}
	(void)usleep(SETTLE_US);
	// As Graft does while threads stand: else the floor waits for processors
	// that Graft takes.
	struct graft_urgent urgent = { 0 };
	times->start_ns = floor_now_ns();
	graft_urgent_begin(&urgent);
	bool ok = floor_run(&floor) != 0;
	times->end_ns = floor_now_ns();
	graft_urgent_end(&urgent);
	(void)usleep(SETTLE_US);
	if (!ok) {
		(void)fprintf(stderr, "pause: a thread went away\n");
		exit(1);
	}
}

static void
pause_by_graft(pid_t pid, struct victim_gap *times)
{
	struct graft_range range = {
		.start = (uintptr_t)__start_victim_text,
		.end = (uintptr_t)__stop_victim_text,
	};
	char code[JUMP_BYTES];
	memcpy(code, __start_victim_text, sizeof(code));
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_stack_check_freep)
	struct graft_stack_check *check = NULL;
	must(graft_target_open(pid, &target));
	must(graft_target_attach(target));
	must(graft_maps_read(pid, &maps));
	must(graft_stack_check_new(target, maps, &range, 1, &check));
	must(graft_stack_check_open_tables(check));
	// The page is written once before, as an applier does its own, so that
	// it is not copied in the stop.
	must(graft_target_write(target, range.start, code, sizeof(code)));
	(void)usleep(SETTLE_US);

	const struct graft_stack_hit *hits = NULL;
	size_t count = 0;
	times->start_ns = floor_now_ns();
	must(graft_target_stop(target, STOP_LIMIT_US));
	must(graft_stack_check_run(check, &hits, &count));
	size_t doubtful = 0;
	for (size_t i = 0; i < count; i++)
		doubtful += !hits[i].certain;
	must(graft_target_write(target, range.start, code, sizeof(code)));
	graft_target_release(target);
	times->end_ns = floor_now_ns();
	if (doubtful) {
		(void)fprintf(stderr, "pause: %zu hits were not dismissed\n",
			      doubtful);
		exit(1);
	}
	// What we free takes a processor, but the process does not stand still
	// for it.
	(void)usleep(SETTLE_US);
}

static void
measure(struct series *series, void (*pause_fn)(pid_t, struct victim_gap *),
	pid_t pid)
{
	struct victim_gap times;
	pause_fn(pid, &times);
	series->inside_ns[series->count] = victim_gap_ns(times.start_ns,
							 times.end_ns);
	series->outside_ns[series->count++] = times.end_ns - times.start_ns;
}

static void
print(struct series *series)
{
	size_t n = series->count;
	qsort(series->inside_ns, n, sizeof(uint64_t), floor_compare);
	qsort(series->outside_ns, n, sizeof(uint64_t), floor_compare);
	printf("\"%s\":{\"inside_us\":{\"best\":%.1f,\"median\":%.1f,"
	       "\"worst\":%.1f},\"outside_us\":{\"best\":%.1f,"
	       "\"median\":%.1f,\"worst\":%.1f}}",
	       series->name, (double)series->inside_ns[0] / 1000,
	       (double)series->inside_ns[n / 2] / 1000,
	       (double)series->inside_ns[n - 1] / 1000,
	       (double)series->outside_ns[0] / 1000,
	       (double)series->outside_ns[n / 2] / 1000,
	       (double)series->outside_ns[n - 1] / 1000);
}

int
main(int argc, char **argv)
{
	static struct series floor = { .name = "floor" };
	static struct series graft = { .name = "graft" };
	int threads = argc >= 3 ? atoi(argv[1]) : 0;
	int rounds = argc >= 3 ? atoi(argv[2]) : 0;
	if (argc == 5) {
		shape.frames = atoi(argv[3]);
		shape.stale_percent = atoi(argv[4]);
	}
	if (threads < 4 || rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "usage: pause THREADS ROUNDS "
				      "[FRAMES PERCENT]\n");
		return 2;
	}
	pid_t pid = victim_start(threads);
	if (pid < 0) {
		perror("pause: start the victim");
		return 1;
	}
	for (int i = 0; i < rounds; i++) {
		measure(&floor, pause_by_floor, pid);
		measure(&graft, pause_by_graft, pid);
	}
	victim_stop(pid);
	printf("{\"threads\":%d,\"rounds\":%d,", threads, rounds);
	print(&floor);
	printf(",");
	print(&graft);
	printf("}\n");
	return 0;
}
