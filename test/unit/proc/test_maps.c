// SPDX-License-Identifier: Apache-2.0

#include "proc/maps.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static const char TEXT[] =
	"5500000000-5500001000 r-xp 00002000 fe:01 332383     /usr/bin/a b\n"
	"5500001000-5500002000 rw-s 00003000 00:1a 7 /tmp/x (deleted)\n"
	"5500010000-5500020000 rw-p 00000000 00:00 0          [heap]\n"
	"7f0000000000-7f0000002000 ---p 00000000 00:00 0 \n"
	"7ff000000000-7ff000100000 rw-p 00000000 00:00 0  [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

static void
every_field_of_a_line_is_read(void **state)
{
	(void)state;
	struct graft_maps *maps = NULL;
	assert_null(graft_maps_parse(TEXT, sizeof(TEXT) - 1, &maps));
	assert_int_equal(maps->count, 6);
	const struct graft_map *map = maps->maps;
	assert_int_equal(map->start, 0x5500000000);
	assert_int_equal(map->end, 0x5500001000);
	assert_int_equal(map->prot, PROT_READ | PROT_EXEC);
	assert_false(map->shared);
	assert_int_equal(map->off, 0x2000);
	assert_int_equal(map->dev, UINT64_C(0xfe) << 32 | 1);
	assert_int_equal(map->inode, 332383);
	assert_string_equal(map->path, "/usr/bin/a b");
	assert_false(map->deleted);
	assert_true(map[1].shared && map[1].deleted);
	assert_string_equal(map[1].path, "/tmp/x");
	assert_string_equal(map[3].path, "");
	assert_int_equal(map[3].prot, PROT_NONE);

	assert_ptr_equal(graft_maps_at(maps, 0x5500000fff), map);
	assert_ptr_equal(graft_maps_at(maps, 0x5500001000), map + 1);
	assert_null(graft_maps_at(maps, 0x5500002000));
	assert_null(graft_maps_at(maps, 0));
	assert_ptr_equal(graft_maps_at(maps, 0xffffffffff600fff), map + 5);
	assert_null(graft_maps_at(maps, UINT64_MAX));
	graft_maps_free(maps);
}

static void
what_is_no_maps_file_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"x\n",
		"\n",
		"1000-2000 r-xp 00000000 00:00 0",
		"2000-1000 r-xp 00000000 00:00 0 \n",
		"1000-1000 r-xp 00000000 00:00 0 \n",
		"1000-2000 rwxq 00000000 00:00 0 \n",
		"1000-2000 r-x 00000000 00:00 0 \n",
		"-2000 r-xp 00000000 00:00 0 \n",
		"11112222333344445-2000 r-xp 00000000 00:00 0 \n",
		"1000-2000 r-xp 0000000g 00:00 0 \n",
		"1000-2000 r-xp 00000000 0000 0 \n",
		"3000-4000 r-xp 0 00:00 0 \n1000-2000 r-xp 0 00:00 0 \n",
		"1000-3000 r-xp 0 00:00 0 \n2000-4000 r-xp 0 00:00 0 \n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct graft_maps *maps = NULL;
		struct graft_error *err =
			graft_maps_parse(bad[i], strlen(bad[i]), &maps);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
		assert_null(maps);
		graft_error_free(err);
	}
}

static void
every_prefix_is_refused_or_a_whole_number_of_lines(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(TEXT); len++) {
		struct graft_maps *maps = NULL;
		struct graft_error *err = graft_maps_parse(TEXT, len, &maps);
		bool whole = len == 0 || TEXT[len - 1] == '\n';
		assert_int_equal(!err, whole);
		graft_error_free(err);
		graft_maps_free(maps);
	}
}

static void
our_own_maps_hold_our_code(void **state)
{
	(void)state;
	struct graft_maps *maps = NULL;
	assert_null(graft_maps_read(getpid(), &maps));
	const struct graft_map *map =
		graft_maps_at(maps, (uintptr_t)our_own_maps_hold_our_code);
	assert_non_null(map);
	assert_true(map->prot & PROT_EXEC);
	char exe[4096] = "";
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(map->path, exe);
	graft_maps_free(maps);
	struct graft_error *err = graft_maps_read(0x3fffff, &maps);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_TARGET_GONE);
	graft_error_free(err);
}

