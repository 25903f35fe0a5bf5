// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the drivers of all libraries share.
 *
 * A driver loads the library whose path is argument 1. For each line "run" on
 * standard input it calls answer(), which prints what the library gives on fixed
 * inputs, and then prints "end". The libraries' headers are not needed: each
 * driver declares what it calls.
 */

#ifndef GRAFT_TEST_DRIVER_H
#define GRAFT_TEST_DRIVER_H

#include <stddef.h>

/** Print what the library gives on fixed inputs; each driver has one. */
void
answer(void);

/** Find a function of the library; the driver ends with 1 if it has none. */
void *
find(const char *name);

/** Print bytes by length and hash, as one line. */
void
print_bytes(const char *what, const void *bytes, size_t len);

#endif /* GRAFT_TEST_DRIVER_H */
