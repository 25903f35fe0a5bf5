// SPDX-License-Identifier: Apache-2.0

#include "diff/code/line_imports.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	int argument;
	bool returns;
} imports[] = {
#define GRAFT_LINE_IMPORT(name_, argument_, returns_, source)                  \
	{ name_, argument_, returns_ },
#include "diff/code/line_imports.def"
#undef GRAFT_LINE_IMPORT
};

/** How many arguments they take: what is often called before an assertion fails
 * (ISO C, POSIX, LSB). None takes a variable number. */
static const struct {
	const char *name;
	unsigned count;
} arities[] = {
	{ "__errno_location", 0 },
	{ "__stack_chk_fail", 0 },
	{ "abort", 0 },
	{ "exit", 1 },
	{ "fflush", 1 },
	{ "fputc", 2 },
	{ "fputs", 2 },
	{ "free", 1 },
	{ "fwrite", 4 },
	{ "getpid", 0 },
	{ "perror", 1 },
	{ "puts", 1 },
	{ "strlen", 1 },
	{ "write", 3 },
};

int
graft_line_import_argument(const char *name)
{
	for (size_t i = 0; i < sizeof(imports) / sizeof(*imports); i++) {
		if (strcmp(imports[i].name, name) == 0)
			return imports[i].argument - 1;
	}
	return -1;
}

bool
graft_line_import_ends(const char *name)
{
	if (strcmp(name, "abort") == 0 || strcmp(name, "__stack_chk_fail") == 0)
		return true;
	for (size_t i = 0; i < sizeof(imports) / sizeof(*imports); i++) {
		if (!imports[i].returns && strcmp(imports[i].name, name) == 0)
			return true;
	}
	return false;
}

bool
graft_line_import_ignores(const char *name, unsigned argument)
{
	for (size_t i = 0; i < sizeof(arities) / sizeof(*arities); i++) {
		if (strcmp(arities[i].name, name) == 0)
			return argument >= arities[i].count;
	}
	return false;
}
