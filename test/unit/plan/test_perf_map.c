// SPDX-License-Identifier: Apache-2.0

// Names for perf(1): what of an earlier map is kept, and what is never named.

#include "plan/perf_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define ID         "0123456789abcdef0123456789abcdef"
#define OTHER      "fedcba9876543210fedcba9876543210"
#define MARK       " [hotpatch 0123456789ab]\n"
#define OTHER_MARK " [hotpatch fedcba987654]\n"

static struct graft_header_region regions[] = {
	{ .addr = 0x7000, .len = 0x1000, .prot = PROT_READ | PROT_EXEC },
	{ .addr = 0x9000, .len = 0x1000, .prot = PROT_READ },
};

static struct graft_carried carried[] = {
	{ .new_addr = 0x1000, .size = 0x20, .name = (char *)"f" },
	{ .new_addr = 0x1ff0, .size = 0x10, .name = (char *)"g\n7 8 h" },
	// Beyond the code, in constants, and around the end of all addresses.
	{ .new_addr = 0x1ff1, .size = 0x10, .name = (char *)"long" },
	{ .new_addr = 0x3000, .size = 8, .name = (char *)"constant" },
	{ .new_addr = 0x1800, .size = UINT64_MAX, .name = (char *)"round" },
};

static struct graft_patch_module module = {
	.old_build_id = { 1, 2, 3 },
	.old_build_id_len = 3,
	.carried = carried,
	.carried_count = sizeof(carried) / sizeof(*carried),
};

static struct graft_patch patch = {
	.id = ID,
	.modules = &module,
	.module_count = 1,
};

static struct graft_header mine = {
	.id = ID,
	.shadow_base = 0x6000,
	.old_build_id = { 1, 2, 3 },
	.old_build_id_len = 3,
	.regions = regions,
	.region_count = 2,
};

static struct graft_header other = {
	.id = OTHER,
	.shadow_base = 0x6000,
	.old_build_id = { 1, 2, 3 },
	.old_build_id_len = 3,
	.regions = regions,
	.region_count = 2,
};

static struct graft_header *list[] = { &mine, &other };

static void
makes(size_t count, const char *earlier, const char *expected, uint32_t named)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_headers headers = { .headers = list, .count = count };
	uint32_t got;

	assert_null(graft_perf_map_make(&patch, &headers, earlier,
					earlier ? strlen(earlier) : 0, &text,
					&got));
	assert_string_equal(graft_text_str(&text), expected);
	assert_int_equal(got, named);
}

static void
only_carried_code_is_named(void **state)
{
	(void)state;
	makes(0, NULL, "", 0);
	makes(1, NULL, "7000 20 f" MARK "7ff0 10 g\\x0a7 8 h" MARK, 2);
}

static void
lines_of_others_stay_where_their_code_is(void **state)
{
	(void)state;
	makes(0, "7000 20 f" MARK "7000 8 k" OTHER_MARK, "", 0);
	makes(2,
	      "7000 8 k" OTHER_MARK "9000 8 no code" OTHER_MARK
	      "7ff8 9 too long" OTHER_MARK
	      "7ff8 ffffffffffffffff round" OTHER_MARK "7000 1 old" MARK,
	      "7000 8 k" OTHER_MARK "7000 20 f" MARK "7ff0 10 g\\x0a7 8 h" MARK,
	      2);
	// Without a newline at the end.
	makes(0, "7000 20 f [hotpatch 0123456789ab]", "", 0);
}

static void
lines_of_nobody_known_refuse(void **state)
{
	static const char *const texts[] = {
		"7000 20 f\n",
		"\n",
		"7000 20 f" MARK "\n",
		"7000 20 f" MARK "7000 20 LazyCompile:~f\n",
		"7000 20 f [hotpatch 0123456789ab] \n",
		"7000 20 f [hotpatch 012345]\n",
		"x 20 f" MARK,
		"7000 f" MARK,
		"7000" MARK,
		" [hotpatch 0123456789ab]",
	};
	struct graft_headers headers = { .headers = list, .count = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
		uint32_t named;
		struct graft_error *err =
			graft_perf_map_make(&patch, &headers, texts[i],
					    strlen(texts[i]), &text, &named);
		assert_non_null(err);
		assert_int_equal(graft_error_code(err), GRAFT_ERROR_REFUSED);
		graft_error_free(err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_carried_code_is_named),
		cmocka_unit_test(lines_of_others_stay_where_their_code_is),
		cmocka_unit_test(lines_of_nobody_known_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
