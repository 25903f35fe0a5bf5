// SPDX-License-Identifier: Apache-2.0

// a runtime that walks stacks by maps of its own does not know carried
// code. Go says so by its sections; other runtimes are not recognised here.

#include "judge/judge.h"

#include "judge/case.h"

/** Find the section of a runtime's own maps, or NULL. */
static const char *
mark_of(const struct graft_image *image)
{
	static const char *const marks[] = {
		".gopclntab",      ".data.rel.ro.gopclntab",
		".go.buildinfo",   ".note.go.buildid",
		".gosymtab",       "__llvm_stackmaps",
		".llvm_stackmaps",
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (graft_image_section_named(image, marks[i]))
			return marks[i];
	}
	return NULL;
}

struct graft_error *
graft_judge_runtime(const struct graft_image *old_image,
		    const struct graft_image *new_image, bool *refused_ret,
		    struct graft_verdict_result *ret)
{
	GRAFT_CLEANUP(graft_case_deinit) struct graft_case c = { 0 };
	const char *mark = mark_of(old_image);

	if (!mark)
		mark = mark_of(new_image);
	*refused_ret = mark != NULL;
	if (!mark)
		return NULL;
	struct graft_error *err = graft_case_refuse(
		&c, GRAFT_RULE_RUNTIME, mark,
		"the runtime of the program keeps its own map of its code and would not know the carried functions");
	if (err)
		return err;
	*ret = (struct graft_verdict_result){
		.verdict = GRAFT_VERDICT_BASELINE,
		.reasons = GRAFT_TAKE(c.reasons),
		.reason_count = c.count,
	};
	c.count = 0;
	return NULL;
}
