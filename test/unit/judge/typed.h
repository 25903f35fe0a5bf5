// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Pairs that are compiled with debug information, by several compilers.
 */

#ifndef GRAFT_TEST_JUDGE_TYPED_H
#define GRAFT_TEST_JUDGE_TYPED_H

#include "pair.h"

/** Compilers and ways to write down types that must all say the same. */
static const char *const commands[] = {
	"gcc -g -O2 -fPIC -shared -x c",
	"gcc -gdwarf-4 -O0 -fPIC -shared -x c",
	"clang -g -O2 -fPIC -shared -x c",
	"clang -gdwarf-4 -O0 -fPIC -shared -x c",
	"gcc -g -O2 -flto -fPIC -shared -x c",
};

/** A reason of the rule must hold some words. */
static inline void
must_say(const char *command, const char *old_source, const char *new_source,
	 const char *rule, const char *words)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);
	bool said = false;

	assert_int_equal(result.verdict, GRAFT_VERDICT_BASELINE);
	for (size_t i = 0; i < result.reason_count; i++)
		said |= !result.reasons[i].note &&
			strcmp(result.reasons[i].rule, rule) == 0 &&
			(strstr(result.reasons[i].text, words) ||
			 strstr(result.reasons[i].where, words));
	if (!said) {
		print_message("# %s: no \"%s\"\n", command, words);
		print_reasons(&result);
	}
	assert_true(said);
}

static inline void
each_must_say(const char *old_source, const char *new_source, const char *rule,
	      const char *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_say(commands[i], old_source, new_source, rule, words);
}

/** The pair must come out as a hotpatch of some assurance. */
static inline void
must_be(const char *command, const char *old_source, const char *new_source,
	enum graft_assurance assurance)
{
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = judge_pair(command, old_source,
							new_source);

	if (result.verdict != GRAFT_VERDICT_HOTPATCH ||
	    result.assurance != assurance) {
		print_message("# %s\n", command);
		print_reasons(&result);
	}
	assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
	assert_int_equal(result.assurance, assurance);
}

static inline void
each_must_prove(const char *old_source, const char *new_source)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		must_be(commands[i], old_source, new_source,
			GRAFT_ASSURANCE_PROVEN);
}

/** The pair must come out as a hotpatch that is not proven, with a note. */
static inline void
each_must_infer(const char *old_source, const char *new_source,
		const char *words)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		GRAFT_CLEANUP(graft_verdict_result_deinit)
		struct graft_verdict_result result =
			judge_pair(commands[i], old_source, new_source);
		bool said = false;
		for (size_t k = 0; k < result.reason_count; k++)
			said |= result.reasons[k].note &&
				strstr(result.reasons[k].text, words);
		if (!said || result.verdict != GRAFT_VERDICT_HOTPATCH) {
			print_message("# %s\n", commands[i]);
			print_reasons(&result);
		}
		assert_int_equal(result.verdict, GRAFT_VERDICT_HOTPATCH);
		assert_int_equal(result.assurance, GRAFT_ASSURANCE_INFERRED);
		assert_true(said);
	}
}

#endif /* GRAFT_TEST_JUDGE_TYPED_H */
