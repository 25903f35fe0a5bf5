// SPDX-License-Identifier: Apache-2.0

// a runtime that walks stacks by maps of its own does not know carried
// code. Go says so by its sections; other runtimes are not recognised here.

#include "judge/checks.h"
#include "judge/judge.h"

#include <string.h>

const char *
graft_judge_runtime(const struct graft_image *old_image,
		    const struct graft_image *new_image)
{
	static const char *const marks[] = {
		".gopclntab",      ".data.rel.ro.gopclntab",
		".go.buildinfo",   ".note.go.buildid",
		".gosymtab",       "__llvm_stackmaps",
		".llvm_stackmaps",
	};
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (graft_image_section_named(old_image, marks[i]) ||
		    graft_image_section_named(new_image, marks[i]))
			return marks[i];
	}
	return NULL;
}

struct graft_error *
graft_check_runtime(struct graft_case *c)
{
	const char *mark = graft_judge_runtime(c->diff->old_image,
					       c->diff->new_image);

	if (!mark)
		return NULL;
	return graft_case_refuse(c, GRAFT_RULE_RUNTIME, mark, "%s",
				 GRAFT_JUDGE_RUNTIME);
}
