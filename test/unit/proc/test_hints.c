// SPDX-License-Identifier: Apache-2.0

#include "proc/hints.h"

#include "proc/gadget.h"
#include "proc/live.h"
#include "proc/scan.h"
#include "proc/stack.h"
#include "proc/tables.h"
#include "proc/tracee.h"
#include "victim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void
busy(struct victim_page *page)
{
	victim_work(page, 0);
}

/** Find the gadgets of a victim, with hints. */
static struct graft_gadgets
find(struct victim *victim, struct graft_hints *hints)
{
	struct graft_target *target = NULL;
	struct graft_vmas *vmas;

	assert_ok(graft_target_open(victim->pid, &target));
	graft_target_set_hints(target, hints);
	assert_ok(graft_target_vmas(target, &vmas));
	assert_ok(graft_gadgets_find(target, vmas));
	struct graft_gadgets gadgets = target->gadgets;
	graft_target_close(target);
	return gadgets;
}

static void
what_one_process_shows_is_found_in_another_one(void **state)
{
	struct graft_hints hints;
	struct victim victim = victim_start(busy, 1);

	(void)state;
	assert_ok(graft_hints_init(&hints));
	struct graft_gadgets searched = find(&victim, NULL);
	struct graft_gadgets first = find(&victim, &hints);
	assert_int_equal(first.call, searched.call);
	assert_int_not_equal(hints.call.inode, 0);
	assert_int_not_equal(hints.restore.inode, 0);
	struct graft_gadgets again = find(&victim, &hints);
	assert_int_equal(again.call, searched.call);
	assert_int_equal(again.restore, searched.restore);
	victim_end(&victim);
	graft_hints_deinit(&hints);
}

static void
a_false_hint_is_not_followed(void **state)
{
	struct graft_hints hints;
	struct victim victim = victim_start(busy, 1);

	(void)state;
	assert_ok(graft_hints_init(&hints));
	struct graft_gadgets right = find(&victim, &hints);
	// Something else stands there, the file has no such place, or it is no
	// file that is mapped.
	for (int i = 0; i < 3; i++) {
		hints.call.off += i == 0 ? 1 : i == 1 ? UINT64_C(1) << 40 : 0;
		hints.restore.inode += i == 2;
		struct graft_gadgets got = find(&victim, &hints);
		assert_int_equal(got.call, right.call);
		assert_int_equal(got.restore, right.restore);
	}
	victim_end(&victim);
	graft_hints_deinit(&hints);
}

/** How often it was called, and when it says no. */
struct made {
	int count;
	int no_at;
	int64_t result;
};

static bool
take(void *ctx, struct graft_target *target,
     const struct graft_target_call *call)
{
	struct made *made = ctx;

	assert_non_null(target);
	made->result = call->result;
	return ++made->count != made->no_at;
}

static void
what_follows_a_call_may_end_the_calls(void **state)
{
	struct victim victim = victim_start(busy, 1);
	struct graft_target *target = NULL;

	(void)state;
	assert_ok(graft_target_open(victim.pid, &target));
	assert_ok(graft_target_attach(target));
	for (int no_at = 0; no_at < 3; no_at++) {
		struct made made = { .no_at = no_at };
		struct graft_target_call calls[] = {
			{ .nr = SYS_getpid, .made = take, .ctx = &made },
			{ .nr = SYS_getpid, .made = take, .ctx = &made },
			{ .nr = SYS_close,
			  .args = { 12345 },
			  .made = take,
			  .ctx = &made },
		};
		assert_ok(graft_target_syscalls(target, calls, 3));
		// Nothing follows a call that failed.
		assert_int_equal(made.count, no_at == 1 ? 1 : 2);
		assert_int_equal(made.result, victim.pid);
		assert_int_equal(calls[1].result,
				 no_at == 1 ? -ECANCELED : victim.pid);
		assert_int_equal(calls[2].result, no_at ? -ECANCELED : -EBADF);
		assert_works(&victim, 0);
	}
	graft_target_close(target);
	victim_end(&victim);
}

