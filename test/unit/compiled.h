// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A folder for what is compiled of texts. Where $GRAFT_TEST_COMPILED names a folder it is
 * kept there by what it was made of, and who asks for the same finds it: the tests
 * compile the same pairs once more under the sanitizers. Both sides of a pair are made in
 * one folder, so the names in them are alike.
 */

#ifndef GRAFT_TEST_COMPILED_H
#define GRAFT_TEST_COMPILED_H

#include "base/sha256.h"
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/** What was compiled, or will be. */
struct compiled {
	/** Where it is. */
	char dir[256];
	/** Where it is to stay; empty: nowhere. */
	char place[256];
	/** It is there already. */
	bool found;
};

/**
 * Look for what was made of some texts; compiled_end() it.
 *
 * @param[in] texts Commands and sources, all that it is made of. Entries may be NULL.
 */
static inline struct compiled
compiled_begin(const char *const *texts, size_t count)
{
	struct compiled made = { .found = false };
	const char *top = getenv("GRAFT_TEST_COMPILED");
	uint8_t hash[GRAFT_SHA256_LEN];
	char *bytes = NULL;
	size_t len = 0;
	char name[17] = "";

	if (top) {
		FILE *file = open_memstream(&bytes, &len);
		assert_non_null(file);
		for (size_t i = 0; i < count; i++)
			fprintf(file, "%s%c", texts[i] ? texts[i] : "", '\0');
		assert_int_equal(fclose(file), 0);
		assert_null(graft_sha256(bytes, len, hash));
		free(bytes);
		for (size_t i = 0; i < (sizeof(name) - 1) / 2; i++)
			snprintf(name + 2 * i, 3, "%02x", hash[i]);
		snprintf(made.place, sizeof(made.place), "%s/%s", top, name);
		made.found = access(made.place, F_OK) == 0;
	}
	if (made.found) {
		memcpy(made.dir, made.place, sizeof(made.dir));
		return made;
	}
	snprintf(made.dir, sizeof(made.dir), "%s/graft-compiled-XXXXXX",
		 top ? top : "/tmp");
	assert_non_null(mkdtemp(made.dir));
	return made;
}

/** What was opened of it stays open; the folder goes, or where it is kept. */
static inline void
compiled_end(struct compiled *made)
{
	// Another test program may have been faster.
	if (made->found ||
	    (made->place[0] && rename(made->dir, made->place) == 0))
		return;
	assert_int_equal(nftw(made->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS),
			 0);
}

#endif /* GRAFT_TEST_COMPILED_H */
