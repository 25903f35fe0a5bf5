// SPDX-License-Identifier: Apache-2.0

// Whether configuration was written since a moment.

#include "host/configuration.h"

#include "folder.h"

#include "base/clock.h"

#include <fcntl.h>
#include <sys/stat.h>

/** Make a file. */
static void
make(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0644);

	assert_true(fd >= 0);
	(void)close(fd);
}

/** Expect what is found below "etc". @param[in] path NULL: nothing. */
static void
expect(uint64_t since_us, const char *path)
{
	GRAFT_FREE char *found = NULL;

	assert_null(graft_configuration_find_newer("etc", since_us, &found));
	if (path)
		assert_string_equal(found, path);
	else
		assert_null(found);
}

/** Wait until the clock of files is beyond now. @return Now. */
static uint64_t
moment(void)
{
	uint64_t now_us;

	// Its ticks are of some milliseconds.
	graft_clock_sleep_us(30 * 1000);
	now_us = graft_clock_now_us();
	graft_clock_sleep_us(30 * 1000);
	return now_us;
}

static void
what_was_written_before_does_not_count(void **state)
{
	(void)state;
	expect(1, NULL);
	assert_int_equal(mkdir("etc", 0755), 0);
	assert_int_equal(mkdir("etc/a", 0755), 0);
	make("etc/a/one");
	uint64_t now_us = moment();
	expect(now_us, NULL);
	expect(now_us - 1000 * 1000, "etc/a/one");
	assert_int_equal(chmod("etc/a/one", 0600), 0);
	expect(now_us, "etc/a/one");
}

static void
a_link_counts_and_a_folder_does_not(void **state)
{
	(void)state;
	assert_int_equal(mkdir("etc", 0755), 0);
	assert_int_equal(mkdir("etc/a", 0755), 0);
	make("etc/a/one");
	uint64_t now_us = moment();
	make("etc/a/one.dpkg-new");
	assert_int_equal(unlink("etc/a/one.dpkg-new"), 0);
	expect(now_us, NULL);
	assert_int_equal(symlink("/nonexistent", "etc/a/two"), 0);
	expect(now_us, "etc/a/two");
	now_us = moment();
	expect(now_us, NULL);
}

static void
too_many_files_are_named_as_a_whole(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(mkdir("etc", 0755), 0);
	for (int i = 0; i < 5100; i++) {
		(void)snprintf(path, sizeof(path), "etc/%d", i);
		make(path);
	}
	expect(moment(), "etc");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_written_before_does_not_count, enter_directory,
			leave_directory),
		cmocka_unit_test_setup_teardown(
			a_link_counts_and_a_folder_does_not, enter_directory,
			leave_directory),
		cmocka_unit_test_setup_teardown(
			too_many_files_are_named_as_a_whole, enter_directory,
			leave_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
