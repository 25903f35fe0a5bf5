// SPDX-License-Identifier: Apache-2.0

/** @file Ask another program: run it, and take what it prints. */

#ifndef GRAFT_HOST_ASK_H
#define GRAFT_HOST_ASK_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Run a program with an empty standard input, in the C locale, its complaints dropped.
 *
 * @param[in] argv Ends with NULL; the first is looked for in a fixed list of folders,
 * not in the caller's.
 * @param[in] limit_us Longest time that it has; then it is killed.
 * @param[out] text_ret New string that the caller frees; NULL if there is no such
 * program.
 * @param[out] len_ret Bytes, without the NUL behind them.
 * @return NULL, whatever its exit status is; #GRAFT_ERROR_LIMIT if it took too long or
 * printed more than 64 MiB; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ask(char *const *argv, uint64_t limit_us, char **text_ret,
	  size_t *len_ret);

/**
 * Run a program on an input. As graft_ask(), but for
 *
 * @param[in] input Open for reading, its standard input; borrowed. Less than 0: an empty
 * one.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_ask_about(char *const *argv, int input, uint64_t limit_us,
		char **text_ret, size_t *len_ret);

#endif /* GRAFT_HOST_ASK_H */
