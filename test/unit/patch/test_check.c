// SPDX-License-Identifier: Apache-2.0

#include "patch/limits.h"
#include "sample.h"

static void
a_module_that_keeps_every_rule_is_accepted(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();

	sample_ok(graft_patch_check(patch));
	for (size_t i = 0; i < patch->module_count; i++)
		sample_ok(graft_patch_module_check(&patch->modules[i]));
	assert_int_equal(graft_patch_verdict(patch), GRAFT_VERDICT_BASELINE);
	assert_string_equal(graft_verdict_name(GRAFT_VERDICT_HOTPATCH),
			    "hotpatch");
	assert_string_equal(graft_assurance_name(GRAFT_ASSURANCE_PROVEN),
			    "proven");
}

/** Break one rule of a module. */
typedef void (*break_fn)(struct graft_patch_module *m);

// clang-format off: one line each
#define BREAK(name, statement)                                                 \
	static void name(struct graft_patch_module *m)                         \
	{                                                                      \
		statement;                                                     \
	}
BREAK(w_and_x, m->runs[0].flags |= GRAFT_RUN_WRITE)
BREAK(unreadable, m->runs[2].flags = 0)
BREAK(unknown_protection, m->runs[2].flags |= 8)
BREAK(overlap, m->runs[1].new_addr = 0x133f)
BREAK(unsorted, m->runs[1].new_addr = 0x1200)
BREAK(shared_page, m->runs[2].new_addr = 0x1800)
BREAK(empty_run, m->runs[4].mem_len = 0)
BREAK(wraps, m->runs[4].mem_len = UINT64_MAX - 0x8000)
BREAK(beyond_user_space, m->runs[4].new_addr = GRAFT_PATCH_ADDR_END - 63)
BREAK(too_wide, m->runs[4].new_addr = 0x100000000)
BREAK(more_file_than_memory, m->runs[3].mem_len = 8)
BREAK(counts_without_array, m->expects = (free(m->expects), NULL))
BREAK(no_run, m->run_count = 0)
BREAK(align_zero, m->align = 0)
BREAK(align_odd, m->align = 0x1800)
BREAK(align_huge, m->align = (uint64_t)1 << 40)
BREAK(no_redirect, m->redirect_count = 0)
BREAK(skip_three, m->redirects[0].skip = 3)
BREAK(behind_nothing, m->redirects[1].behind = true)
BREAK(behind_too_much, (m->redirects[1].behind = true,
			m->redirects[1].skip = GRAFT_INSN_MAX + 1))
BREAK(behind_its_piece,
      (m->redirects[1].behind = true, m->redirects[1].skip = 8,
       m->redirects[1].new_addr = m->carried[1].new_addr + m->carried[1].size -
				  8))
BREAK(no_room, m->redirects[0].old_room = 8)
BREAK(redirect_wraps, m->redirects[0].old_addr = UINT64_MAX - 3)
BREAK(redirects_overlap, m->redirects[0].old_room = 0x101)
BREAK(redirect_to_data, m->redirects[0].new_addr = 0x4000)
BREAK(redirect_between, m->redirects[0].new_addr = 0x1340)
BREAK(redirect_nameless, m->redirects[0].name[0] = '\0')
BREAK(name_with_escape, m->redirects[0].name[0] = '\x1b')
BREAK(name_not_utf8, m->carried[0].name[0] = '\xc0')
BREAK(fragment_empty, m->fragments[1].size = 0)
BREAK(fragment_wraps, m->fragments[2].old_addr = UINT64_MAX)
BREAK(fragment_of_nobody, m->fragments[1].redirect = 2)
BREAK(entry_uncovered, m->fragments[0].old_addr = 0x1201)
BREAK(carried_in_data, m->carried[1].new_addr = 0x4000)
BREAK(carried_too_long, m->carried[1].size = 33)
BREAK(carried_wraps, m->carried[1].size = UINT64_MAX)
BREAK(carried_overlap, m->carried[1].new_addr = 0x1320)
BREAK(fix_outside, m->fixes[0].new_addr = 0x1340)
BREAK(fix_over_the_end, m->fixes[0].new_addr = 0x133d)
BREAK(fix_in_zeroes, m->fixes[0].new_addr = 0x9000)
BREAK(fix_kind, m->fixes[0].kind = (enum graft_fix_kind)9)
BREAK(fix_value, m->fixes[0].value = INT64_MIN)
BREAK(fix_pointer, m->fixes[2].value = -1)
BREAK(fixes_overlap, m->fixes[1].new_addr = 0x1307)
BREAK(import_over_fix, m->imports[0].new_addr = 0x400f)
BREAK(import_outside, m->imports[0].new_addr = 0x4021)
BREAK(import_nameless, m->imports[0].symbol[0] = '\0')
BREAK(slot_wraps, m->old_slots[0].old_addr = UINT64_MAX)
BREAK(version_of_nothing, m->old_slots[1].version = sample_str("V"))
BREAK(expect_empty, m->expects[0].len = 0)
BREAK(expect_wraps, m->expects[0].len = UINT64_MAX)
BREAK(carried_bytes, m->carried_bytes = 1000)
BREAK(no_assurance, m->assurance = GRAFT_ASSURANCE_NONE)
BREAK(no_verdict, m->verdict = (enum graft_verdict)7)
BREAK(code_without_hotpatch, m->verdict = GRAFT_VERDICT_IDENTICAL)
BREAK(long_build_id, m->old_build_id_len = 65)
BREAK(no_path, m->path[0] = '\0')
BREAK(path_with_newline, m->path[0] = '\n')
BREAK(rule_missing, m->reasons[0].rule[0] = '\0')
#undef BREAK
// clang-format on

