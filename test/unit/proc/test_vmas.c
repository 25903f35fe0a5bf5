// SPDX-License-Identifier: Apache-2.0

#include "proc/vmas.h"

#include "proc/maps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static void
must(struct graft_error *err)
{
	if (err)
		fail_msg("%s", graft_error_message(err));
}

static struct graft_vmas *
vmas_of_us(bool text)
{
	struct graft_vmas *vmas = NULL;
	must(graft_vmas_new(getpid(), &vmas));
	if (text)
		graft_vmas_use_text(vmas);
	return vmas;
}

static void
check_one(bool text)
{
	GRAFT_CLEANUP(graft_vmas_freep)
	struct graft_vmas *vmas = vmas_of_us(text);
	size_t len = 3 * 4096;
	char *memory = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	uint64_t middle = (uintptr_t)memory + 4096;
	assert_int_equal(mprotect(memory + 4096, 4096, PROT_READ | PROT_WRITE),
			 0);

	struct graft_vma vma;
	bool found = false;
	must(graft_vmas_next(vmas, middle + 17, &vma, &found));
	assert_true(found);
	assert_int_equal(vma.start, middle);
	assert_int_equal(vma.end, middle + 4096);
	assert_int_equal(vma.prot, PROT_READ | PROT_WRITE);
	assert_int_equal(vma.inode, 0);
	assert_false(vma.shared);

	// What was read may be kept until it is renewed, not longer.
	(void)munmap(memory, len);
	graft_vmas_renew(vmas, getpid());
	must(graft_vmas_next(vmas, middle, &vma, &found));
	assert_true(!found || vma.start > middle);

	must(graft_vmas_next(vmas, UINT64_MAX - 4096, &vma, &found));
	assert_false(found);
}

static void
the_kernel_is_asked_for_one_mapping(void **state)
{
	(void)state;
	check_one(false);
}

static void
the_text_gives_the_same_answers(void **state)
{
	(void)state;
	check_one(true);
}

static void
both_ways_agree_on_all_mappings(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_vmas_freep)
	struct graft_vmas *one = vmas_of_us(false);
	GRAFT_CLEANUP(graft_vmas_freep)
	struct graft_vmas *other = vmas_of_us(true);
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	must(graft_maps_read(getpid(), &maps));
	assert_true(maps->count > 10);
	for (size_t i = 0; i < maps->count; i++) {
		struct graft_vma a;
		struct graft_vma b;
		bool found_a = false;
		bool found_b = false;
		const struct graft_map *map = &maps->maps[i];
		// The kernel's own page is in the text only.
		if (map->start >> 63)
			continue;
		must(graft_vmas_next(one, map->start, &a, &found_a));
		must(graft_vmas_next(other, map->start, &b, &found_b));
		assert_true(found_a && found_b);
		assert_int_equal(a.start, b.start);
		assert_int_equal(a.prot, b.prot);
		assert_int_equal(a.off, b.off);
		assert_int_equal(a.dev, b.dev);
		assert_int_equal(a.inode, b.inode);
		assert_int_equal(a.shared, b.shared);
	}
}

static void
both_ways_agree_on_code_and_names(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_vmas_freep)
	struct graft_vmas *one = vmas_of_us(false);
	GRAFT_CLEANUP(graft_vmas_freep)
	struct graft_vmas *other = vmas_of_us(true);
	size_t count = 0;
	bool stack = false;
	uint64_t addr = 0;

	must(graft_vmas_prepare(other));
	for (;; count++) {
		struct graft_vma a;
		struct graft_vma b;
		bool found_a = false;
		bool found_b = false;
		must(graft_vmas_next_code(one, addr, &a, &found_a));
		must(graft_vmas_next_code(other, addr, &b, &found_b));
		assert_int_equal(found_a, found_b);
		if (!found_a)
			break;
		assert_true(a.prot & PROT_EXEC);
		assert_int_equal(a.start, b.start);
		assert_int_equal(a.end, b.end);
		assert_int_equal(a.off, b.off);
		assert_int_equal(a.inode, b.inode);
		addr = a.end;
	}
	assert_true(count > 2);
	for (addr = 0;;) {
		struct graft_vma vma;
		bool found = false;
		char a[GRAFT_VMA_NAME_SIZE];
		char b[GRAFT_VMA_NAME_SIZE];
		must(graft_vmas_next(one, addr, &vma, &found));
		if (!found)
			break;
		must(graft_vmas_name(one, &vma, a));
		must(graft_vmas_name(other, &vma, b));
		assert_string_equal(a, b);
		// Files have longer ones, and are not asked for.
		assert_true(!vma.inode || strcmp(a, "?") == 0);
		if (strcmp(a, "[stack]") == 0) {
			stack = true;
			assert_true((uintptr_t)&stack >= vma.start &&
				    (uintptr_t)&stack < vma.end);
		}
		addr = vma.end;
	}
	assert_true(stack);
}

static void
a_process_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_vmas_freep) struct graft_vmas *vmas = NULL;
	struct graft_vma vma;
	bool found = false;
	must(graft_vmas_new(0x7ffffff0, &vmas));
	struct graft_error *err = graft_vmas_next(vmas, 0, &vma, &found);
	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_TARGET_GONE);
	graft_error_free(err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernel_is_asked_for_one_mapping),
		cmocka_unit_test(the_text_gives_the_same_answers),
		cmocka_unit_test(both_ways_agree_on_all_mappings),
		cmocka_unit_test(both_ways_agree_on_code_and_names),
		cmocka_unit_test(a_process_that_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
