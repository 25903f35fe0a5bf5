// SPDX-License-Identifier: Apache-2.0

/** @file Which function of an executable is `main`. */

#ifndef GRAFT_DIFF_MAIN_H
#define GRAFT_DIFF_MAIN_H

#include "diff/code/code.h"

/**
 * Find `main`: by its symbol, or as the function whose address the entry point
 * hands to `__libc_start_main` in %rdi (gABI process start-up, glibc's start.S).
 *
 * @return Its index, or #GRAFT_NONE (a library, another libc, no libc).
 */
uint32_t
graft_main_find(const struct graft_code *code);

#endif /* GRAFT_DIFF_MAIN_H */
