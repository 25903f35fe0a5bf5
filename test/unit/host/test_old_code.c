// SPDX-License-Identifier: Apache-2.0

// Who runs old code.

#include "host/old_code.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/** Write a file that begins as ELF files do. */
static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

/** Start a process that maps a file as code and waits. */
static pid_t
start(const char *path)
{
	int ends[2];
	char byte;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDONLY);
		void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE,
				fd, 0);
		if (at == MAP_FAILED || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(close(ends[0]), 0);
	return pid;
}

static void
end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
a_file_is_opened_by_any_process_that_maps_it(void **state)
{
	(void)state;
	char dir[] = "/tmp/graft-old-XXXXXX";
	char path[64];
	char text[16] = { 0 };
	GRAFT_CLEANUP(graft_old_code_freep) struct graft_old_code *code = NULL;
	size_t next = 0;
	bool more;
	int fd = -1;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x", dir);
	put(path, "\177ELF old");
	pid_t pids[] = { start(path), start(path), start(path) };
	assert_int_equal(unlink(path), 0);
	put(path, "\177ELF new");
	assert_null(graft_old_code_find(pids, 3, &code));
	assert_int_equal(code->file_count, 1);
	assert_int_equal(code->process_count, 3);
	struct graft_old_file *file = &code->files[0];
	assert_int_equal(file->pid, pids[0]);

	end(pids[0]);
	end(pids[1]);
	struct graft_error *err = graft_old_file_open(file, false, &fd);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_TARGET_GONE);
	graft_error_free(err);
	assert_null(graft_old_file_renew(code, file, &next, &more));
	assert_true(more);
	assert_int_equal(file->pid, pids[2]);
	assert_null(graft_old_file_open(file, false, &fd));
	assert_int_equal(read(fd, text, sizeof(text) - 1), 8);
	assert_string_equal(text, "\177ELF old");
	assert_int_equal(close(fd), 0);
	// There is no other one.
	assert_null(graft_old_file_renew(code, file, &next, &more));
	assert_false(more);
	end(pids[2]);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_opened_by_any_process_that_maps_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
