// SPDX-License-Identifier: Apache-2.0

// What apt-get says that it would do, and which of it may be done.

#include "base/cleanup.h"
#include "update/apt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct graft_wanted packages[] = {
	{ .name = "libx1", .version = "1.2", .older = true },
	{ .name = "libx-dev", .version = "1.2", .older = true },
	// It is there already, and need not be touched.
	{ .name = "xyz", .version = "7", .older = false },
};
static const struct graft_wanted_list wanted = { packages, 3, 3, 2 };

#define BOTH                                                                   \
	"Inst libx1 [1.1] (1.2 Debian:12/stable [amd64])\n"                    \
	"Inst libx-dev [1.1] (1.2 Debian:12/stable [amd64]) []\n"

/** It may be done. */
static void
may(const char *text, const char *upgrades, const char *additions)
{
	GRAFT_CLEANUP(graft_apt_plan_deinit) struct graft_apt_plan plan = { 0 };
	struct graft_error *err = graft_apt_read_plan(&wanted, text, &plan);

	if (err)
		fail_msg("%s", graft_error_message(err));
	assert_string_equal(graft_text_str(&plan.upgrades), upgrades);
	assert_string_equal(graft_text_str(&plan.additions), additions);
}

/** It may not, and the message says which. */
static void
may_not(const char *text, const char *what)
{
	GRAFT_CLEANUP(graft_apt_plan_deinit) struct graft_apt_plan plan = { 0 };
	struct graft_error *err = graft_apt_read_plan(&wanted, text, &plan);

	assert_non_null(err);
	assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
	if (!strstr(graft_error_message(err), what))
		fail_msg("%s is not in: %s", what, graft_error_message(err));
	graft_error_free(err);
}

static void
what_is_named_and_what_it_newly_needs_may_be_done(void **state)
{
	(void)state;
	may("Reading package lists...\n" BOTH "Conf libx1 (1.2 x [amd64])\n",
	    "libx1 1.2\nlibx-dev 1.2\n", "");
	may(BOTH "Inst new (3:4.5~6-7 Debian:12/stable [all])\n",
	    "libx1 1.2\nlibx-dev 1.2\n", "new 3:4.5~6-7\n");
	// Another architecture of the same package goes along.
	may(BOTH "Inst libx1:i386 [1.1] (1.2 Debian:12/stable [i386])\n",
	    "libx1 1.2\nlibx-dev 1.2\nlibx1:i386 1.2\n", "");
}

static void
what_is_named_nowhere_is_left_alone(void **state)
{
	(void)state;
	may_not(BOTH "Inst other [1] (2 Debian:12/stable [amd64])\n",
		"upgrade other");
	may_not(BOTH "Remv other [1]\n", "remove other");
	may_not(BOTH "Purg other [1]\n", "remove other");
	may_not(BOTH "Remv one [1]\nInst two:i386 [1] (2 x [i386])\n",
		"remove one, upgrade two:i386");
	// A name that begins as one that is wanted is another one.
	may_not(BOTH "Inst libx10 [1] (1.2 x [amd64])\n", "upgrade libx10");
	may_not(BOTH "Inst libx [1] (1.2 x [amd64])\n", "upgrade libx");
}

static void
what_is_named_comes_in_just_its_version(void **state)
{
	(void)state;
	may_not("Inst libx1 [1.1] (1.2.1 x [amd64])\n"
		"Inst libx-dev [1.1] (1.2 x [amd64])\n",
		"install another version of libx1");
	may_not("Inst libx1 [1.1] (1 x [amd64])\n"
		"Inst libx-dev [1.1] (1.2 x [amd64])\n",
		"install another version of libx1");
	may_not("Inst libx1 [1.1] (1.2 x [amd64])\n",
		"leave as it is libx-dev");
	may_not("", "leave as it is libx1, leave as it is libx-dev");
}

static void
what_is_not_understood_is_not_done(void **state)
{
	(void)state;
	may_not(BOTH "Inst \n", "do what is not understood");
	may_not(BOTH "Inst x\n", "do what is not understood");
	may_not(BOTH "Inst x [1\n", "do what is not understood");
	may_not(BOTH "Inst x [1] (\n", "do what is not understood");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_named_and_what_it_newly_needs_may_be_done),
		cmocka_unit_test(what_is_named_nowhere_is_left_alone),
		cmocka_unit_test(what_is_named_comes_in_just_its_version),
		cmocka_unit_test(what_is_not_understood_is_not_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
