// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Two sources, compiled to OLD and NEW, compared and judged.
 */

#ifndef GRAFT_TEST_JUDGE_PAIR_H
#define GRAFT_TEST_JUDGE_PAIR_H

#include "../compiled.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "diff/diff.h"
#include "elf/image.h"
#include "judge/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** A shared library, optimised, with its symbols. */
#define LIBRARY "cc -O2 -fPIC -shared -x c"
/** The same without symbols. */
#define STRIPPED "cc -O2 -fPIC -shared -s -x c"
/** A program. */
#define PROGRAM "cc -O2 -fPIE -pie -x c"
/** A C++ library. */
#define CXX "c++ -O2 -fPIC -shared -x c++"

/** Keep a function as it is written. */
#define PRELUDE                                                                \
	"#include <stddef.h>\n#include <stdlib.h>\n#include <string.h>\n"      \
	"#define KEEP __attribute__((noinline, noclone, noipa))\n"

static inline void
compile_side(const char *dir, const char *side, const char *command,
	     const char *source)
{
	char path[512];
	char line[2048];

	snprintf(path, sizeof(path), "%s/%s.c", dir, side);
	must(graft_file_write(path, source, strlen(source), 0600));
	// What a compiler leaves behind (split debug information) stays there.
	snprintf(line, sizeof(line), "cd %s && %s -w -o %s %s", dir, command,
		 side, path);
	if (system(line) != 0)
		fail_msg("%s", line);
}

/** Compile both sides, each by its own command, and judge them as asked for. */
static inline struct graft_verdict_result
judge_with(const struct graft_diff_options *options, const char *old_command,
	   const char *new_command, const char *old_source,
	   const char *new_source)
{
	const char *const made_of[] = { old_command, new_command, old_source,
					new_source };
	char path[512];
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *o = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *n = NULL;
	GRAFT_CLEANUP(graft_diff_freep) struct graft_diff *diff = NULL;
	struct graft_verdict_result result = { 0 };

	struct compiled made =
		compiled_begin(made_of, sizeof(made_of) / sizeof(*made_of));
	if (!made.found) {
		compile_side(made.dir, "old", old_command, old_source);
		compile_side(made.dir, "new", new_command, new_source);
	}
	snprintf(path, sizeof(path), "%s/old", made.dir);
	must(graft_image_open(path, NULL, &o));
	snprintf(path, sizeof(path), "%s/new", made.dir);
	must(graft_image_open(path, NULL, &n));
	compiled_end(&made);
	bool refused;
	must(graft_judge_runtime(o, n, &refused, &result));
	if (refused)
		return result;
	must(graft_diff_make_with(o, n, options, &diff));
	must(graft_judge(diff, &result));
	return result;
}

/** Compile both sides, each by its own command, and judge them. */
static inline struct graft_verdict_result
judge_commands(const char *old_command, const char *new_command,
	       const char *old_source, const char *new_source)
{
	const struct graft_diff_options options = { 0 };

	return judge_with(&options, old_command, new_command, old_source,
			  new_source);
}

/** Compile both sides and judge them. */
static inline struct graft_verdict_result
judge_pair(const char *command, const char *old_source, const char *new_source)
{
	return judge_commands(command, command, old_source, new_source);
}

static inline void
print_reasons(const struct graft_verdict_result *result)
{
	for (size_t i = 0; i < result->reason_count; i++)
		print_message("# %s%s %s: %s\n", result->reasons[i].rule,
			      result->reasons[i].note ? " (note)" : "",
			      result->reasons[i].where,
			      result->reasons[i].text);
}

/** Find a reason of a rule, or NULL. */
static inline const struct graft_reason *
find_reason(const struct graft_verdict_result *result, const char *rule,
	    bool note)
{
	for (size_t i = 0; i < result->reason_count; i++) {
		if (result->reasons[i].note == note &&
		    strcmp(result->reasons[i].rule, rule) == 0)
			return &result->reasons[i];
	}
	return NULL;
}

/** The pair must be refused by a rule, with a place and a sentence. */
static inline void
must_refuse(const char *command, const char *old_source, const char *new_source,
	    const char *rule)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);
	const struct graft_reason *reason = find_reason(&result, rule, false);

	if (!reason || result.verdict != GRAFT_VERDICT_BASELINE)
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_BASELINE);
	assert_int_equal(result.assurance, GRAFT_ASSURANCE_NONE);
	assert_non_null(reason);
	assert_true(strlen(reason->where) > 0);
	assert_true(strlen(reason->text) > 10);
}

/** The pair must be accepted, and as inferred. */
static inline void
must_accept(const char *command, const char *old_source, const char *new_source)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	if (result.verdict != GRAFT_VERDICT_HOTPATCH)
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_int_equal(result.assurance, GRAFT_ASSURANCE_INFERRED);
	for (size_t i = 0; i < result.reason_count; i++)
		assert_true(result.reasons[i].note);
}

/** The pair must be accepted with a note of a rule. */
static inline void
must_note(const char *command, const char *old_source, const char *new_source,
	  const char *rule)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	if (!find_reason(&result, rule, true))
		print_reasons(&result);
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_non_null(find_reason(&result, rule, true));
}

#endif /* GRAFT_TEST_JUDGE_PAIR_H */
