// SPDX-License-Identifier: Apache-2.0

// What the worker of graftd remembers of processes.

#include "agent/table.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct graft_table_process *
get(struct graft_table *table, pid_t pid, uint64_t start)
{
	struct graft_table_process *process = NULL;

	assert_null(graft_table_get(table, pid, start, &process));
	assert_int_equal(process->pid, pid);
	return process;
}

static void
processes_are_found_whatever_order_they_come_in(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_table_deinit) struct graft_table table = { 0 };
	static const pid_t pids[] = { 5, 1, 9, 3, 7, 2, 8 };

	for (size_t i = 0; i < 7; i++)
		get(&table, pids[i], 1)->round = (uint32_t)pids[i] % 2;
	assert_int_equal(table.count, 7);
	assert_int_equal(table.added, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(graft_table_find(&table, pids[i])->pid,
				 pids[i]);
	assert_null(graft_table_find(&table, 4));
	assert_null(graft_table_find(&table, 10));
	graft_table_drop(&table, 5);
	graft_table_drop(&table, 4);
	assert_null(graft_table_find(&table, 5));
	assert_int_equal(table.count, 6);
	graft_table_drop_others(&table, 1);
	assert_int_equal(table.count, 4);
	assert_null(graft_table_find(&table, 8));
	assert_non_null(graft_table_find(&table, 9));
}

static void
another_process_with_the_same_number_begins_anew(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_table_deinit) struct graft_table table = { 0 };
	const struct graft_table_need need = { .what = 3 };

	graft_table_set_needs(get(&table, 5, 1), &need, 1);
	assert_int_equal(get(&table, 5, 1)->need_count, 1);
	assert_int_equal(get(&table, 5, 2)->need_count, 0);
	assert_int_equal(table.added, 2);
}

static void
what_is_as_it_was_keeps_how_it_went(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_table_deinit) struct graft_table table = { 0 };
	struct graft_table_process *process = get(&table, 5, 1);
	struct graft_table_need needs[2] = { { .what = 3 },
					     { .serial = 7, .what = 4 } };

	graft_table_set_needs(process, needs, 2);
	assert_true(graft_table_is_due(&process->needs[1], 0));
	process->needs[1].busy = true;
	assert_false(graft_table_is_due(&process->needs[1], 0));
	process->needs[1].busy = false;
	process->needs[1].tried = 4;
	process->needs[1].retry_us = 100;
	graft_table_set_needs(process, needs, 2);
	assert_false(graft_table_is_due(&process->needs[1], 99));
	assert_true(graft_table_is_due(&process->needs[1], 100));
	process->needs[1].retry_us = UINT64_MAX;
	assert_false(graft_table_is_due(&process->needs[1], UINT64_MAX - 1));
	// Other files, or in another place: it is another need.
	needs[1].what = 5;
	graft_table_set_needs(process, needs, 2);
	assert_true(graft_table_is_due(&process->needs[1], 0));
	// None of it any more.
	needs[0].what = 0;
	graft_table_set_needs(process, needs, 1);
	assert_int_equal(process->need_count, 1);
	assert_false(graft_table_is_due(&process->needs[0], 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			processes_are_found_whatever_order_they_come_in),
		cmocka_unit_test(
			another_process_with_the_same_number_begins_anew),
		cmocka_unit_test(what_is_as_it_was_keeps_how_it_went),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
