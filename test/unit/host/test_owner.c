// SPDX-License-Identifier: Apache-2.0

// Whose a process is.

#include "host/owner.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	USER = 61235,
	OTHER = 61236,
};

/** What a child becomes before it says that it is ready. @return false: it cannot. */
typedef bool
become_fn(void);

/** Start a process that becomes something, and waits. @return 0: it cannot. */
static pid_t
start(become_fn *become)
{
	int ends[2];
	char byte = 0;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = become() ? 'y' : 'n';
		// To become another user forgets it.
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(ends[1], &byte, 1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	if (byte == 'y')
		return pid;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static uid_t
owner_of(pid_t pid)
{
	uid_t owner = 12345;

	assert_null(graft_owner_read(pid, &owner));
	return owner;
}

static bool
stay(void)
{
	return true;
}

static bool
be_user(void)
{
	return setresuid(USER, USER, USER) == 0;
}

/** As a program with the s bit that a user began. */
static bool
be_set_by_user(void)
{
	return setresuid(USER, 0, 0) == 0;
}

/** As one that may go back to a user. */
static bool
be_back_soon(void)
{
	return setresuid(0, 0, USER) == 0;
}

static bool
be_for_a_while(void)
{
	return setresuid(0, USER, 0) == 0;
}

static void
whoever_may_signal_it_has_it(void **state)
{
	(void)state;
	static become_fn *const ways[] = { be_user, be_set_by_user,
					   be_back_soon, be_for_a_while };

	if (geteuid() != 0)
		skip();
	pid_t pid = start(stay);
	assert_int_equal(owner_of(pid), 0);
	end(pid);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid = start(ways[i]);
		assert_int_equal(owner_of(pid), USER);
		end(pid);
	}
}

static void
who_has_ended_is_known_until_somebody_waited(void **state)
{
	(void)state;
	siginfo_t info;

	if (geteuid() != 0)
		skip();
	pid_t pid = start(be_user);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(owner_of(pid), USER);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	uid_t owner = 12345;
	struct graft_error *err = graft_owner_read(pid, &owner);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_TARGET_GONE);
	assert_int_equal(owner, 12345);
	graft_error_free(err);
}

static bool
be_in_own_namespace(void)
{
	return be_user() && unshare(CLONE_NEWUSER) == 0;
}

/** Write a file of our own in /proc/self. */
static bool
tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/** Within another one: only who is somebody in a namespace may make another there. */
static bool
be_deep_in_own_namespace(void)
{
	return setresgid(USER, USER, USER) == 0 && be_user() &&
	       prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 &&
	       unshare(CLONE_NEWUSER) == 0 &&
	       tell("/proc/self/setgroups", "deny") &&
	       tell("/proc/self/uid_map", "0 61235 1") &&
	       tell("/proc/self/gid_map", "0 61235 1") &&
	       unshare(CLONE_NEWUSER) == 0;
}

static void
who_made_the_namespace_has_all_in_it(void **state)
{
	(void)state;
	static become_fn *const ways[] = { be_in_own_namespace,
					   be_deep_in_own_namespace };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid = geteuid() == 0 ? start(ways[i]) : 0;
		if (!pid)
			skip();
		assert_int_equal(owner_of(pid), USER);
		end(pid);
	}
}

/** As a server of root that has a worker. */
static bool
have_worker(void)
{
	return start(be_user) > 0;
}

static void
who_forks_the_workers_of_a_user_counts_as_his(void **state)
{
	(void)state;
	bool is;

	if (geteuid() != 0)
		skip();
	pid_t pid = start(have_worker);
	assert_int_equal(owner_of(pid), 0);
	assert_null(graft_owner_is(pid, USER, &is));
	assert_true(is);
	assert_null(graft_owner_is(pid, OTHER, &is));
	assert_false(is);
	end(pid);
	pid = start(be_user);
	assert_null(graft_owner_is(pid, USER, &is));
	assert_true(is);
	end(pid);
	assert_null(graft_owner_is(pid, USER, &is));
	assert_false(is);
}

static void
what_says_nothing_of_users_is_refused(void **state)
{
	(void)state;
	struct graft_owner_ids ids = { 1, 2, 3 };

	assert_false(graft_owner_parse("Name:\tx\n", &ids));
	assert_false(graft_owner_parse("Name:\tx\nUid:\t1\t2\n", &ids));
	assert_int_equal(ids.real, 1);
	assert_true(graft_owner_parse("Name:\tx\nUid:\t7\t8\t9\t9\n", &ids));
	assert_int_equal(ids.real, 7);
	assert_int_equal(ids.effective, 8);
	assert_int_equal(ids.saved, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_may_signal_it_has_it),
		cmocka_unit_test(who_has_ended_is_known_until_somebody_waited),
		cmocka_unit_test(who_made_the_namespace_has_all_in_it),
		cmocka_unit_test(who_forks_the_workers_of_a_user_counts_as_his),
		cmocka_unit_test(what_says_nothing_of_users_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
