// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include "proc/maps.h"
#include "proc/status.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

static void
busy(struct victim_page *page)
{
	victim_work(page, 0);
}

static void
a_kernel_thread_is_refused(void **state)
{
	(void)state;
	struct graft_target *target = NULL;
	struct graft_proc_status status;
	// In a container there is none to see.
	struct graft_error *err = graft_proc_status_read(2, &status);
	if (err || !status.kernel) {
		graft_error_free(err);
		skip();
	}
	assert_error(graft_target_open(2, &target), GRAFT_ERROR_UNSUPPORTED,
		     "process 2 (kthreadd) is a kernel thread");
	assert_null(target);
}

static void
a_number_without_process_is_gone(void **state)
{
	(void)state;
	struct graft_target *target = NULL;
	assert_error(graft_target_open(0x3fffff, &target),
		     GRAFT_ERROR_TARGET_GONE, "no process 4194303");
	assert_error(graft_target_open(0, &target), GRAFT_ERROR_NOT_FOUND,
		     "0 is not a process id");
	assert_error(graft_target_open(-1, &target), GRAFT_ERROR_NOT_FOUND,
		     "-1 is not a process id");
}

static void
a_zombie_is_gone(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_true(gets_into_state(pid, 'Z'));
	struct graft_target *target = NULL;
	assert_error(graft_target_open(pid, &target), GRAFT_ERROR_TARGET_GONE,
		     "zombie");
	(void)waitpid(pid, NULL, 0);
}

static void *
report_tid(void *page)
{
	atomic_store(&((struct victim_page *)page)->answers[0], gettid());
	victim_work(page, 0);
	return NULL;
}

static void
threaded(struct victim_page *page)
{
	pthread_t thread;
	(void)pthread_create(&thread, NULL, report_tid, page);
	(void)pthread_join(thread, NULL);
}

static void
a_thread_is_not_a_process(void **state)
{
	(void)state;
	struct victim victim = victim_start(threaded, 1);
	struct graft_target *target = NULL;
	char text[64];
	(void)snprintf(text, sizeof(text), "a thread of process %d",
		       victim.pid);
	assert_error(
		graft_target_open((pid_t)atomic_load(&victim.page->answers[0]),
				  &target),
		GRAFT_ERROR_NOT_FOUND, text);
	victim_end(&victim);
}

static void
a_process_that_another_traces_names_its_tracer(void **state)
{
	(void)state;
	struct victim victim = victim_start(busy, 1);
	pid_t tracer = fork();
	if (tracer == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		atomic_store(&victim.page->tracing,
			     ptrace(PTRACE_SEIZE, victim.pid, 0, 0) == 0 ? 1
									 : -1);
		for (;;)
			(void)pause();
	}
	assert_true(reaches(&victim.page->tracing, 1));
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim.pid, &target));
	char text[64];
	(void)snprintf(text, sizeof(text), "is traced by process %d", tracer);
	assert_error(graft_target_attach(target), GRAFT_ERROR_TRACED, text);
	(void)kill(tracer, SIGKILL);
	(void)waitpid(tracer, NULL, 0);
	assert_ok(graft_target_attach(target));
	graft_target_close(target);
	assert_works(&victim, 0);
	victim_end(&victim);
}

/** Open a process as nobody. @return the exit status that says how it went. */
static int
open_as_nobody(pid_t pid)
{
	struct graft_target *target = NULL;
	if (setresgid(65534, 65534, 65534) != 0 ||
	    setresuid(65534, 65534, 65534) != 0)
		return 2;
	struct graft_error *err = graft_target_open(pid, &target);
	return err && graft_error_code(err) == GRAFT_ERROR_NOT_PERMITTED &&
			       strstr(graft_error_message(err),
				      "not permitted to trace process")
		       ? 0
		       : 1;
}

static void
a_process_of_somebody_else_is_not_permitted(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct victim victim = victim_start(busy, 1);
	pid_t child = fork();
	if (child == 0)
		_exit(open_as_nobody(victim.pid));
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_works(&victim, 0);
	victim_end(&victim);
}

/** A 32-bit program that only calls pause(2), as the kernel loads it. */
static const uint8_t PROGRAM_32[] = {
	0x7f,
	'E',
	'L',
	'F',
	1,
	1,
	1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	2,
	0,
	3,
	0,
	1,
	0,
	0,
	0,
	0x54,
	0x80,
	0x04,
	0x08,
	52,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	52,
	0,
	32,
	0,
	1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	// One PT_LOAD: the whole file at 0x08048000.
	1,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0x00,
	0x80,
	0x04,
	0x08,
	0x00,
	0x80,
	0x04,
	0x08,
	0x5d,
	0,
	0,
	0,
	0x5d,
	0,
	0,
	0,
	5,
	0,
	0,
	0,
	0,
	0x10,
	0,
	0,
	// mov $29, %eax; int $0x80; jmp to the start
	0xb8,
	29,
	0,
	0,
	0,
	0xcd,
	0x80,
	0xeb,
	0xf7,
};

