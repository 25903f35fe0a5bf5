// SPDX-License-Identifier: Apache-2.0

// Work in a process without rights.

#include "base/sandbox.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static const char secret[] = "of the one that began it";

static struct graft_sandbox_work
work_of(graft_sandbox_fn *fn)
{
	return (struct graft_sandbox_work){
		.name = "trying",
		.fn = fn,
		.cpu_s = 20,
		.wall_s = 60,
		.memory = 256 << 20,
		.result_max = 1 << 20,
	};
}

/** Run work that gives no result. @param[out] ret The bound that it exceeded.
 * @return Its error. */
static struct graft_error *
run_bounded(const struct graft_sandbox_work *work,
	    struct graft_sandbox_bounds *ret)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err = graft_sandbox_run(work, ret, &bytes, &len);

	assert_non_null(err);
	assert_null(bytes);
	return err;
}

/** The same, where no bound is exceeded that would be again. */
static struct graft_error *
run(const struct graft_sandbox_work *work)
{
	struct graft_sandbox_bounds bounds;
	struct graft_error *err = run_bounded(work, &bounds);

	assert_int_equal(bounds.cpu_s, 0);
	assert_int_equal(bounds.memory, 0);
	return err;
}

/** Free an error that must be of a kind and say something. */
static void
is_error(struct graft_error *err, enum graft_error_code code, const char *text)
{
	assert_int_equal(graft_error_code(err), code);
	if (!strstr(graft_error_message(err), text))
		fail_msg("%s", graft_error_message(err));
	graft_error_free(err);
}

static struct graft_error *
give(const void *from, size_t len, uint8_t **bytes_ret, size_t *len_ret)
{
	*bytes_ret = malloc(len + 1);
	if (!*bytes_ret)
		return graft_error_no_memory();
	memcpy(*bytes_ret, from, len);
	*len_ret = len;
	return NULL;
}

static struct graft_error *
do_work(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	size_t *len_ret)
{
	(void)box;
	return give(arg, strlen(arg), bytes_ret, len_ret);
}

static void
what_it_makes_of_our_memory_comes_back(void **state)
{
	(void)state;
	struct graft_sandbox_work work = work_of(do_work);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	work.arg = (void *)secret;
	assert_null(graft_sandbox_run(&work, NULL, &bytes, &len));
	assert_int_equal(len, strlen(secret));
	assert_memory_equal(bytes, secret, len);
	work.result_max = len - 1;
	is_error(run(&work), GRAFT_ERROR_BAD_INPUT, "its answer is none");
}

static struct graft_error *
refuse(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
       size_t *len_ret)
{
	(void)box;
	(void)bytes_ret;
	(void)len_ret;
	return graft_error_new(*(enum graft_error_code *)arg, "why\033[2J");
}

static void
what_it_refuses_comes_back_as_a_matter_of_the_input(void **state)
{
	(void)state;
	static const enum graft_error_code codes[][2] = {
		{ GRAFT_ERROR_BAD_INPUT, GRAFT_ERROR_BAD_INPUT },
		{ GRAFT_ERROR_LIMIT, GRAFT_ERROR_LIMIT },
		{ GRAFT_ERROR_UNSUPPORTED, GRAFT_ERROR_UNSUPPORTED },
		{ GRAFT_ERROR_NOT_FOUND, GRAFT_ERROR_BAD_INPUT },
		{ GRAFT_ERROR_TARGET_GONE, GRAFT_ERROR_BAD_INPUT },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct graft_sandbox_work work = work_of(refuse);
		enum graft_error_code code = codes[i][0];
		work.arg = &code;
		struct graft_error *err = run(&work);
		assert_null(strchr(graft_error_message(err), '\033'));
		is_error(err, codes[i][1], "why");
	}
}

static struct graft_error *
open_files(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	   size_t *len_ret)
{
	struct stat st;
	char path[64];
	(void)arg;
	(void)box;

	// Libraries try that; nothing comes of it.
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES ||
	    openat(AT_FDCWD, "/dev/null", O_RDWR) >= 0 || errno != EACCES ||
	    stat("/", &st) == 0 || errno != EACCES ||
	    readlink("/proc/self/exe", path, sizeof(path)) >= 0 ||
	    errno != EACCES)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "it opens files");
	return give("none", 4, bytes_ret, len_ret);
}

static void
it_opens_no_file(void **state)
{
	(void)state;
	const struct graft_sandbox_work work = work_of(open_files);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	assert_null(graft_sandbox_run(&work, NULL, &bytes, &len));
	assert_memory_equal(bytes, "none", 4);
}

static void
try_socket(void)
{
	(void)socket(AF_UNIX, SOCK_STREAM, 0);
}

static void
try_execute(void)
{
	(void)execl("/bin/true", "true", NULL);
}

