// SPDX-License-Identifier: Apache-2.0

#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
an_error_says_what_and_gains_where(void **state)
{
	(void)state;
	struct graft_error *err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
						  "offset %d", 7);

	err = graft_error_prefix(err, "section %s", ".text");
	err = graft_error_prefix(err, "a.so");
	assert_string_equal(graft_error_message(err),
			    "a.so: section .text: offset 7");
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_BAD_INPUT);
	assert_int_equal(graft_error_errno(err), 0);
	assert_int_equal(graft_error_kind(err), GRAFT_KIND_INPUT);
	graft_error_free(err);
}

static void
a_failed_system_call_keeps_its_errno(void **state)
{
	(void)state;
	struct graft_error *err = graft_error_os(ENOSPC, "write %s", "x");

	assert_string_equal(graft_error_message(err),
			    "write x: No space left on device");
	assert_int_equal(graft_error_errno(err), ENOSPC);
	assert_int_equal(graft_error_kind(err), GRAFT_KIND_FAULT);
	graft_error_free(err);
}

static void
running_out_of_memory_needs_no_memory(void **state)
{
	(void)state;
	struct graft_error *err = graft_error_no_memory();

	assert_ptr_equal(graft_error_prefix(err, "somewhere"), err);
	assert_string_equal(graft_error_message(err), "out of memory");
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_NO_MEMORY);
	// Static: freeing it twice is harmless.
	graft_error_free(err);
	graft_error_free(err);
	graft_error_free(NULL);
}

static void
every_code_has_its_own_wire_name_and_a_status_that_no_verb_uses(void **state)
{
	(void)state;
	for (enum graft_error_code a = 0; a < GRAFT_ERROR_COUNT; a++) {
		assert_true(strlen(graft_error_wire(a)) > 0);
		assert_true(strlen(graft_error_text(a)) > 0);
		// 0 to 5 are results of verbs; above 125 is the shell's.
		assert_in_range(graft_error_status(a), 64, 125);
		for (enum graft_error_code b = 0; b < a; b++)
			assert_string_not_equal(graft_error_wire(a),
						graft_error_wire(b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_what_and_gains_where),
		cmocka_unit_test(a_failed_system_call_keeps_its_errno),
		cmocka_unit_test(running_out_of_memory_needs_no_memory),
		cmocka_unit_test(
			every_code_has_its_own_wire_name_and_a_status_that_no_verb_uses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