/** Copy our own program to a new file, open. */
static int
copy_ourselves(char path[32])
{
	char buf[4096];
	ssize_t got;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)strcpy(path, "/tmp/graft-test.XXXXXX");
	int to = mkstemp(path);
	assert_true(from >= 0 && to >= 0);
	while ((got = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)got), got);
	(void)close(from);
	return to;
}

/** Get the tables of the mapping at an address. */
static struct graft_table *
tables_at(struct graft_tables *tables, const void *addr)
{
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	struct graft_table *table = NULL;

	assert_ok(graft_maps_read(getpid(), &maps));
	const struct graft_map *map = graft_maps_at(maps, (uintptr_t)addr);
	assert_non_null(map);
	assert_ok(graft_tables_get(tables, getpid(), map, &table));
	return table;
}

static void
a_file_is_opened_once_until_it_changes(void **state)
{
	struct graft_tables *tables = NULL;
	char path[32];
	int fd = copy_ourselves(path);
	void *addr = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			  0);

	(void)state;
	assert_ptr_not_equal(addr, MAP_FAILED);
	assert_ok(graft_tables_new(&tables));
	struct graft_table *first = tables_at(tables, addr);
	assert_non_null(first->cfi);
	struct graft_table *second = tables_at(tables, addr);
	assert_ptr_equal(first, second);
	struct graft_table *alone = tables_at(NULL, addr);
	assert_ptr_not_equal(first, alone);
	assert_non_null(alone->cfi);
	graft_table_release(alone);
	graft_table_release(first);
	graft_table_release(second);
	assert_ptr_equal(tables_at(tables, addr), first);
	graft_table_release(first);
	assert_int_equal(write(fd, "x", 1), 1);
	struct graft_table *other = tables_at(tables, addr);
	assert_ptr_not_equal(other, first);
	graft_table_release(other);
	graft_tables_free(tables);
	(void)munmap(addr, 4096);
	(void)close(fd);
	(void)unlink(path);
}

static void
the_vdso_of_the_next_process_is_known(void **state)
{
	GRAFT_CLEANUP(graft_tables_freep) struct graft_tables *tables = NULL;
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);

	(void)state;
	if (!vdso)
		skip();
	assert_ok(graft_tables_new(&tables));
	struct graft_table *first = tables_at(tables, vdso);
	struct graft_table *second = tables_at(tables, vdso);
	assert_non_null(first->cfi);
	assert_ptr_equal(first, second);
	// Another one of the same size is another one.
	first->image[first->image_len - 1] ^= 1;
	struct graft_table *other = tables_at(tables, vdso);
	assert_ptr_not_equal(first, other);
	graft_table_release(other);
	graft_table_release(second);
	graft_table_release(first);
}

static void
what_stacks_are_read_with_is_kept_for_the_next_process(void **state)
{
	GRAFT_CLEANUP(graft_hints_deinit) struct graft_hints hints = { 0 };
	GRAFT_CLEANUP(graft_scan_freep) struct graft_scan *scan = NULL;
	struct graft_live *live = NULL;
	struct graft_live *other = NULL;
	const struct graft_range range = { 1, 2 };

	(void)state;
	assert_ok(graft_scan_new(&range, 1, &scan));
	assert_ok(graft_live_new(scan, 1, &hints.batch, &live));
	graft_live_free(live);
	const struct graft_batch *batch = hints.batch;
	assert_non_null(batch);
	assert_ok(graft_live_new(scan, 900, &hints.batch, &live));
	assert_null(hints.batch);
	// Who comes meanwhile has one of its own.
	assert_ok(graft_live_new(scan, 1, &hints.batch, &other));
	graft_live_free(live);
	graft_live_free(other);
	assert_ptr_equal(hints.batch, batch);
}

int
main(void)
{
	(void)elf_version(EV_CURRENT);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vdso_of_the_next_process_is_known),
		cmocka_unit_test(
			what_stacks_are_read_with_is_kept_for_the_next_process),
		cmocka_unit_test(
			what_one_process_shows_is_found_in_another_one),
		cmocka_unit_test(a_false_hint_is_not_followed),
		cmocka_unit_test(what_follows_a_call_may_end_the_calls),
		cmocka_unit_test(a_file_is_opened_once_until_it_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
