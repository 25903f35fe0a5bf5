// SPDX-License-Identifier: Apache-2.0

// How long a process stands still for a whole `graft apply` and `graft revert`,
// as seen inside it: `apply THREADS ROUNDS GRAFT FIX` prints JSON. The program is
// its own victim; FIX is a hotpatch of it, made of this source compiled with and
// without NEW. The floor takes turns with them.
//
// Graft itself takes a processor from the threads that measure. So what counts
// here is the time in which none of them ran, for the floor as well.

#include "victim.h"

#include <fcntl.h>
#include <spawn.h>

enum {
	SETTLE_US = 20 * 1000,
	ROUNDS_MAX = 1000,
};

extern char **environ;

/** What one way of pausing took. */
struct series {
	const char *name;
	uint64_t still_ns[ROUNDS_MAX];
	size_t count;
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
run_floor(pid_t pid, struct victim_gap *times)
{
	static struct floor floor;

	if (!floor_attach(&floor, pid))
		die("apply: attach");
	(void)usleep(SETTLE_US);
	times->start_ns = floor_now_ns();
	if (!floor_run(&floor))
		die("apply: a thread went away");
	times->end_ns = floor_now_ns();
}

static void
run_graft(char **argv, struct victim_gap *times)
{
	posix_spawn_file_actions_t quiet;
	int status;
	pid_t tool;

	(void)posix_spawn_file_actions_init(&quiet);
	(void)posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO,
					       "/dev/null", O_WRONLY, 0);
	times->start_ns = floor_now_ns();
	if (posix_spawn(&tool, argv[0], &quiet, NULL, argv, environ) != 0 ||
	    waitpid(tool, &status, 0) != tool)
		die("apply: start graft");
	times->end_ns = floor_now_ns();
	(void)posix_spawn_file_actions_destroy(&quiet);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		(void)fprintf(stderr, "apply: graft %s failed\n", argv[1]);
		exit(1);
	}
}

static void
add(struct series *series, const struct victim_gap *times)
{
	(void)usleep(SETTLE_US);
	series->still_ns[series->count++] = victim_still_ns(times->start_ns,
							    times->end_ns);
}

static void
print(struct series *series)
{
	size_t n = series->count;

	qsort(series->still_ns, n, sizeof(uint64_t), floor_compare);
	printf(",\"%s\":{\"still_us\":{\"best\":%.1f,\"median\":%.1f,"
	       "\"worst\":%.1f}}",
	       series->name, (double)series->still_ns[0] / 1000,
	       (double)series->still_ns[n / 2] / 1000,
	       (double)series->still_ns[n - 1] / 1000);
}

int
main(int argc, char **argv)
{
	static struct series floor = { .name = "floor" };
	static struct series apply = { .name = "apply" };
	static struct series revert = { .name = "revert" };
	int threads = argc == 5 ? atoi(argv[1]) : 0;
	int rounds = argc == 5 ? atoi(argv[2]) : 0;
	char number[16];

	if (threads < 4 || rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr,
			      "usage: apply THREADS ROUNDS GRAFT FIX\n");
		return 2;
	}
	pid_t pid = victim_start(threads);
	if (pid < 0)
		die("apply: start the victim");
	(void)snprintf(number, sizeof(number), "%d", pid);
	char *line[] = { argv[3], NULL, argv[4], "--pid", number, NULL };
	for (int i = 0; i < rounds; i++) {
		struct victim_gap times;
		run_floor(pid, &times);
		add(&floor, &times);
		line[1] = "apply";
		run_graft(line, &times);
		add(&apply, &times);
		line[1] = "revert";
		run_graft(line, &times);
		add(&revert, &times);
	}
	victim_stop(pid);
	printf("{\"threads\":%d,\"rounds\":%d", threads, rounds);
	print(&floor);
	print(&apply);
	print(&revert);
	printf("}\n");
	return 0;
}