static void
every_broken_rule_is_refused(void **state)
{
	(void)state;
	static const struct {
		break_fn fn;
		const char *what;
	} table[] = {
		{ w_and_x, "writable and executable" },
		{ unreadable, "protection" },
		{ unknown_protection, "protection" },
		{ overlap, "overlaps" },
		{ unsorted, "sorted" },
		{ shared_page, "shares a page" },
		{ empty_run, "empty" },
		{ wraps, "past the end" },
		{ beyond_user_space, "past the end" },
		{ more_file_than_memory, "more in the file" },
		{ counts_without_array, "not there" },
		{ no_run, "no runs" },
		{ align_zero, "alignment" },
		{ align_odd, "alignment" },
		{ align_huge, "alignment" },
		{ no_redirect, "no redirects" },
		{ skip_three, "skips 3" },
		{ behind_nothing, "skips 0" },
		{ behind_too_much, "skips 16" },
		{ behind_its_piece, "no carried piece" },
		{ no_room, "R-11" },
		{ redirect_wraps, "past the end" },
		{ redirects_overlap, "redirects overlap" },
		{ redirect_to_data, "no carried piece" },
		{ redirect_between, "no carried piece" },
		{ redirect_nameless, "name" },
		{ name_with_escape, "control" },
		{ name_not_utf8, "UTF-8" },
		{ fragment_empty, "fragment" },
		{ fragment_wraps, "fragment" },
		{ fragment_of_nobody, "redirect 2" },
		{ entry_uncovered, "no fragment covers" },
		{ carried_in_data, "executable run" },
		{ carried_too_long, "executable run" },
		{ carried_wraps, "executable run" },
		{ carried_overlap, "pieces overlap" },
		{ fix_outside, "outside" },
		{ fix_over_the_end, "outside" },
		{ fix_in_zeroes, "outside" },
		{ fix_kind, "kind 9" },
		{ fix_value, "out of range" },
		{ fix_pointer, "out of range" },
		{ fixes_overlap, "overlap" },
		{ import_over_fix, "overlap" },
		{ import_outside, "outside" },
		{ import_nameless, "symbol" },
		{ slot_wraps, "past the end" },
		{ version_of_nothing, "version" },
		{ expect_empty, "expected range" },
		{ expect_wraps, "expected range" },
		{ carried_bytes, "1000 bytes" },
		{ no_assurance, "assurance" },
		{ no_verdict, "verdict 7" },
		{ code_without_hotpatch, "assurance" },
		{ long_build_id, "build-id" },
		{ no_path, "path" },
		{ path_with_newline, "path" },
		{ rule_missing, "rule" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct graft_patch_module m = { 0 };
		size_t runs;
		sample_hotpatch(&m);
		runs = m.run_count;
		const struct graft_patch_module whole = m;
		table[i].fn(&m);
		sample_refused(graft_patch_module_check(&m),
			       GRAFT_ERROR_BAD_INPUT, table[i].what);
		// What was cut off is freed too.
		m.run_count = runs;
		m.redirect_count = whole.redirect_count;
		graft_patch_module_deinit(&m);
	}
}

static void
limits_have_their_own_error(void **state)
{
	(void)state;
	struct graft_patch_module m = { 0 };

	sample_hotpatch(&m);
	too_wide(&m);
	sample_refused(graft_patch_module_check(&m), GRAFT_ERROR_LIMIT,
		       "2 GiB");
	m.runs[4].new_addr = 0x9000;
	m.run_count = GRAFT_PATCH_RUNS_MAX + 1;
	sample_refused(graft_patch_module_check(&m), GRAFT_ERROR_LIMIT, "runs");
	m.run_count = 5;
	m.fix_count = (size_t)GRAFT_PATCH_RECORDS_MAX + 1;
	sample_refused(graft_patch_module_check(&m), GRAFT_ERROR_LIMIT,
		       "fixes");
	m.fix_count = 4;
	free(m.soname);
	m.soname = sample_alloc(1, GRAFT_PATCH_STRING_MAX + 2);
	memset(m.soname, 'x', GRAFT_PATCH_STRING_MAX + 1);
	sample_refused(graft_patch_module_check(&m), GRAFT_ERROR_LIMIT,
		       "soname");
	graft_patch_module_deinit(&m);
}

static void
a_baseline_says_why(void **state)
{
	(void)state;
	GRAFT_CLEANUP(graft_patch_freep)
	struct graft_patch *patch = sample_patch();

	patch->modules[2].reasons[0].note = true;
	sample_refused(graft_patch_module_check(&patch->modules[2]),
		       GRAFT_ERROR_BAD_INPUT, "without a reason");
}

static void
half_built_objects_are_freed(void **state)
{
	(void)state;
	struct graft_patch *patch = NULL;

	graft_patch_free(NULL);
	graft_patch_module_deinit(NULL);
	graft_reason_deinit(NULL);
	sample_ok(graft_patch_new(&patch));
	assert_int_equal(graft_patch_verdict(patch), GRAFT_VERDICT_IDENTICAL);
	patch->module_count = 7;
	patch->cve_count = 7;
	graft_patch_free(patch);

	struct graft_patch_module m = { .run_count = 3,
					.redirect_count = 3,
					.carried_count = 3,
					.import_count = 3,
					.old_slot_count = 3,
					.reason_count = 3 };
	m.runs = sample_alloc(3, sizeof(*m.runs));
	graft_patch_module_deinit(&m);
	assert_int_equal(m.run_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_module_that_keeps_every_rule_is_accepted),
		cmocka_unit_test(every_broken_rule_is_refused),
		cmocka_unit_test(limits_have_their_own_error),
		cmocka_unit_test(a_baseline_says_why),
		cmocka_unit_test(half_built_objects_are_freed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
