// SPDX-License-Identifier: Apache-2.0

// A program that loads a library is put to sleep before it runs, and always goes on.
//
// The program is this one, with one argument; the library a copy of cmocka.

#include "proc/park.h"

#include "victim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
	/** What the program ends with. */
	STATUS = 7,
	LEAD_US = 10 * 1000 * 1000,
	SLEEP_US = 60 * 1000 * 1000,
	SHORT_US = 100 * 1000,
	KILLS = 60,
	/** Looks at what it does, a millisecond apart. */
	TRIES = 10 * 1000,
};

/** How the program is run. */
enum how { PLAIN, READS, FILTERED };

struct stage {
	char dir[64];
	char library[128];
	int events_fd;
};

/** A program that waits in the open of the library. */
struct opener {
	pid_t pid;
	/** It writes there when it runs. */
	int fd;
	struct fanotify_event_metadata event;
};

static int
set_up(void **state)
{
	static struct stage stage;
	char command[512];
	Dl_info info = { 0 };

	(void)snprintf(stage.dir, sizeof(stage.dir), "/tmp/graft-park-XXXXXX");
	if (!mkdtemp(stage.dir) ||
	    !dladdr((void *)_cmocka_run_group_tests, &info))
		return -1;
	(void)snprintf(stage.library, sizeof(stage.library),
		       "%s/libcmocka.so.0", stage.dir);
	(void)snprintf(command, sizeof(command), "cp -L %s %s", info.dli_fname,
		       stage.library);
	if (system(command) != 0)
		return -1;
	stage.events_fd = fanotify_init(
		FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_REPORT_TID, O_CLOEXEC);
	if (stage.events_fd >= 0 &&
	    fanotify_mark(stage.events_fd, FAN_MARK_ADD, FAN_OPEN_PERM,
			  AT_FDCWD, stage.library) != 0) {
		(void)close(stage.events_fd);
		stage.events_fd = -1;
	}
	*state = &stage;
	return 0;
}

static int
tear_down(void **state)
{
	const struct stage *stage = *state;

	(void)close(stage->events_fd);
	(void)unlink(stage->library);
	(void)rmdir(stage->dir);
	return 0;
}