static void
a_32_bit_process_is_refused(void **state)
{
	(void)state;
	int fd = memfd_create("program32", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, PROGRAM_32, sizeof(PROGRAM_32)),
			 sizeof(PROGRAM_32));
	int failed[2];
	assert_int_equal(pipe2(failed, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		char *argv[] = { (char *)"program32", NULL };
		(void)fexecve(fd, argv, argv + 1);
		(void)!write(failed[1], "", 1);
		_exit(77);
	}
	(void)close(fd);
	(void)close(failed[1]);
	// Kernels without CONFIG_IA32_EMULATION do not start it.
	char byte;
	bool none = read(failed[0], &byte, 1) == 1;
	(void)close(failed[0]);
	if (none) {
		(void)waitpid(pid, NULL, 0);
		skip();
	}
	// In pause(2): the kernel has written all that it is told by.
	assert_true(gets_into_state(pid, 'S'));
	struct graft_target *target = NULL;
	assert_error(graft_target_open(pid, &target), GRAFT_ERROR_UNSUPPORTED,
		     "is not a 64-bit process");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static const volatile int constant = 1;

__attribute__((noinline, aligned(64))) static int
answer(void)
{
	__asm__ volatile("");
	return constant;
}

static void
answerer(struct victim_page *page)
{
	for (;;) {
		atomic_store(&page->answers[0], answer());
		atomic_store(&page->answers[1], constant);
		atomic_fetch_add(&page->progress[0], 1);
		atomic_store(&page->ready, 1);
	}
}

static void
code_and_constants_are_written(void **state)
{
	(void)state;
	struct victim victim = victim_start(answerer, 1);
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim.pid, &target));
	assert_string_equal(graft_target_comm(target), "test_target");
	assert_ok(graft_target_attach(target));
	assert_ok(graft_target_stop(target, AWAIT_STOP_US));
	// mov $42, %eax; ret
	static const uint8_t code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	static const int other = 7;
	assert_ok(graft_target_write(target, (uintptr_t)answer, code,
				     sizeof(code)));
	assert_ok(graft_target_write(target, (uintptr_t)&constant, &other,
				     sizeof(other)));
	graft_target_release(target);
	assert_true(graft_target_pause_us(target) > 0);
	assert_works(&victim, 0);
	assert_int_equal(atomic_load(&victim.page->answers[0]), 42);
	assert_int_equal(atomic_load(&victim.page->answers[1]), 7);
	// Ours is another process.
	assert_int_equal(answer(), 1);
	graft_target_close(target);
	victim_end(&victim);
}

static void
memory_that_is_not_there_is_one_error(void **state)
{
	(void)state;
	// Far from where the kernel puts mappings: nothing comes behind it.
	uint8_t *pages = mmap(
		(void *)UINT64_C(0x200000000000), 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = NULL;
	assert_ok(graft_target_open(victim.pid, &target));
	uint64_t addr = (uintptr_t)pages;
	uint8_t buf[64];
	assert_ok(graft_target_read(target, addr + 4096 - 32, buf, 32));
	assert_ok(graft_target_read(target, addr + 4096, buf, 0));
	static const uint64_t bad[] = { 0, UINT64_MAX, UINT64_MAX - 63,
					INT64_MAX, UINT64_C(1) << 47 };
	struct graft_error *err = graft_target_read(target, addr + 4096 - 32,
						    buf, 64);
	assert_non_null(err);
	assert_int_equal(graft_error_errno(err), EFAULT);
	graft_error_free(err);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_error(graft_target_read(target, bad[i], buf, 64),
			     GRAFT_ERROR_OS, "Bad address");
		assert_error(graft_target_write(target, bad[i], buf, 64),
			     GRAFT_ERROR_OS, "Bad address");
	}
	graft_target_close(target);
	assert_works(&victim, 0);
	victim_end(&victim);
	assert_int_equal(munmap(pages, 4096), 0);
}

