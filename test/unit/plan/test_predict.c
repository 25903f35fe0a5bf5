// SPDX-License-Identifier: Apache-2.0

#include "plan/predict.h"

#include "../folder.h"

#include "base/file.h"

/** Write a process in a group with a limit of 64 MiB. */
static void
put_process(const char *usage)
{
	static const struct {
		const char *path;
		const char *text;
	} files[] = {
		{ "proc/self/mountinfo",
		  "30 22 0:26 / /groups rw - cgroup2 cgroup2 rw\n" },
		{ "proc/77/cgroup", "0::/app\n" },
		{ "groups/app/memory.max", "67108864\n" },
		{ "groups/app/memory.stat", "active_file 4096\n" },
	};

	must(graft_dir_make("proc/self", 0700));
	must(graft_dir_make("proc/77", 0700));
	must(graft_dir_make("groups/app", 0700));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		must(graft_file_write(files[i].path, files[i].text,
				      strlen(files[i].text), 0600));
	must(graft_file_write("groups/app/memory.current", usage, strlen(usage),
			      0600));
}

static void
a_full_group_refuses_with_its_name_and_what_would_help(void **state)
{
	GRAFT_FREE char *root = get_current_dir_name();

	(void)state;
	assert_non_null(root);
	// No such process on the host: its leader is asked for by number.
	put_process("67104768\n");
	struct graft_error *err = graft_predict_charge(root, NULL, 77, 8192);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	const char *text = graft_error_message(err);
	assert_non_null(strstr(text, "/groups/app: of its limit of 67108864"));
	assert_non_null(strstr(text, " 4096 are left and 4096 could be"));
	// 8192 and 1 MiB of margin, less both.
	assert_non_null(strstr(text, "but 1056768 are needed"));
	assert_non_null(strstr(text, "raise memory.max there by 1048576"));
	must_fail(err, GRAFT_ERROR_REFUSED);

	must_fail(graft_predict_charge(root, NULL, 77, UINT64_MAX),
		  GRAFT_ERROR_REFUSED);
}

static void
a_group_with_room_and_one_that_is_not_found_do_not_refuse(void **state)
{
	GRAFT_FREE char *root = get_current_dir_name();

	(void)state;
	assert_non_null(root);
	put_process("60000000\n");
	must(graft_predict_charge(root, NULL, 77, 8192));
	must_fail(graft_predict_charge(root, NULL, 77, 8 << 20),
		  GRAFT_ERROR_REFUSED);
	must(graft_predict_charge(root, NULL, 78, 8 << 20));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_full_group_refuses_with_its_name_and_what_would_help,
			enter_directory, leave_directory),
		cmocka_unit_test_setup_teardown(
			a_group_with_room_and_one_that_is_not_found_do_not_refuse,
			enter_directory, leave_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
