// SPDX-License-Identifier: Apache-2.0

#include "patch/immediate.h"

#include "patch/file.h"
#include "sample.h"

/** The first module of a sample, which replaces one function, and nothing else. */
static struct graft_patch *
one_function(void)
{
	struct graft_patch *patch = sample_patch();
	struct graft_patch_module *m = &patch->modules[0];

	for (size_t i = 1; i < patch->module_count; i++)
		graft_patch_module_deinit(&patch->modules[i]);
	patch->module_count = 1;
	for (size_t i = 0; i < m->run_count; i++)
		m->runs[i].flags &= ~(uint32_t)GRAFT_RUN_WRITE;
	m->immediate = GRAFT_IMMEDIATE_PROVEN;
	return patch;
}

/** Let a module replace several functions, as far as it is counted here. */
static void
count_as(struct graft_patch *patch, size_t count)
{
	patch->modules[0].redirect_count = count;
}

static void
a_proof_for_one_function_is_taken(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = one_function();
	size_t real = patch->modules[0].redirect_count;

	count_as(patch, 1);
	assert_null(graft_patch_not_immediate(patch));
	sample_ok(graft_patch_check_immediate(patch));
	count_as(patch, real);
}

static void
a_proof_for_two_functions_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = one_function();
	size_t real = patch->modules[0].redirect_count;

	count_as(patch, 2);
	assert_non_null(graft_patch_not_immediate(patch));
	sample_refused(graft_patch_check_immediate(patch),
		       GRAFT_ERROR_BAD_INPUT, "more than one function");
	graft_patch_limit_immediate(patch);
	assert_int_equal(patch->modules[0].immediate, GRAFT_IMMEDIATE_UNKNOWN);
	sample_ok(graft_patch_check_immediate(patch));
	count_as(patch, real);
}

static void
a_proof_for_what_brings_variables_is_refused(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = one_function();
	size_t real = patch->modules[0].redirect_count;

	count_as(patch, 1);
	patch->modules[0].runs[0].flags |= GRAFT_RUN_WRITE;
	sample_refused(graft_patch_check_immediate(patch),
		       GRAFT_ERROR_BAD_INPUT, "no single function");
	count_as(patch, real);
}

static void
without_an_answer_it_is_not_allowed(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = one_function();
	size_t real = patch->modules[0].redirect_count;

	count_as(patch, 1);
	patch->modules[0].immediate = GRAFT_IMMEDIATE_UNKNOWN;
	assert_non_null(graft_patch_not_immediate(patch));
	patch->modules[0].immediate = GRAFT_IMMEDIATE_REFUSED;
	patch->modules[0].immediate_why = strdup("it calls itself");
	assert_string_equal(graft_patch_not_immediate(patch),
			    "it calls itself");
	count_as(patch, real);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proof_for_one_function_is_taken),
		cmocka_unit_test(a_proof_for_two_functions_is_refused),
		cmocka_unit_test(a_proof_for_what_brings_variables_is_refused),
		cmocka_unit_test(without_an_answer_it_is_not_allowed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
