// SPDX-License-Identifier: Apache-2.0

// The files that hotpatches name, in the root of a process: our own.

#include "agent/named.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
a_root_is_looked_into_once_and_of_too_many_each_again(void **state)
{
	(void)state;
	struct graft_named named = { 0 };
	struct graft_root root = { .ns = 1, .inode = 1 };

	for (root.inode = 0; root.inode < GRAFT_NAMED_ROOTS; root.inode++) {
		assert_true(graft_named_add(&named, &root));
		assert_false(graft_named_add(&named, &root));
	}
	assert_true(graft_named_add(&named, &root));
	root.inode = 0;
	assert_true(graft_named_add(&named, &root));
}

/** What was opened. */
struct opened {
	size_t count;
	ino_t inodes[GRAFT_NAMED_FILES + 1];
};

static struct graft_error *
take(void *arg, int fd)
{
	struct opened *opened = arg;
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	opened->inodes[opened->count++] = st.st_ino;
	return NULL;
}

/** Make a file. */
static ino_t
touch(const char *dir, const char *name)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	return st.st_ino;
}

static void
files_are_found_by_their_path_and_by_the_name_that_is_needed(void **state)
{
	(void)state;
	char dir[] = "/tmp/graft-named-XXXXXX";
	char path[128];
	char other[128];
	struct opened opened = { 0 };

	assert_non_null(mkdtemp(dir));
	ino_t by_path = touch(dir, "libx.so.1.2");
	ino_t by_name = touch(dir, "libx.so.1");
	// Without the first slash, as packages have it; or with it.
	(void)snprintf(path, sizeof(path), "%s/libx.so.1.2", dir + 1);
	(void)snprintf(other, sizeof(other), "%s/gone.so", dir);
	struct graft_answer_module modules[] = {
		{ .path = path, .soname = (char *)"libx.so.1" },
		{ .path = other, .soname = (char *)"../libx.so.1" },
		{ .path = other },
		// A folder is no file.
		{ .path = dir },
	};
	struct graft_kept_patch patches[] = {
		{ .what = { .modules = modules, .count = 4 } },
		{ .what = { .modules = modules, .count = 1 }, .held = true },
		{ .what = { .modules = modules, .count = 1 },
		  .withheld = true },
	};
	const struct graft_kept kept = { .patches = patches, .count = 3 };

	assert_null(graft_named_each(&kept, getpid(), take, &opened));
	assert_int_equal(opened.count, 2);
	assert_int_equal(opened.inodes[0], by_path);
	assert_int_equal(opened.inodes[1], by_name);
	(void)snprintf(other, sizeof(other), "rm -r %s", dir);
	assert_int_equal(system(other), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_root_is_looked_into_once_and_of_too_many_each_again),
		cmocka_unit_test(
			files_are_found_by_their_path_and_by_the_name_that_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
