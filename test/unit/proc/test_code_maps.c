// SPDX-License-Identifier: Apache-2.0

#include "proc/maps.h"
#include "proc/target.h"
#include "proc/vmas.h"

#include "victim.h"

#include <fcntl.h>

/** What a victim is asked to do with its mappings. */
enum order { KEEP, DATA, ANONYMOUS, FILE_CODE, GONE, OTHER };

enum { PAGE = 4096 };

/** Executable, of our own file, and with no other use. */
static void *code;

/** Map a page of our own program, executable. */
static void *
map_code(void *at)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	void *got = mmap(at, PAGE, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE | (at ? MAP_FIXED : 0), fd, 0);

	(void)close(fd);
	return got;
}

static void
map_anonymous(int prot)
{
	// No neighbour with which it could become one mapping.
	char *got = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	(void)mprotect(got + PAGE, PAGE, prot);
}

static void
obey(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	while (!atomic_load(&page->order))
		(void)usleep(1000);
	switch (atomic_load(&page->order)) {
	case DATA:
		map_anonymous(PROT_READ | PROT_WRITE);
		break;
	case ANONYMOUS:
		map_anonymous(PROT_READ | PROT_EXEC);
		break;
	case FILE_CODE:
		(void)map_code(NULL);
		break;
	case GONE:
		(void)munmap(code, PAGE);
		break;
	case OTHER:
		(void)mmap(code, PAGE, PROT_READ | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	default:
		break;
	}
	atomic_store(&page->ready, 2);
	for (;;)
		(void)usleep(1000);
}

/** Count what is executable, and compare it with what is so now. */
static void
expect_code(const struct graft_maps *got, const struct graft_maps *now)
{
	size_t k = 0;

	for (size_t i = 0; i < got->count; i++) {
		const struct graft_map *map = &got->maps[i];
		assert_true(i == 0 || got->maps[i - 1].end <= map->start);
		if (!(map->prot & PROT_EXEC))
			continue;
		while (k < now->count && !(now->maps[k].prot & PROT_EXEC))
			k++;
		assert_true(k < now->count);
		assert_int_equal(map->start, now->maps[k].start);
		assert_int_equal(map->end, now->maps[k].end);
		assert_int_equal(map->off, now->maps[k].off);
		assert_int_equal(map->dev, now->maps[k].dev);
		assert_int_equal(map->inode, now->maps[k].inode);
		assert_string_equal(map->path, now->maps[k].path);
		k++;
	}
	while (k < now->count && !(now->maps[k].prot & PROT_EXEC))
		k++;
	assert_int_equal(k, now->count);
}

/** Let a victim do something after its mappings were read, and look again. */
/** Say whether the kernel answers for one address. */
static bool
has_queries(pid_t pid)
{
	GRAFT_CLEANUP(graft_vmas_freep) struct graft_vmas *vmas = NULL;

	assert_ok(graft_vmas_new(pid, &vmas));
	return graft_vmas_has_queries(vmas);
}

static void
check_order(enum order order)
{
	struct victim victim = victim_start(obey, 1);
	struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *before = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *got = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *now = NULL;

	assert_ok(graft_maps_read(victim.pid, &before));
	atomic_store(&victim.page->order, order ? (int)order : -1);
	assert_true(reaches(&victim.page->ready, 2));
	assert_ok(graft_target_open(victim.pid, &target));
	assert_ok(graft_target_attach(target));
	graft_target_set_maps(target, before);
	bool same;
	assert_ok(graft_target_code_maps(target, &got, &same));
	assert_ok(graft_maps_read(victim.pid, &now));
	expect_code(got, now);
	// Where the kernel does not answer for one address nothing is the same.
	if (same)
		assert_true(order <= ANONYMOUS);
	else if (has_queries(victim.pid))
		assert_true(order > ANONYMOUS);
	graft_target_close(target);
	victim_end(&victim);
}

static void
what_did_not_change_is_the_same(void **state)
{
	(void)state;
	check_order(KEEP);
	check_order(DATA);
}

static void
a_shadow_that_came_is_added(void **state)
{
	(void)state;
	check_order(ANONYMOUS);
}

static void
code_that_came_went_or_changed_is_read(void **state)
{
	(void)state;
	check_order(FILE_CODE);
	check_order(GONE);
	check_order(OTHER);
}

static void
who_was_told_nothing_reads_all(void **state)
{
	(void)state;
	struct victim victim = victim_start(obey, 1);
	struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *got = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *now = NULL;

	assert_ok(graft_target_open(victim.pid, &target));
	assert_ok(graft_target_attach(target));
	bool same = true;
	assert_ok(graft_target_code_maps(target, &got, &same));
	assert_false(same);
	assert_ok(graft_maps_read(victim.pid, &now));
	assert_int_equal(got->count, now->count);
	graft_target_close(target);
	victim_end(&victim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_did_not_change_is_the_same),
		cmocka_unit_test(a_shadow_that_came_is_added),
		cmocka_unit_test(code_that_came_went_or_changed_is_read),
		cmocka_unit_test(who_was_told_nothing_reads_all),
	};
	(void)prctl(PR_SET_NAME, "test_code_maps");
	code = map_code(NULL);
	return code == MAP_FAILED ? 1
				  : cmocka_run_group_tests(tests, NULL, NULL);
}
