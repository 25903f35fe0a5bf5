// SPDX-License-Identifier: Apache-2.0

// Mapped files that were looked at are found again, and others are not.

#include "host/known_files.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 5000 };

static void
each_of_many_is_found(void **state)
{
	GRAFT_CLEANUP(graft_known_files_deinit)
	struct graft_known_files known = { 0 };
	const struct graft_root root = { .ns = 1, .inode = 2 };
	char path[32];
	struct graft_map map = { .dev = 7, .path = path };

	(void)state;
	assert_null(graft_known_files_find(&known, &map, &root));
	for (uint64_t i = 0; i < COUNT; i++) {
		map.inode = i / 2;
		(void)snprintf(path, sizeof(path), "/%d", (int)i);
		assert_null(graft_known_files_find(&known, &map, &root));
		assert_null(graft_known_files_add(&known, &map, &root, i));
	}
	for (uint64_t i = 0; i < COUNT; i++) {
		map.inode = i / 2;
		(void)snprintf(path, sizeof(path), "/%d", (int)i);
		const struct graft_known_file *found =
			graft_known_files_find(&known, &map, &root);
		assert_non_null(found);
		assert_int_equal(found->file, i);
	}
}

static void
another_root_device_or_state_is_another_file(void **state)
{
	GRAFT_CLEANUP(graft_known_files_deinit)
	struct graft_known_files known = { 0 };
	const struct graft_root root = { .ns = 1, .mount = 3, .inode = 2 };
	const struct graft_root other = { .ns = 1, .mount = 4, .inode = 2 };
	char path[] = "/lib/x";
	struct graft_map map = { .dev = 7, .inode = 9, .path = path };

	(void)state;
	assert_null(graft_known_files_add(&known, &map, &root, 1));
	assert_non_null(graft_known_files_find(&known, &map, &root));
	assert_null(graft_known_files_find(&known, &map, &other));
	map.deleted = true;
	assert_null(graft_known_files_find(&known, &map, &root));
	map.deleted = false;
	map.dev = 8;
	assert_null(graft_known_files_find(&known, &map, &root));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_many_is_found),
		cmocka_unit_test(another_root_device_or_state_is_another_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