static void
try_trace(void)
{
	(void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void
try_kill(void)
{
	(void)kill(getpid(), 0);
}

static void
try_signal_thread(void)
{
	// Process 1, by the call that abort(3) needs for itself.
	(void)syscall(SYS_tgkill, 1, 1, 0);
}

static void
try_fork(void)
{
	(void)syscall(SYS_fork);
}

static void
try_read_memory(void)
{
	char byte;
	const struct {
		void *at;
		size_t len;
	} part = { &byte, 1 };

	(void)syscall(SYS_process_vm_readv, 1, &part, 1, &part, 1, 0);
}

static void
try_map_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
try_make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void
try_unlink(void)
{
	(void)unlink("/nowhere");
}

/** A way of getting out. */
struct attempt {
	const char *name;
	void (*fn)(void);
};

static const struct attempt ATTEMPTS[] = {
	{ "socket", try_socket },
	{ "execve", try_execute },
	{ "ptrace", try_trace },
	{ "kill", try_kill },
	{ "tgkill", try_signal_thread },
	{ "fork", try_fork },
	{ "process_vm_readv", try_read_memory },
	{ "mmap", try_map_code },
	{ "mprotect", try_make_code },
	{ "unlink", try_unlink },
};

static struct graft_error *
attempt(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	size_t *len_ret)
{
	(void)box;
	((const struct attempt *)arg)->fn();
	return give("out", 3, bytes_ret, len_ret);
}

static void
who_calls_what_work_does_not_need_is_killed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ATTEMPTS) / sizeof(*ATTEMPTS); i++) {
		struct graft_sandbox_work work = work_of(attempt);
		work.arg = (void *)&ATTEMPTS[i];
		print_message("%s\n", ATTEMPTS[i].name);
		is_error(
			run(&work), GRAFT_ERROR_BAD_INPUT,
			"trying failed in its sandbox: it was killed for a system call");
	}
}

static struct graft_error *
loop(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret, size_t *len_ret)
{
	(void)arg;
	(void)box;
	(void)bytes_ret;
	(void)len_ret;
	for (volatile bool on = true; on;)
		;
	return NULL;
}

static struct graft_error *
wait_for_ever(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	      size_t *len_ret)
{
	int word = 0;

	// A futex that nobody wakes.
	for (;;)
		(void)syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
	return loop(arg, box, bytes_ret, len_ret);
}

static void
who_takes_too_long_is_ended(void **state)
{
	(void)state;
	struct graft_sandbox_work work = work_of(loop);

	struct graft_sandbox_bounds bounds;

	work.cpu_s = 1;
	is_error(run_bounded(&work, &bounds), GRAFT_ERROR_LIMIT,
		 "it took more than 1 s of processor time");
	assert_int_equal(bounds.cpu_s, 1);
	assert_int_equal(bounds.memory, 0);
	work = work_of(wait_for_ever);
	work.wall_s = 1;
	is_error(run(&work), GRAFT_ERROR_LIMIT, "it took more than 1 s");
}

static struct graft_error *
take_memory(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	    size_t *len_ret)
{
	(void)arg;
	(void)box;
	for (;;) {
		// As a decoder does that believes a size.
		void *bytes = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (bytes == MAP_FAILED)
			return graft_error_no_memory();
		*bytes_ret = bytes;
		*len_ret = 1;
	}
}

static void
who_takes_too_much_memory_gets_none(void **state)
{
	(void)state;
	const struct graft_sandbox_work work = work_of(take_memory);

	struct graft_sandbox_bounds bounds;

	is_error(run_bounded(&work, &bounds), GRAFT_ERROR_LIMIT,
		 "it needs more than 256 MiB of memory");
	assert_int_equal(bounds.cpu_s, 0);
	assert_int_equal(bounds.memory, 256 << 20);
}

static struct graft_error *
crash(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
      size_t *len_ret)
{
	(void)arg;
	(void)box;
	(void)bytes_ret;
	(void)len_ret;
	// cmocka and the sanitizers catch those that mean a crash; and what never
	// returns is told to a sanitizer first, which then asks for its stacks.
	void (*volatile end)(void) = abort;
	end();
	return NULL;
}

static void
who_crashes_crashes_alone(void **state)
{
	(void)state;
	const struct graft_sandbox_work work = work_of(crash);

	(void)signal(SIGABRT, SIG_DFL);
	is_error(run(&work), GRAFT_ERROR_BAD_INPUT,
		 "trying failed in its sandbox: it died of signal 6");
}

/** What is asked for, and seen of who asks. */
struct asked {
	char status[8192];
	unsigned times;
};

