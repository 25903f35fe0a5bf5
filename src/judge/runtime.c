// SPDX-License-Identifier: Apache-2.0

// a runtime that walks stacks by maps of its own does not know carried
// code. Go says so by its sections; other runtimes are not recognised here.

#include "judge/checks.h"

#include <string.h>

struct graft_error *
graft_check_runtime(struct graft_case *c)
{
	static const char *const marks[] = {
		".gopclntab",      ".data.rel.ro.gopclntab",
		".go.buildinfo",   ".note.go.buildid",
		".gosymtab",       "__llvm_stackmaps",
		".llvm_stackmaps",
	};
	const struct graft_image *images[] = { c->diff->old_image,
					       c->diff->new_image };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (!graft_image_section_named(images[0], marks[i]) &&
		    !graft_image_section_named(images[1], marks[i]))
			continue;
		return graft_case_refuse(
			c, GRAFT_RULE_RUNTIME, marks[i],
			"the runtime of the program keeps its own map of its code and would not know the carried functions");
	}
	return NULL;
}