static void
a_deleted_file_is_opened_through_its_mapping(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	char path[] = "/tmp/graft-test-maps-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old", 3), 3);
	void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	(void)close(fd);
	(void)unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_int_equal(write(fd, "new", 3), 3);
	(void)close(fd);

	struct graft_maps *maps = NULL;
	assert_null(graft_maps_read(getpid(), &maps));
	const struct graft_map *map = graft_maps_at(maps, (uintptr_t)mapped);
	assert_non_null(map);
	assert_true(map->deleted);
	assert_string_equal(map->path, path);
	assert_null(graft_map_open_file(getpid(), map, &fd));
	char text[4] = "";
	assert_int_equal(read(fd, text, 3), 3);
	assert_string_equal(text, "old");
	(void)close(fd);

	struct graft_map none = { .start = 4096, .end = 8192, .path = path };
	struct graft_error *err = graft_map_open_file(getpid(), &none, &fd);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	graft_error_free(err);
	// Another file lies at the path now: it must not be taken for it.
	none = *map;
	none.start = 4096;
	none.end = 8192;
	none.deleted = false;
	err = graft_map_open_file(getpid(), &none, &fd);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NOT_FOUND);
	graft_error_free(err);
	graft_maps_free(maps);
	(void)munmap(mapped, 4096);
	(void)unlink(path);
}

/** Look for room near the first mapping of TEXT. */
static bool
find(uint64_t len, uint64_t congruent, uint64_t align, uint64_t reach,
     uint64_t *ret)
{
	struct graft_maps *maps = NULL;
	assert_null(graft_maps_parse(TEXT, sizeof(TEXT) - 1, &maps));
	bool found = graft_maps_find_free(maps, 0x5500000000, 0x5500002000, len,
					  congruent, align, reach, ret);
	graft_maps_free(maps);
	return found;
}

static void
free_space_is_the_nearest_below(void **state)
{
	(void)state;
	uint64_t at = 0;
	assert_true(find(0x3000, 0, 4096, INT32_MAX, &at));
	assert_int_equal(at, 0x5500000000 - 0x3000);
	assert_true(find(0x3000, 0x2000, 0x10000, INT32_MAX, &at));
	assert_int_equal(at, 0x5500000000 - 0xe000);
	// As far as the reach allows and no further.
	assert_true(find(0x3000, 0, 4096, 0x5000, &at));
	assert_int_equal(at, 0x5500000000 - 0x3000);
	assert_false(find(0x4000, 0, 4096, 0x5000, &at));
}

static void
impossible_requests_find_nothing(void **state)
{
	(void)state;
	uint64_t at;
	assert_false(find(0, 0, 4096, INT32_MAX, &at));
	assert_false(find(4096, 0, 0, INT32_MAX, &at));
	assert_false(find(4096, 0, 4097, INT32_MAX, &at));
	assert_false(find(4096, 0, 4096, UINT64_C(1) << 32, &at));
	assert_false(find(UINT64_MAX, 0, 4096, INT32_MAX, &at));
	assert_false(find(0x80000000, 0, 4096, INT32_MAX, &at));
}

static void
heap_and_stack_keep_their_room(void **state)
{
	(void)state;
	static const char text[] =
		"10000-5500000000 r--p 0 00:00 0 \n"
		"5500000000-5500001000 r-xp 0 00:00 0 \n"
		"5500001000-5500002000 rw-p 0 00:00 0 [heap]\n"
		"5504000000-5504001000 rw-p 0 00:00 0 [stack]\n"
		"5504001000-7ffffffff000 r--p 0 00:00 0 \n";
	struct graft_maps *maps = NULL;
	uint64_t at;
	assert_null(graft_maps_parse(text, sizeof(text) - 1, &maps));
	assert_false(graft_maps_find_free(maps, 0x5500000000, 0x5500001000,
					  4096, 0, 4096, INT32_MAX, &at));
	graft_maps_free(maps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_line_is_read),
		cmocka_unit_test(what_is_no_maps_file_is_refused),
		cmocka_unit_test(
			every_prefix_is_refused_or_a_whole_number_of_lines),
		cmocka_unit_test(our_own_maps_hold_our_code),
		cmocka_unit_test(a_deleted_file_is_opened_through_its_mapping),
		cmocka_unit_test(free_space_is_the_nearest_below),
		cmocka_unit_test(impossible_requests_find_nothing),
		cmocka_unit_test(heap_and_stack_keep_their_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
