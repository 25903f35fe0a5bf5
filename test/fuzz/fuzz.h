// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the fuzz drivers share.
 *
 * A driver is one decoder, or a few of one folder; the first byte of the input
 * chooses then. What is hashed or summed is made right first (a seal), so that
 * mutations get past it. An error is an ordinary answer; what decodes must keep
 * the promises of its header.
 */

#ifndef GRAFT_TEST_FUZZ_H
#define GRAFT_TEST_FUZZ_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The driver: called by libFuzzer with one input after the other. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** End with the error, if there is one. */
static inline void
must(struct graft_error *err)
{
	if (!err)
		return;
	(void)fprintf(stderr, "%s\n", graft_error_message(err));
	abort();
}

/** Take an error as an answer. Who prints it makes names in it safe. */
static inline void
refused(struct graft_error *err)
{
	if (!*graft_error_message(err))
		abort();
	graft_error_free(err);
}

/** End if a promise is broken. */
static inline void
promise(bool kept)
{
	if (!kept)
		abort();
}

/** Copy an input to be changed; NULL: no memory. The caller frees it. */
static inline uint8_t *
copy_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (copy) {
		if (size)
			memcpy(copy, data, size);
		copy[size] = '\0';
	}
	return copy;
}

#endif /* GRAFT_TEST_FUZZ_H */
