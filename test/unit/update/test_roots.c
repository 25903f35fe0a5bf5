// SPDX-License-Identifier: Apache-2.0

// The roots that a repository has had.

#include "base/file.h"
#include "update/roots.h"

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

enum { LINE_LEN = 65 };

static char dir[] = "/tmp/graft-roots.XXXXXX";

/** Make the path of a file of the folder. */
static const char *
path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
write_file(const char *name, const char *bytes, size_t len)
{
	struct graft_error *err = graft_file_write(path_of(name), bytes, len,
						   0600);

	if (err)
		fail_msg("%s", graft_error_message(err));
}

static void
note(const char *root)
{
	struct graft_error *err = graft_roots_note(dir, root, strlen(root));

	if (err)
		fail_msg("%s", graft_error_message(err));
}

static void
anchor(const char *root)
{
	struct graft_error *err = graft_roots_anchor(dir, root, strlen(root));

	if (err)
		fail_msg("%s", graft_error_message(err));
}

static bool
have(const char *root)
{
	return graft_roots_have(dir, root, strlen(root));
}

static long
length_of(const char *name)
{
	struct stat st;

	return stat(path_of(name), &st) == 0 ? (long)st.st_size : -1;
}

static void
each_that_was_noted_is_known_once(void **state)
{
	(void)state;
	assert_false(have("one"));
	note("one");
	note("two");
	note("one");
	assert_true(have("one"));
	assert_true(have("two"));
	assert_false(have("three"));
	assert_int_equal(length_of("roots"), 2 * LINE_LEN);
}

static void
an_anchor_that_led_somewhere_is_not_forgotten(void **state)
{
	(void)state;
	anchor("mistaken");
	assert_true(have("mistaken"));
	// Nothing was trusted: it was no root of this repository.
	anchor("first");
	assert_false(have("mistaken"));
	assert_int_equal(mkdir(path_of("trusted"), 0700), 0);
	write_file("trusted/root.json", "third", 5);
	anchor("second");
	assert_true(have("first"));
	assert_true(have("second"));
	assert_true(have("third"));
	assert_false(have("mistaken"));
}

static void
of_too_many_the_newest_are_known(void **state)
{
	char *lines = malloc((size_t)GRAFT_ROOTS_MAX * LINE_LEN);

	(void)state;
	assert_non_null(lines);
	(void)unlink(path_of("roots"));
	note("oldest");
	note("second");
	struct graft_error *err;
	uint8_t *bytes = NULL;
	size_t len = 0;
	err = graft_file_read(path_of("roots"), 4096, &bytes, &len);
	assert_null(err);
	assert_int_equal(len, 2 * LINE_LEN);
	memset(lines, 'a', (size_t)GRAFT_ROOTS_MAX * LINE_LEN);
	memcpy(lines, bytes, len);
	free(bytes);
	for (size_t i = LINE_LEN - 1; i < (size_t)GRAFT_ROOTS_MAX * LINE_LEN;
	     i += LINE_LEN)
		lines[i] = '\n';
	write_file("roots", lines, (size_t)GRAFT_ROOTS_MAX * LINE_LEN);
	free(lines);
	assert_true(have("oldest"));
	note("newest");
	assert_int_equal(length_of("roots"), GRAFT_ROOTS_MAX * LINE_LEN);
	assert_false(have("oldest"));
	assert_true(have("second"));
	assert_true(have("newest"));
}

static void
a_line_that_was_cut_off_is_passed_over(void **state)
{
	(void)state;
	(void)unlink(path_of("roots"));
	note("one");
	note("two");
	assert_int_equal(truncate(path_of("roots"), LINE_LEN + 7), 0);
	assert_true(have("one"));
	assert_false(have("two"));
	note("two");
	assert_true(have("one"));
	assert_true(have("two"));
	assert_int_equal(length_of("roots"), 2 * LINE_LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_that_was_noted_is_known_once),
		cmocka_unit_test(an_anchor_that_led_somewhere_is_not_forgotten),
		cmocka_unit_test(of_too_many_the_newest_are_known),
		cmocka_unit_test(a_line_that_was_cut_off_is_passed_over),
	};

	if (!mkdtemp(dir))
		return 1;
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path_of("roots"));
	(void)unlink(path_of("anchor.json"));
	(void)unlink(path_of("trusted/root.json"));
	(void)rmdir(path_of("trusted"));
	(void)rmdir(dir);
	return status;
}
