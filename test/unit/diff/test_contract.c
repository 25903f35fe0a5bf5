// SPDX-License-Identifier: Apache-2.0

// What interfaces say of the objects that they are handed.

#include "diff/code/contract.h"
#include "truth.h"

#include <pthread.h>
#include <semaphore.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD                                                                   \
	"#include <pthread.h>\n"                                               \
	"#define H __attribute__((visibility(\"hidden\")))\n"                  \
	"#define N H __attribute__((noinline, noclone, noipa))\n"
static void
make(const char *const *old_files, const char *const *new_files,
     struct truth *truth)
{
	struct truth_recipe recipe = {
		.cc = "clang",
		.cflags = "-O2 -fPIC",
		.ldflags = "-shared",
		.old_files = old_files,
		.new_files = new_files,
	};

	if (!truth_make(&recipe, truth))
		fail_msg("not built");
	if (truth_check(truth))
		fail_msg("%s", truth->wrong[0]);
}

static void
what_takes_a_lock_and_its_size_are_known_by_name(void **state)
{
	(void)state;
	assert_int_equal(graft_contract_size("pthread_mutex_lock", 0),
			 sizeof(pthread_mutex_t));
	assert_int_equal(graft_contract_size("pthread_cond_wait", 0),
			 sizeof(pthread_cond_t));
	assert_int_equal(graft_contract_size("pthread_cond_timedwait", 1),
			 sizeof(pthread_mutex_t));
	assert_int_equal(graft_contract_size("pthread_rwlock_rdlock", 0),
			 sizeof(pthread_rwlock_t));
	assert_int_equal(graft_contract_size("pthread_barrier_wait", 0),
			 sizeof(pthread_barrier_t));
	assert_int_equal(graft_contract_size("sem_post", 0), sizeof(sem_t));
	assert_int_equal(graft_contract_size("pthread_mutex_init", 1), 0);
	assert_int_equal(graft_contract_size("pthread_mutexattr_init", 0), 0);
	assert_int_equal(graft_contract_size("pthread_condattr_init", 0), 0);
	assert_int_equal(graft_contract_size("sem_open", 0), 0);
	assert_int_equal(graft_contract_size("memset", 0), 0);
}

/** Ask for the size of what a function's address of an object goes to. */
static uint64_t
size_of(const struct truth *truth, const char *name, bool only)
{
	GRAFT_CLEANUP(graft_flow_deinit) struct graft_flow flow = { 0 };
	const struct graft_code *code = truth->diff->new_code;
	const struct graft_symbol *symbol = truth_symbol(truth->new_full, name);
	uint64_t size = 77;

	assert_non_null(symbol);
	assert_null(graft_flow_init(code, &flow));
	for (uint32_t i = 0; i < code->ref_count; i++) {
		if (code->refs[i].kind == GRAFT_REF_ADDRESS &&
		    code->refs[i].target == symbol->addr)
			assert_null(graft_contract_find(&flow, i, only, &size));
	}
	return size;
}

static void
what_goes_elsewhere_too_has_no_size_for_certain(void **state)
{
	static const char code[] = HEAD
		"H pthread_mutex_t here = { 0 }, there = { 0 }, nowhere = { 0 };\n"
		"H pthread_mutex_t *kept;\n"
		"N void one(void) { pthread_mutex_lock(&here);\n"
		"pthread_mutex_unlock(&here); }\n"
		"N void two(void) { pthread_mutex_lock(&there);\n"
		"kept = &there; }\n"
		"N void none(void) { kept = &nowhere; }\n"
		"int all(void) { one(); two(); none(); return 3; }\n";
	const char *files[] = { code, NULL };
	struct truth truth;

	(void)state;
	make(files, files, &truth);
	assert_int_equal(size_of(&truth, "here", true),
			 sizeof(pthread_mutex_t));
	assert_int_equal(size_of(&truth, "there", true), 0);
	assert_int_equal(size_of(&truth, "nowhere", false), 0);
	truth_deinit(&truth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_takes_a_lock_and_its_size_are_known_by_name),
		cmocka_unit_test(
			what_goes_elsewhere_too_has_no_size_for_certain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
