// SPDX-License-Identifier: Apache-2.0

/** @file A folder of its own for each test, and errors that must or must not be. */

#ifndef GRAFT_TEST_FOLDER_H
#define GRAFT_TEST_FOLDER_H

#include "base/cleanup.h"
#include "base/error.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static inline int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

/** Set-up of a test: its folder is its working directory. */
static inline int
enter_directory(void **state)
{
	char *dir = strdup("/tmp/graft-test.XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

/** Its end: the folder goes, with all that is in it. */
static inline int
leave_directory(void **state)
{
	GRAFT_FREE char *dir = *state;

	return chdir("/") == 0 ? nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS)
			       : -1;
}

static inline void
must(struct graft_error *err)
{
	if (err)
		fail_msg("%s", graft_error_message(err));
}

/** It must fail with a code, and say so in one line. */
static inline void
must_fail(struct graft_error *err, enum graft_error_code code)
{
	assert_non_null(err);
	if (graft_error_code(err) != code)
		fail_msg("%s", graft_error_message(err));
	assert_null(strchr(graft_error_message(err), '\n'));
	graft_error_free(err);
}

#endif /* GRAFT_TEST_FOLDER_H */
