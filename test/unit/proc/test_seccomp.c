// SPDX-License-Identifier: Apache-2.0

#include "proc/seccomp.h"

#include "victim.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/** What a child does before it waits. */
enum before { NOTHING, FILTER, STRICT };

/** A child that was seized and stands. */
struct child {
	pid_t pid;
	int fd;
	struct user_regs_struct regs;
};

/** Let everything through. */
static void
install_filter(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K,
					       SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = code };

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(1);
}

/** The life of a child. @param[in] nr The call that it waits in. */
__attribute__((noreturn)) static void
live(enum before before, long nr, int fd)
{
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (before == FILTER)
		install_filter();
	if (before == STRICT && prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
		_exit(1);
	for (;;)
		(void)syscall(nr, fd, &byte, 1);
}

static struct child
start(enum before before, long nr)
{
	struct child child;
	int fds[2];
	int status;

	assert_int_equal(pipe(fds), 0);
	child.pid = fork();
	if (child.pid == 0)
		live(before, nr, fds[0]);
	(void)close(fds[0]);
	child.fd = fds[1];
	assert_true(gets_into_state(child.pid, 'S'));
	assert_int_equal(ptrace(PTRACE_SEIZE, child.pid, NULL, NULL), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, child.pid, NULL, NULL), 0);
	assert_int_equal(waitpid(child.pid, &status, __WALL), child.pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_GETREGS, child.pid, NULL, &child.regs),
			 0);
	return child;
}

static void
end(const struct child *child)
{
	(void)kill(child->pid, SIGKILL);
	assert_int_equal(waitpid(child->pid, NULL, __WALL), child->pid);
	(void)close(child->fd);
}

/** What both ways say of a child; the slow one is what is true. */
static void
expect(enum before before, long nr, bool none)
{
	GRAFT_CLEANUP(graft_filters_deinit)
	struct graft_filters filters = { 0 };
	struct child child = start(before, nr);
	struct graft_error *err = graft_filters_read(child.pid, &filters);
	bool clean = !err && !filters.count && !filters.shadow_stack;

	graft_error_free(err);
	assert_int_equal(clean, before == NOTHING);
	assert_int_equal(graft_filters_none(child.pid, &child.regs), none);
	end(&child);
}

static void
who_waits_and_has_none_is_known_at_once(void **state)
{
	(void)state;
	expect(NOTHING, SYS_pause, true);
}

static void
a_filter_is_seen(void **state)
{
	(void)state;
	expect(FILTER, SYS_pause, false);
}

static void
who_waits_where_strict_mode_may_is_not_known(void **state)
{
	(void)state;
	expect(NOTHING, SYS_read, false);
	expect(STRICT, SYS_read, false);
}

static void
who_waits_in_no_call_is_not_known(void **state)
{
	(void)state;
	struct child child = start(NOTHING, SYS_pause);

	child.regs.orig_rax = UINT64_MAX;
	assert_false(graft_filters_none(child.pid, &child.regs));
	child.regs.orig_rax = SYS_prctl;
	child.regs.rax = 0;
	assert_false(graft_filters_none(child.pid, &child.regs));
	end(&child);
}

static void
who_is_not_ours_is_not_known(void **state)
{
	(void)state;
	struct user_regs_struct regs = { .orig_rax = SYS_pause,
					 .rax = (uint64_t)-514 };

	assert_false(graft_filters_none(getpid(), &regs));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_and_has_none_is_known_at_once),
		cmocka_unit_test(a_filter_is_seen),
		cmocka_unit_test(who_waits_where_strict_mode_may_is_not_known),
		cmocka_unit_test(who_waits_in_no_call_is_not_known),
		cmocka_unit_test(who_is_not_ours_is_not_known),
	};
	(void)prctl(PR_SET_NAME, "test_seccomp");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
