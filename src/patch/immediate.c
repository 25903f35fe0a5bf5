// SPDX-License-Identifier: Apache-2.0

#include "patch/immediate.h"

#include <stdlib.h>

/** Count the functions that are replaced, those of one pair of files once. */
static size_t
count_functions(const struct graft_patch *patch)
{
	size_t count = 0;

	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].verdict == GRAFT_VERDICT_HOTPATCH &&
		    graft_patch_module_first(patch, i) == i)
			count += patch->modules[i].redirect_count;
	}
	return count;
}

static bool
brings_variables(const struct graft_patch_module *m)
{
	for (size_t i = 0; i < m->run_count; i++) {
		if (m->runs[i].flags & GRAFT_RUN_WRITE)
			return true;
	}
	return m->object_count > 0;
}

const char *
graft_patch_not_immediate(const struct graft_patch *patch)
{
	const char *why = "it replaces no function";

	if (count_functions(patch) > 1)
		return "it replaces more than one function";
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		if (m->verdict != GRAFT_VERDICT_HOTPATCH)
			continue;
		if (m->immediate == GRAFT_IMMEDIATE_REFUSED)
			return m->immediate_why;
		if (m->immediate != GRAFT_IMMEDIATE_PROVEN)
			return "who made it did not ask";
		why = NULL;
	}
	return why;
}

void
graft_patch_limit_immediate(struct graft_patch *patch)
{
	if (count_functions(patch) < 2)
		return;
	for (size_t i = 0; i < patch->module_count; i++) {
		struct graft_patch_module *m = &patch->modules[i];
		m->immediate = GRAFT_IMMEDIATE_UNKNOWN;
		free(m->immediate_why);
		m->immediate_why = NULL;
	}
}

struct graft_error *
graft_patch_check_immediate(const struct graft_patch *patch)
{
	bool many = count_functions(patch) > 1;

	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		if (m->immediate == GRAFT_IMMEDIATE_UNKNOWN)
			continue;
		bool proven = m->immediate == GRAFT_IMMEDIATE_PROVEN;
		if (many)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"--immediate is answered for more than one function");
		if (m->verdict != GRAFT_VERDICT_HOTPATCH ||
		    (proven && brings_variables(m)))
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"--immediate is answered for what is no single function");
	}
	return NULL;
}
