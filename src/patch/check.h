// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What the checks of a module share. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_CHECK_H
#define GRAFT_PATCH_CHECK_H

#include "base/error.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Make a #GRAFT_ERROR_BAD_INPUT of at most 255 bytes. */
GRAFT_PRINTF(1)
GRAFT_MUST_CHECK struct graft_error *
graft_check_bad(const char *fmt, ...);

/** Check that an array has at most @p max elements, and is there. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_count(size_t count, size_t max, const void *array,
		  const char *what);

/**
 * Check that a string may be shown and is not too long.
 *
 * @param[in] str NULL is allowed if @p optional, "" if @p empty.
 * @param[in] what Its name in an error.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_check_string(const char *str, bool optional, bool empty,
		   const char *what);

/** Ask whether [addr, addr + len) lies in the memory of a program. */
bool
graft_check_range(uint64_t addr, uint64_t len);

/** Check what refers to the runs of a `hotpatch`, which are checked already. */
GRAFT_MUST_CHECK struct graft_error *
graft_check_records(const struct graft_patch_module *m);

#endif /* GRAFT_PATCH_CHECK_H */