/** Have the kernel kill whoever makes ppoll(2). */
static void
forbid_sleep(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ppoll, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/** Become the program. */
static void
become(const struct stage *stage, enum how how)
{
	if (how == READS)
		_exit(open(stage->library, O_RDONLY) >= 0 ? STATUS : 1);
	if (how == FILTERED)
		forbid_sleep();
	(void)setenv("LD_LIBRARY_PATH", stage->dir, 1);
	(void)execl("/proc/self/exe", "park", "run", NULL);
	_exit(1);
}

/** Start the program, up to where it opens the library. */
static struct opener
start(const struct stage *stage, enum how how)
{
	struct opener opener = { 0 };
	int ends[2];

	if (stage->events_fd < 0)
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	opener.pid = fork();
	assert_true(opener.pid >= 0);
	if (opener.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(ends[1], STDOUT_FILENO);
		become(stage, how);
	}
	(void)close(ends[1]);
	opener.fd = ends[0];
	assert_int_equal(
		read(stage->events_fd, &opener.event, sizeof(opener.event)),
		sizeof(opener.event));
	assert_int_equal(opener.event.pid, opener.pid);
	return opener;
}

static void
allow(const struct stage *stage, const struct opener *opener)
{
	const struct fanotify_response response = { .fd = opener->event.fd,
						    .response = FAN_ALLOW };

	assert_int_equal(write(stage->events_fd, &response, sizeof(response)),
			 sizeof(response));
	(void)close(opener->event.fd);
}

/** Has the program said something? */
static bool
runs(const struct opener *opener)
{
	struct pollfd fd = { .fd = opener->fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/** See that the program ran, to its end. */
static void
assert_ends(struct opener *opener)
{
	int status = 0;

	assert_int_equal(waitpid(opener->pid, &status, 0), opener->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS);
	(void)close(opener->fd);
}

/** Wait until it sleeps where it was put to sleep. */
static bool
gets_to_sleep(pid_t pid)
{
	char text[256] = "";

	for (int i = 0; i < TRIES; i++) {
		// Of one that runs there is no number.
		if (graft_proc_slurp(text, sizeof(text), "/proc/%d/syscall",
				     pid) > 0 &&
		    atoi(text) == SYS_ppoll)
			return true;
		(void)usleep(1000);
	}
	print_message("# %s\n", text);
	return false;
}

static void
a_program_that_loads_a_library_sleeps_before_it_runs(void **state)
{
	const struct stage *stage = *state;
	struct opener opener = start(stage, PLAIN);
	struct graft_park *park = NULL;
	struct graft_proc_status status = { 0 };

	assert_ok(graft_park_seize(opener.pid, opener.pid, &park));
	allow(stage, &opener);
	assert_ok(graft_park_sleep(park, LEAD_US, SLEEP_US));
	assert_true(gets_to_sleep(opener.pid));
	assert_ok(graft_proc_status_read(opener.pid, &status));
	assert_int_equal(status.tracer, 0);
	assert_false(runs(&opener));
	uint64_t start_ms = now_ms();
	graft_park_wake(park);
	assert_ends(&opener);
	assert_true(now_ms() - start_ms < SLEEP_US / 2000);
	graft_park_free(park);
}

static void
who_is_not_woken_goes_on_when_its_time_is_over(void **state)
{
	const struct stage *stage = *state;
	struct opener opener = start(stage, PLAIN);
	struct graft_park *park = NULL;

	assert_ok(graft_park_seize(opener.pid, opener.pid, &park));
	allow(stage, &opener);
	uint64_t start_ms = now_ms();
	assert_ok(graft_park_sleep(park, LEAD_US, SHORT_US));
	graft_park_free(park);
	assert_ends(&opener);
	assert_true(now_ms() - start_ms >= SHORT_US / 1000);
}

static void
who_is_woken_at_any_moment_goes_on(void **state)
{
	const struct stage *stage = *state;

	for (useconds_t i = 0; i < 20; i++) {
		struct opener opener = start(stage, PLAIN);
		struct graft_park *park = NULL;
		assert_ok(graft_park_seize(opener.pid, opener.pid, &park));
		allow(stage, &opener);
		assert_ok(graft_park_sleep(park, LEAD_US,
					   i % 2 ? 1000 : SLEEP_US));
		(void)usleep(i % 4 * 500);
		graft_park_wake(park);
		assert_ends(&opener);
		graft_park_free(park);
	}
}

static void
who_seized_it_can_be_killed_at_any_moment(void **state)
{
	const struct stage *stage = *state;

	for (useconds_t i = 0; i < KILLS; i++) {
		struct opener opener = start(stage, PLAIN);
		int ends[2];
		char byte = 0;
		assert_int_equal(pipe(ends), 0);
		pid_t usher = fork();
		if (usher == 0) {
			struct graft_park *park = NULL;
			if (graft_park_seize(opener.pid, opener.pid, &park))
				_exit(1);
			(void)!write(ends[1], "S", 1);
			graft_error_free(graft_park_sleep(park, LEAD_US, 5000));
			graft_park_wake(park);
			for (;;)
				(void)pause();
		}
		assert_int_equal(read(ends[0], &byte, 1), 1);
		allow(stage, &opener);
		(void)usleep(i * 60);
		(void)kill(usher, SIGKILL);
		(void)waitpid(usher, NULL, 0);
		assert_ends(&opener);
		(void)close(ends[0]);
		(void)close(ends[1]);
	}
}

static void
who_opens_it_for_something_else_is_left_alone(void **state)
{
	const struct stage *stage = *state;
	struct opener opener = start(stage, READS);
	struct graft_park *park = NULL;

	assert_error(graft_park_seize(opener.pid, opener.pid, &park),
		     GRAFT_ERROR_REFUSED, "does not load a library");
	assert_null(park);
	allow(stage, &opener);
	assert_ends(&opener);
}

static void
who_would_be_killed_for_sleeping_does_not_sleep(void **state)
{
	const struct stage *stage = *state;
	struct opener opener = start(stage, FILTERED);
	struct graft_park *park = NULL;

	assert_ok(graft_park_seize(opener.pid, opener.pid, &park));
	allow(stage, &opener);
	assert_error(graft_park_sleep(park, LEAD_US, SLEEP_US),
		     GRAFT_ERROR_REFUSED, "cannot be made to sleep");
	assert_ends(&opener);
	graft_park_free(park);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_program_that_loads_a_library_sleeps_before_it_runs),
		cmocka_unit_test(
			who_is_not_woken_goes_on_when_its_time_is_over),
		cmocka_unit_test(who_is_woken_at_any_moment_goes_on),
		cmocka_unit_test(who_seized_it_can_be_killed_at_any_moment),
		cmocka_unit_test(who_opens_it_for_something_else_is_left_alone),
		cmocka_unit_test(
			who_would_be_killed_for_sleeping_does_not_sleep),
	};

	(void)argv;
	if (argc > 1) {
		(void)!write(STDOUT_FILENO, "x", 1);
		return STATUS;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
