// SPDX-License-Identifier: Apache-2.0

/** @file What is known of functions of the C library that a function calls. */

#ifndef GRAFT_JUDGE_IMPORTS_H
#define GRAFT_JUDGE_IMPORTS_H

#include <stdbool.h>
#include <stdint.h>

/** A function of the C library. */
struct graft_known_import {
	const char *name;
	/** How many arguments it has, all in general registers. */
	uint8_t arguments;
	/**
	 * It waits, asks or reads, and leaves nothing that the caller must give
	 * back: no lock, memory or descriptor.
	 */
	bool opens_nothing;
};

/**
 * Find a function that calls nobody back, has a fixed number of arguments, and
 * returns once.
 *
 * @return NULL if there is none of that name.
 */
const struct graft_known_import *
graft_known_import(const char *name);

/** Say whether a call of a function may return twice. */
bool
graft_import_returns_twice(const char *name);

#endif /* GRAFT_JUDGE_IMPORTS_H */
