// SPDX-License-Identifier: Apache-2.0

#include "plan/concerns.h"

#include "plan/module.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/** A hotpatch for this program. */
struct ours {
	struct graft_patch_module module;
	struct graft_patch patch;
};

static void
must(struct graft_error *err)
{
	if (err)
		print_error("%s\n", graft_error_message(err));
	assert_null(err);
}

/** Make the hotpatch from what is in memory. */
static void
make(struct ours *ret)
{
	GRAFT_CLEANUP(graft_target_closep) struct graft_target *target = NULL;
	GRAFT_CLEANUP(graft_maps_freep) struct graft_maps *maps = NULL;
	GRAFT_CLEANUP(graft_modules_freep) struct graft_modules *modules = NULL;

	must(graft_target_open(getpid(), &target));
	must(graft_maps_read(getpid(), &maps));
	must(graft_modules_read(target, maps, &modules));
	const struct graft_module *module =
		graft_modules_at(modules, (uint64_t)(uintptr_t)make);
	assert_non_null(module);
	assert_true(module->build_id_len > 0);
	*ret = (struct ours){
		.module.verdict = GRAFT_VERDICT_HOTPATCH,
		.module.old_build_id_len = module->build_id_len,
	};
	memcpy(ret->module.old_build_id, module->build_id,
	       module->build_id_len);
	ret->patch.modules = &ret->module;
	ret->patch.module_count = 1;
}

static bool
ask(pid_t pid, const struct graft_patch *patch, struct graft_concerns *known)
{
	bool concerns = false;

	must(graft_concerns_ask(pid, patch, known, &concerns));
	return concerns;
}

/** Start a child that does nothing. */
static pid_t
start_child(void)
{
	pid_t child = fork();

	while (child == 0)
		(void)pause();
	return child;
}

static void
what_one_process_showed_is_known_of_the_next(void **state)
{
	struct ours ours;
	struct graft_concerns known = { 0 };
	pid_t child = start_child();

	(void)state;
	make(&ours);
	assert_true(ask(getpid(), &ours.patch, &known));
	assert_int_equal(known.count, 1);
	assert_true(ask(child, &ours.patch, &known));
	assert_int_equal(known.count, 1);
	// It was not looked for again: no module would have been found.
	ours.patch.module_count = 0;
	assert_true(ask(child, &ours.patch, &known));
	known.count = 0;
	assert_false(ask(child, &ours.patch, &known));
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

static void
a_child_is_asked_where_its_parent_had_it(void **state)
{
	struct ours ours;
	struct graft_concerns known = { 0 };
	pid_t child = start_child();

	(void)state;
	make(&ours);
	assert_true(ask(getpid(), &ours.patch, &known));
	// Nothing else tells it.
	known.list[0].inode = UINT64_MAX;
	ours.patch.module_count = 0;
	assert_true(ask(child, &ours.patch, &known));
	ours.module.old_build_id[0] ^= 1;
	assert_false(ask(child, &ours.patch, &known));
	ours.module.old_build_id[0] ^= 1;
	// The same bytes that are no beginning of a file.
	known.list[0].start += 4;
	known.list[0].id_off -= 4;
	assert_false(ask(child, &ours.patch, &known));
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

static void
a_file_of_the_same_number_with_another_build_is_no_hit(void **state)
{
	struct ours ours;
	struct ours other;
	struct graft_concerns known = { 0 };

	(void)state;
	make(&ours);
	assert_true(ask(getpid(), &ours.patch, &known));
	other = ours;
	other.module.old_build_id[0] ^= 1;
	other.patch.modules = &other.module;
	known.list[0].from = &other.module;
	assert_false(ask(getpid(), &other.patch, &known));
	// Where nothing can be read there is no build-id.
	known.list[0].from = &ours.module;
	known.list[0].id_off = UINT64_MAX / 2;
	assert_false(ask(getpid(), &other.patch, &known));
	assert_true(ask(getpid(), &ours.patch, &known));
}

static void
what_is_identical_concerns_nobody(void **state)
{
	struct ours ours;
	struct graft_concerns known = { 0 };

	(void)state;
	make(&ours);
	ours.module.verdict = GRAFT_VERDICT_IDENTICAL;
	assert_false(ask(getpid(), &ours.patch, &known));
	assert_int_equal(known.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_process_showed_is_known_of_the_next),
		cmocka_unit_test(a_child_is_asked_where_its_parent_had_it),
		cmocka_unit_test(
			a_file_of_the_same_number_with_another_build_is_no_hit),
		cmocka_unit_test(what_is_identical_concerns_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