/** Ask for files, and hand over what stands in the one that there is. */
static struct graft_error *
ask(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret, size_t *len_ret)
{
	GRAFT_CLOSE int fd = -1;
	(void)arg;

	struct graft_error *err = graft_sandbox_open(box, "no", &fd);
	if (!err || graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "a file");
	graft_error_free(err);
	err = graft_sandbox_open(box, "yes", &fd);
	return err ? err : graft_file_read_fd(fd, 4096, bytes_ret, len_ret);
}

static struct graft_error *
open_yes(void *arg, const char *name, int *fd_ret)
{
	struct asked *asked = arg;
	GRAFT_FREE char *text = NULL;
	GRAFT_FREE char *path = NULL;
	size_t len;
	int pid;

	asked->times++;
	if (strcmp(name, "yes") != 0)
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED, "%s", name);
	assert_true(asprintf(&path, "/proc/self/task/%d/children",
			     (int)getpid()) > 0);
	assert_null(graft_file_read(path, 4096, (uint8_t **)&text, &len));
	assert_int_equal(sscanf(text, "%d", &pid), 1);
	free(text);
	free(path);
	assert_true(asprintf(&path, "/proc/%d/status", pid) > 0);
	assert_null(graft_file_read(path, sizeof(asked->status) - 1,
				    (uint8_t **)&text, &len));
	memcpy(asked->status, text, len + 1);
	*fd_ret = memfd_create("yes", MFD_CLOEXEC);
	assert_true(write(*fd_ret, "what", 4) == 4);
	assert_int_equal(lseek(*fd_ret, 0, SEEK_SET), 0);
	return NULL;
}

static void
it_gets_the_files_that_we_open_and_is_nobody(void **state)
{
	(void)state;
	struct asked asked = { .times = 0 };
	struct graft_sandbox_work work = work_of(ask);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	work.open = open_yes;
	work.arg = &asked;
	assert_null(graft_sandbox_run(&work, NULL, &bytes, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, "what", 4);
	assert_int_equal(asked.times, 2);
	assert_non_null(strstr(asked.status, "\nCapEff:\t0000000000000000\n"));
	assert_non_null(strstr(asked.status, "\nCapPrm:\t0000000000000000\n"));
	assert_non_null(strstr(asked.status, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(asked.status, "\nSeccomp:\t2\n"));
	if (geteuid() != 0)
		return;
	assert_non_null(
		strstr(asked.status, "\nUid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(
		strstr(asked.status, "\nGid:\t65534\t65534\t65534\t65534\n"));
	assert_non_null(strstr(asked.status, "\nGroups:\t \n"));
}

static struct graft_error *
ask_without_end(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
		size_t *len_ret)
{
	(void)arg;
	for (unsigned i = 0; i < 1000; i++) {
		int fd = -1;
		graft_error_free(graft_sandbox_open(box, "no", &fd));
	}
	return give("out", 3, bytes_ret, len_ret);
}

/** Say what is no frame, by the only descriptor there is. */
static struct graft_error *
talk_nonsense(void *arg, struct graft_sandbox *box, uint8_t **bytes_ret,
	      size_t *len_ret)
{
	static const char *const all[] = {
		"?\0\0\0\0\0\0\0\0",
		"E\1\0\0\0\0\0\0\0e",
		"E\377\377\377\377\377\377\377\377e",
		"R\377\377\377\377\377\377\377\377r",
		"O\377\377\377\377\377\377\377\377o",
		"O\0\0\0\0\0\0\0\0",
		"O\2\0\0\0\0\0\0\0\0o",
	};

	(void)bytes_ret;
	(void)len_ret;
	(void)send(3, all[*(size_t *)arg], 11, MSG_NOSIGNAL);
	return wait_for_ever(NULL, box, NULL, NULL);
}

static void
who_talks_nonsense_is_ended(void **state)
{
	(void)state;
	struct graft_sandbox_work work = work_of(ask_without_end);

	is_error(run(&work), GRAFT_ERROR_BAD_INPUT, "its answer is none");
	for (size_t i = 0; i < 7; i++) {
		work = work_of(talk_nonsense);
		work.arg = &i;
		is_error(run(&work), GRAFT_ERROR_BAD_INPUT,
			 "its answer is none");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_makes_of_our_memory_comes_back),
		cmocka_unit_test(
			what_it_refuses_comes_back_as_a_matter_of_the_input),
		cmocka_unit_test(it_opens_no_file),
		cmocka_unit_test(who_calls_what_work_does_not_need_is_killed),
		cmocka_unit_test(who_takes_too_long_is_ended),
		cmocka_unit_test(who_takes_too_much_memory_gets_none),
		cmocka_unit_test(who_crashes_crashes_alone),
		cmocka_unit_test(it_gets_the_files_that_we_open_and_is_nobody),
		cmocka_unit_test(who_talks_nonsense_is_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
