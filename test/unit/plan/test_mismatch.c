// SPDX-License-Identifier: Apache-2.0

#include "plan/mismatch.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char path[] = "usr/lib/libx.so.1.2.3";
static char soname[] = "libx.so.1";

/** What is said of a process that maps one file of two bytes of build-id. */
static void
is_said(const char *mapped, uint8_t second, size_t len, const char *want)
{
	struct graft_patch_module wanted = {
		.path = path,
		.soname = soname,
		.old_build_id = { 0xaa, 0x01 },
		.old_build_id_len = 2,
		.new_build_id = { 0xaa, 0x02 },
		.new_build_id_len = 2,
	};
	struct graft_patch patch = { .modules = &wanted, .module_count = 1 };
	struct graft_map map = { .path = mapped };
	struct graft_module module = { .map = &map,
				       .build_id = { 0xaa, second },
				       .build_id_len = len };
	struct graft_modules modules = { .modules = &module, .count = 1 };
	struct graft_error *err = graft_mismatch_say(&modules, &patch);

	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BUILD_ID_MISMATCH);
	assert_non_null(strstr(graft_error_message(err), "R-14: "));
	const char *more = strstr(graft_error_message(err), "builds: ");
	if (want)
		assert_non_null(more);
	if (want)
		assert_string_equal(more + strlen("builds: "), want);
	else
		assert_null(more);
	graft_error_free(err);
}

static void
both_builds_are_named(void **state)
{
	(void)state;
	is_said("/lib/libx.so.1.2.3", 3, 2,
		"/lib/libx.so.1.2.3 has build-id aa03, and the hotpatch is for build-id aa01");
	is_said("/lib/libx.so.1", 3, 0,
		"/lib/libx.so.1 has no build-id, and the hotpatch is for build-id aa01");
	is_said("/lib/libx.so.1.2.2", 3, 2,
		"/lib/libx.so.1.2.2 has build-id aa03, and the hotpatch is for build-id aa01");
}

static void
who_runs_the_new_build_is_told_so(void **state)
{
	(void)state;
	is_said("/lib/libx.so.1", 2, 2,
		"/lib/libx.so.1 has build-id aa02, which is the new build");
}

static void
other_files_are_not_named(void **state)
{
	(void)state;
	is_said("/lib/libx.so.10", 3, 2, NULL);
	is_said("/lib/liby.so.1", 3, 2, NULL);
	// One that is OLD was left out for another reason.
	is_said("/lib/libx.so.1", 1, 2, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_builds_are_named),
		cmocka_unit_test(who_runs_the_new_build_is_told_so),
		cmocka_unit_test(other_files_are_not_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
