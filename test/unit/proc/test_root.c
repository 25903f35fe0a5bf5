// SPDX-License-Identifier: Apache-2.0

// Paths as a process sees them.

#include "proc/root.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/** A folder, and a thread that renames a file in it for as long as it may. */
struct renamer {
	char dir[64];
	atomic_bool stop;
	atomic_uint count;
};

static void *
rename_around(void *argument)
{
	struct renamer *renamer = argument;
	char a[80];
	char b[80];

	(void)snprintf(a, sizeof(a), "%s/a", renamer->dir);
	(void)snprintf(b, sizeof(b), "%s/b", renamer->dir);
	(void)close(creat(a, 0600));
	while (!renamer->stop) {
		(void)rename(a, b);
		(void)rename(b, a);
		renamer->count++;
	}
	(void)unlink(a);
	return NULL;
}

static void
paths_are_found_while_others_rename(void **state)
{
	(void)state;
	struct renamer renamer = { .dir = "/tmp/graft-root-XXXXXX" };
	pthread_t thread;
	char path[PATH_MAX];
	size_t len;

	assert_non_null(mkdtemp(renamer.dir));
	// Each ".." may be answered with "again": a library's link has one or two.
	len = (size_t)snprintf(path, sizeof(path), "%s", renamer.dir);
	for (int i = 0; i < 3; i++)
		len += (size_t)snprintf(path + len, sizeof(path) - len,
					"/../%s",
					strrchr(renamer.dir, '/') + 1);
	assert_true(len < sizeof(path));
	assert_int_equal(pthread_create(&thread, NULL, rename_around, &renamer),
			 0);
	while (renamer.count < 100)
		(void)usleep(100);
	for (int i = 0; i < 3000; i++) {
		GRAFT_CLOSE int fd = -1;
		assert_null(graft_root_open(getpid(), path, O_PATH, &fd));
	}
	renamer.stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rmdir(renamer.dir), 0);
}

static void
what_is_no_plain_file_is_not_opened(void **state)
{
	(void)state;
	char dir[] = "/tmp/graft-root-XXXXXX";
	char path[64];
	int fd = -1;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/x", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct graft_error *err = graft_root_open_file(getpid(), path, &fd);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	assert_non_null(strstr(graft_error_message(err), path));
	graft_error_free(err);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fd, -1);

	assert_int_equal(close(creat(path, 0600)), 0);
	assert_null(graft_root_open_file(getpid(), path, &fd));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
what_is_outside_of_a_root_has_no_name_in_it(void **state)
{
	(void)state;
	assert_string_equal(graft_root_inside("/", "/lib/a"), "/lib/a");
	assert_string_equal(graft_root_inside("/srv", "/srv/lib/a"), "/lib/a");
	assert_null(graft_root_inside("/srv", "/srv2/lib/a"));
	assert_null(graft_root_inside("/srv", "/lib/a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_found_while_others_rename),
		cmocka_unit_test(what_is_no_plain_file_is_not_opened),
		cmocka_unit_test(what_is_outside_of_a_root_has_no_name_in_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
