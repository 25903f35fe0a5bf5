// SPDX-License-Identifier: Apache-2.0

#include "victim.h"

#include "proc/list.h"
#include "proc/list_from.h"

enum { ROOM = 1 << 15 };

static void
stand(struct victim_page *page)
{
	atomic_store(&page->ready, 1);
	for (;;)
		(void)pause();
}

static bool
has(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

static void
who_has_a_higher_number_is_listed_and_nobody_else(void **state)
{
	(void)state;
	struct graft_list_from list = { 0 };
	struct victim victim = victim_start(stand, 1);
	GRAFT_FREE pid_t *pids = calloc(ROOM, sizeof(*pids));
	size_t count;

	assert_non_null(pids);
	assert_true(graft_list_from(&list, victim.pid, pids, ROOM, &count));
	assert_true(count >= 1 && pids[0] == victim.pid);
	assert_true(graft_list_from(&list, victim.pid + 1, pids, ROOM, &count));
	assert_true(count == 0 || pids[0] > victim.pid);
	// Again, from the front.
	assert_true(graft_list_from(&list, 1, pids, ROOM, &count));
	assert_true(has(pids, count, victim.pid) && has(pids, count, getpid()));
	for (size_t i = 1; i < count; i++)
		assert_true(pids[i] > pids[i - 1]);
	pid_t pid = victim.pid;
	victim_end(&victim);
	assert_true(graft_list_from(&list, pid, pids, ROOM, &count));
	assert_true(count == 0 || pids[0] > pid);
	graft_list_from_deinit(&list);
}

static void
all_that_live_are_listed(void **state)
{
	(void)state;
	struct graft_list_from list = { 0 };
	GRAFT_FREE pid_t *pids = calloc(ROOM, sizeof(*pids));
	GRAFT_FREE pid_t *before = NULL;
	GRAFT_FREE pid_t *after = NULL;
	size_t count, before_count, after_count;

	assert_non_null(pids);
	assert_ok(graft_proc_list(&before, &before_count));
	assert_true(graft_list_from(&list, 1, pids, ROOM, &count));
	assert_ok(graft_proc_list(&after, &after_count));
	// Who lived before and lives afterwards.
	assert_true(before_count > 0);
	for (size_t i = 0; i < before_count; i++) {
		if (has(after, after_count, before[i]))
			assert_true(has(pids, count, before[i]));
	}
	graft_list_from_deinit(&list);
}

static void
more_than_there_is_room_for_are_not_listed(void **state)
{
	(void)state;
	struct graft_list_from list = { 0 };
	struct victim victim = victim_start(stand, 1);
	pid_t one;
	size_t count;

	// It and we, at the least.
	pid_t first = victim.pid < getpid() ? victim.pid : getpid();
	assert_false(graft_list_from(&list, first, &one, 1, &count));
	victim_end(&victim);
	graft_list_from_deinit(&list);
}

static void
a_child_opens_its_own(void **state)
{
	(void)state;
	struct graft_list_from list = { 0 };
	GRAFT_FREE pid_t *pids = calloc(ROOM, sizeof(*pids));
	size_t count;
	int status;

	assert_non_null(pids);
	assert_true(graft_list_from(&list, getpid(), pids, ROOM, &count));
	pid_t parent = getpid();
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool ok = list.tried == parent &&
			  graft_list_from(&list, getpid(), pids, ROOM,
					  &count) &&
			  list.tried == getpid() && count >= 1 &&
			  pids[0] == getpid();
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	graft_list_from_deinit(&list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			who_has_a_higher_number_is_listed_and_nobody_else),
		cmocka_unit_test(all_that_live_are_listed),
		cmocka_unit_test(more_than_there_is_room_for_are_not_listed),
		cmocka_unit_test(a_child_opens_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
