// SPDX-License-Identifier: Apache-2.0

// Files of which the kernel tells who opens them.

#include "agent/marks.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 4200, MOST = 4096 };

/** What was told of. */
struct told {
	size_t count;
	pid_t pid;
	ino_t inode;
};

static void
tell(void *arg, pid_t pid, int fd)
{
	struct told *told = arg;
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	*told = (struct told){ told->count + 1, pid, st.st_ino };
}

static struct graft_marks *
open_marks(void)
{
	struct graft_marks *marks = NULL;
	struct graft_error *err = graft_marks_open(&marks);

	graft_error_free(err);
	if (err)
		skip();
	return marks;
}

/** Make a file that is open. */
static int
make(const char *dir, int number, ino_t *ret)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%d", dir, number);
	int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*ret = st.st_ino;
	return fd;
}

/** Have another process open a file; returns its number. */
static pid_t
open_elsewhere(const char *dir, int number)
{
	char path[128];
	pid_t pid = fork();

	(void)snprintf(path, sizeof(path), "%s/%d", dir, number);
	if (pid == 0)
		_exit(open(path, O_RDONLY) < 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void
of_more_files_than_are_marked_the_last_are_known(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_marks_freep)
	struct graft_marks *marks = open_marks();
	char dir[] = "/tmp/graft-marks-XXXXXX";
	char command[64];
	struct told told = { 0 };
	bool lost = false;
	ino_t inode = 0;

	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < MANY; i++) {
		int fd = make(dir, i, &inode);
		assert_null(graft_marks_add(marks, fd));
		assert_null(graft_marks_add(marks, fd));
		(void)close(fd);
		assert_true(graft_marks_count(marks) <= MOST);
	}
	assert_int_equal(graft_marks_count(marks), MANY - MOST);
	(void)open_elsewhere(dir, 0);
	pid_t pid = open_elsewhere(dir, MANY - 1);
	assert_null(graft_marks_take(marks, tell, &told, &lost));
	assert_false(lost);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.pid, pid);
	assert_int_equal(told.inode, inode);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			of_more_files_than_are_marked_the_last_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
