// SPDX-License-Identifier: Apache-2.0

#include "base/file.h"

#include "../folder.h"

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static int
count_entries(void)
{
	GRAFT_FREE char *line = NULL;
	size_t room = 0;
	FILE *ls = popen("ls -A", "r");
	int count = 0;

	assert_non_null(ls);
	while (getline(&line, &room, ls) >= 0)
		count++;
	assert_int_equal(pclose(ls), 0);
	return count;
}

static void
what_was_left_beside_goes_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool goes;
	} files[] = {
		{ "a.json.Ab3dEf", true },   { ".json.000000", true },
		{ "a.json", false },         { "a.json.Ab3dE", false },
		{ "a.json.Ab3dEfg", false }, { "a.json.Ab-dEf", false },
		{ "a.pem.Ab3dEf", false },   { "Ab3dEf", false },
		{ ".Ab3dEf", false },        { "a.jsonAb3dEf", false },
	};
	const size_t count = sizeof(files) / sizeof(*files);

	for (size_t i = 0; i < count; i++)
		must(graft_file_write(files[i].name, "", 0, 0600));
	assert_int_equal(mkdir("d.json.Ab3dEf", 0700), 0);
	assert_int_equal(symlink("a.json", "l.json.Ab3dEf"), 0);
	graft_file_sweep(".", "*.json");
	for (size_t i = 0; i < count; i++) {
		if ((access(files[i].name, F_OK) != 0) != files[i].goes)
			fail_msg("%s", files[i].name);
	}
	assert_int_equal(count_entries(), (int)count - 2 + 2);
	graft_file_sweep(".", "a.pem");
	assert_int_equal(access("a.pem.Ab3dEf", F_OK), -1);
	// One that is not there is nothing to sweep.
	graft_file_sweep("none", "*.json");
}