static void
a_status_file_is_understood(void **state)
{
	(void)state;
	struct graft_proc_status status = { 0 };
	graft_proc_status_parse("Name:\ta)\\n b\nState:\tS (sleeping)\n"
				"Tgid:\t12\nTracerPid:\t34\n"
				"Uid:\t1\t2\t3\t4\nVmSize:\t   100 kB\n"
				"VmLck:\t 8 kB\nThreads:\t5\nNoNewPrivs:\t1\n"
				"Seccomp:\t2\nSeccomp_filters:\t3\n"
				"x86_Thread_features:\tshstk wrss\n"
				"x86_Thread_features_locked:\tshstk\ncut",
				&status);
	assert_string_equal(status.comm, "a)\\n b");
	assert_int_equal(status.state, 'S');
	assert_int_equal(status.tgid, 12);
	assert_int_equal(status.tracer, 34);
	assert_int_equal(status.uid, 2);
	assert_int_equal(status.vm_size, 102400);
	assert_int_equal(status.vm_locked, 8192);
	assert_int_equal(status.threads, 5);
	assert_true(status.no_new_privs);
	assert_int_equal(status.seccomp, 2);
	assert_int_equal(status.seccomp_filters, 3);
	assert_true(status.shadow_stack);
	assert_true(graft_proc_stat_parse(
		"7 (a) R 1 (b) Z 1 1 1 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 1 0 "
		"777 0",
		&status));
	assert_int_equal(status.state, 'Z');
	assert_true(status.kernel);
	assert_int_equal(status.start_ticks, 777);
	assert_false(status.worker);
	// The kernel's workers in a process: by flag and name, not by one of them.
	static const struct {
		const char *name;
		unsigned flags;
		bool worker;
	} workers[] = {
		{ "iou-wrk-12", 0x4050, true },
		{ "iou-sqp-12", 0x10, true },
		{ "iou-sqp-12", 0x40, false },
		{ "a (iou-sqp-12", 0x10, false },
		{ "vhost-12", 0x4040, true },
		{ "vhost-12", 0x10, false },
		{ "a", 0x4050, false },
	};
	for (size_t i = 0; i < sizeof(workers) / sizeof(*workers); i++) {
		char text[128];
		(void)snprintf(text, sizeof(text),
			       "7 (%s) S 1 7 7 0 -1 %u 1 0 0 0 0 0 0 0 20 0 1 "
			       "0 4242 1",
			       workers[i].name, workers[i].flags);
		assert_true(graft_proc_stat_parse(text, &status));
		assert_int_equal(status.worker, workers[i].worker);
	}
	assert_false(graft_proc_stat_parse("7 (a) R 1 1", &status));
	assert_false(graft_proc_stat_parse("", &status));
	static const char no_states[] = "@[\\]^_`{";
	for (const char *bad = no_states; *bad; bad++) {
		char text[] =
			"7 (a) ? 1 7 7 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 4242 1";
		text[6] = *bad;
		assert_false(graft_proc_stat_parse(text, &status));
	}
	assert_false(graft_proc_stat_parse(
		"7 (a) 9 1 7 7 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1 1",
		&status));
}

static void
our_own_limits_are_read(void **state)
{
	(void)state;
	struct graft_proc_status status;
	assert_ok(graft_proc_status_read(getpid(), &status));
	assert_false(status.has_limits);
	graft_proc_limits_read(getpid(), &status);
	assert_true(status.has_limits);
	assert_int_equal(status.limit_as, UINT64_MAX);
	assert_true(status.vm_size > 0);
	assert_int_equal(status.tgid, getpid());
	assert_false(status.kernel);
}

static void
both_files_say_the_same_of_a_process(void **state)
{
	static const char *const names[] = { "plain", "a) R (b", "(", ")",
					     "tab\there" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct graft_proc_status all;
		struct graft_proc_status brief;
		(void)prctl(PR_SET_NAME, names[i]);
		assert_ok(graft_proc_status_read(getpid(), &all));
		assert_ok(graft_proc_stat_read(getpid(), &brief));
		assert_string_equal(brief.comm, all.comm);
		assert_int_equal(brief.start_ticks, all.start_ticks);
		assert_int_equal(brief.state, all.state);
		assert_int_equal(brief.kernel, all.kernel);
		assert_ok(graft_proc_status_glance(getpid(), &brief));
		assert_string_equal(brief.comm, all.comm);
		assert_int_equal(brief.tgid, getpid());
	}
	(void)prctl(PR_SET_NAME, "test_target");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_thread_is_refused),
		cmocka_unit_test(a_number_without_process_is_gone),
		cmocka_unit_test(a_zombie_is_gone),
		cmocka_unit_test(a_thread_is_not_a_process),
		cmocka_unit_test(
			a_process_that_another_traces_names_its_tracer),
		cmocka_unit_test(a_process_of_somebody_else_is_not_permitted),
		cmocka_unit_test(a_32_bit_process_is_refused),
		cmocka_unit_test(code_and_constants_are_written),
		cmocka_unit_test(memory_that_is_not_there_is_one_error),
		cmocka_unit_test(a_status_file_is_understood),
		cmocka_unit_test(our_own_limits_are_read),
		cmocka_unit_test(both_files_say_the_same_of_a_process),
	};
	(void)prctl(PR_SET_NAME, "test_target");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
