// SPDX-License-Identifier: Apache-2.0

/** @file A source, compiled by the test, and its image. */

#ifndef GRAFT_TEST_ELF_BUILT_H
#define GRAFT_TEST_ELF_BUILT_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "elf/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static inline void
must(struct graft_error *err)
{
	if (err)
		fail_msg("%s", graft_error_message(err));
}

/** What a failed call says; the error is freed. */
static inline enum graft_error_code
code_of(struct graft_error *err)
{
	assert_non_null(err);
	enum graft_error_code code = graft_error_code(err);
	graft_error_free(err);
	return code;
}

/** A directory of its own. */
struct built {
	char dir[32];
};

static inline struct built
built_make(void)
{
	struct built built = { "/tmp/graft-elf-XXXXXX" };

	assert_non_null(mkdtemp(built.dir));
	return built;
}

static inline void
built_remove(struct built *built)
{
	char line[64];

	snprintf(line, sizeof(line), "rm -r %s", built->dir);
	assert_int_equal(system(line), 0);
}

/** Run a command in the directory. */
static inline void
built_run(const struct built *built, const char *command)
{
	char line[2048];

	snprintf(line, sizeof(line), "cd %s && %s", built->dir, command);
	if (system(line) != 0)
		fail_msg("%s", line);
}

static inline void
built_write(const struct built *built, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", built->dir, name);
	must(graft_file_write(path, text, strlen(text), 0600));
}

/** Open a file of the directory. */
static inline struct graft_image *
built_open(const struct built *built, const char *name, const char *debug_dir)
{
	const char *dirs[] = { debug_dir, NULL };
	const struct graft_debug_search search = { .dirs = dirs };
	struct graft_image *image = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", built->dir, name);
	must(graft_image_open(path, &search, &image));
	return image;
}

/** Address of a symbol. */
static inline uint64_t
addr_of(const struct graft_image *image, const char *name)
{
	size_t count;
	const struct graft_symbol *symbols = graft_image_symbols(image, &count);

	for (size_t i = 0; i < count; i++) {
		if (symbols[i].defined && strcmp(symbols[i].name, name) == 0)
			return symbols[i].addr;
	}
	fail_msg("no symbol %s", name);
	return 0;
}

#endif /* GRAFT_TEST_ELF_BUILT_H */