static void
what_is_written_is_read_back(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 300000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		GRAFT_FREE uint8_t *bytes = calloc(1, sizes[i] + 1);
		for (size_t k = 0; k < sizes[i]; k++)
			bytes[k] = (uint8_t)(k * 7 + i);
		must(graft_file_write("f", bytes, sizes[i], 0640));

		GRAFT_FREE uint8_t *back = NULL;
		size_t len;
		must(graft_file_read("f", sizes[i], &back, &len));
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(back, bytes, len + 1);

		struct stat st;
		assert_int_equal(stat("f", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(count_entries(), 1);
	}
}

static void
a_file_over_the_limit_is_refused(void **state)
{
	(void)state;
	uint8_t *bytes = NULL;
	size_t len = 77;

	must(graft_file_write("f", "12345", 5, 0600));
	must_fail(graft_file_read("f", 4, &bytes, &len), GRAFT_ERROR_LIMIT);
	must_fail(graft_file_read("f", 0, &bytes, &len), GRAFT_ERROR_LIMIT);
	assert_null(bytes);
	assert_int_equal(len, 77);
}

static void
what_is_no_file_is_refused_by_name(void **state)
{
	(void)state;
	uint8_t *bytes;
	size_t len;

	must_fail(graft_file_read("gone", 9, &bytes, &len),
		  GRAFT_ERROR_NOT_FOUND);
	must_fail(graft_file_read(".", 9, &bytes, &len),
		  GRAFT_ERROR_UNSUPPORTED);
	// Nobody writes to the pipe: this must not hang.
	assert_int_equal(mkfifo("pipe", 0600), 0);
	must_fail(graft_file_read("pipe", 9, &bytes, &len),
		  GRAFT_ERROR_UNSUPPORTED);
	struct graft_error *err = graft_file_read("gone", 9, &bytes, &len);
	assert_non_null(strstr(graft_error_message(err), "gone"));
	graft_error_free(err);
}

static void
a_file_of_proc_is_read_whole(void **state)
{
	(void)state;
	GRAFT_CLOSE int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	must(graft_file_read_fd(fd, 1 << 20, &bytes, &len));
	// Its size is said to be 0.
	assert_true(len > 100);
	assert_int_equal(bytes[len - 1], '\n');
}

/** Write with a fault in a child, since passes are counted per process. */
static int
write_in_child(const char *fault)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("GRAFT_FAULT", fault, 1);
		struct graft_error *err = graft_file_write("f", "new", 3, 0600);
		_exit(!err ? 0 : 100 + (int)graft_error_code(err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_old(void)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	must(graft_file_read("f", 9, &bytes, &len));
	assert_int_equal(len, 3);
	assert_string_equal((char *)bytes, "old");
}

static void
a_failed_write_leaves_the_old_file_and_nothing_beside(void **state)
{
	(void)state;
	static const char *const points[] = { "file-write", "file-rename" };

	must(graft_file_write("f", "old", 3, 0600));
	for (size_t i = 0; i < 2; i++) {
		int status = write_in_child(points[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status),
				 100 + GRAFT_ERROR_FAULT_POINT);
		assert_old();
		assert_int_equal(count_entries(), 1);
	}
	assert_int_equal(write_in_child("file-write:2"), 0);
}

static void
a_killed_write_leaves_the_old_file(void **state)
{
	(void)state;
	static const char *const points[] = { "file-write:1:kill",
					      "file-rename:1:kill" };

	must(graft_file_write("f", "old", 3, 0600));
	for (size_t i = 0; i < 2; i++) {
		int status = write_in_child(points[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
		assert_old();
	}
}

static void
writing_into_a_missing_directory_names_the_path(void **state)
{
	(void)state;
	struct graft_error *err = graft_file_write("no/such/f", "x", 1, 0600);

	assert_non_null(err);
	assert_int_equal(graft_error_errno(err), ENOENT);
	assert_non_null(strstr(graft_error_message(err), "no/such/f"));
	graft_error_free(err);
}

static void
directories_are_made_with_those_above(void **state)
{
	(void)state;
	struct stat st;

	must(graft_dir_make("a/b/c", 0700));
	must(graft_dir_make("a/b/c", 0700));
	must(graft_dir_make("a//d/", 0700));
	assert_int_equal(stat("a/b/c", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat("a/d", &st), 0);

	must(graft_file_write("f", "", 0, 0600));
	must_fail(graft_dir_make("f", 0700), GRAFT_ERROR_OS);
	must_fail(graft_dir_make("f/g", 0700), GRAFT_ERROR_OS);
}

static void
the_hash_of_a_file_is_that_of_its_bytes(void **state)
{
	(void)state;
	uint8_t hash[GRAFT_SHA256_LEN];
	char text[2 * GRAFT_SHA256_LEN + 1];

	must(graft_file_write("f", "abc", 3, 0600));
	GRAFT_CLOSE int fd = open("f", O_RDONLY | O_CLOEXEC);
	// Its offset neither matters nor changes.
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	must(graft_sha256_fd(fd, UINT64_MAX, hash));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
	graft_hex_encode(hash, sizeof(hash), text);
	// FIPS 180-4, the example of one block.
	assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223"
				  "b00361a396177a9cb410ff61f20015ad");

	uint8_t again[GRAFT_SHA256_LEN];
	must(graft_sha256("abc", 3, again));
	assert_memory_equal(again, hash, sizeof(hash));
	must_fail(graft_sha256_fd(-1, UINT64_MAX, hash), GRAFT_ERROR_OS);
	// What stands behind the limit is not read.
	must(graft_sha256_fd(fd, 2, hash));
	must(graft_sha256("ab", 2, again));
	assert_memory_equal(again, hash, sizeof(hash));
}

static void
hexadecimal_digits_are_read_strictly(void **state)
{
	(void)state;
	uint8_t bytes[4] = { 0 };
	size_t len = 0;

	must(graft_hex_decode("00fFa5", 3, bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "\x00\xff\xa5", 3);
	must(graft_hex_decode("", 0, bytes, &len));
	assert_int_equal(len, 0);
	must_fail(graft_hex_decode("abc", 4, bytes, &len),
		  GRAFT_ERROR_BAD_INPUT);
	must_fail(graft_hex_decode("0x", 4, bytes, &len),
		  GRAFT_ERROR_BAD_INPUT);
	must_fail(graft_hex_decode(" 1", 4, bytes, &len),
		  GRAFT_ERROR_BAD_INPUT);
	must_fail(graft_hex_decode("0011", 1, bytes, &len), GRAFT_ERROR_LIMIT);
}

#define IN_DIRECTORY(test)                                                     \
	cmocka_unit_test_setup_teardown(test, enter_directory, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(what_is_written_is_read_back),
		IN_DIRECTORY(what_was_left_beside_goes_and_nothing_else),
		IN_DIRECTORY(a_file_over_the_limit_is_refused),
		IN_DIRECTORY(what_is_no_file_is_refused_by_name),
		IN_DIRECTORY(a_file_of_proc_is_read_whole),
		IN_DIRECTORY(
			a_failed_write_leaves_the_old_file_and_nothing_beside),
		IN_DIRECTORY(a_killed_write_leaves_the_old_file),
		IN_DIRECTORY(writing_into_a_missing_directory_names_the_path),
		IN_DIRECTORY(directories_are_made_with_those_above),
		IN_DIRECTORY(the_hash_of_a_file_is_that_of_its_bytes),
		cmocka_unit_test(hexadecimal_digits_are_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
