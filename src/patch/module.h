// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The carried code of one module as an ELF file that `readelf` and `objdump -d`
 * can read: a section for each run, at its natural address, a symbol for each
 * carried piece, and `.graft.map` for the rest. Inside patch/ only.
 */

#ifndef GRAFT_PATCH_MODULE_H
#define GRAFT_PATCH_MODULE_H

#include "base/error.h"
#include "patch/patch.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Make the ELF file of a module.
 *
 * @param[in] m A `hotpatch` that graft_patch_module_check() accepted.
 * @param[out] bytes_ret New buffer that the caller frees.
 * @param[out] len_ret Number of bytes.
 * @return NULL; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_module_encode(const struct graft_patch_module *m,
			  uint8_t **bytes_ret, size_t *len_ret);

/**
 * Read the ELF file of a module.
 *
 * @param[in] bytes Untrusted.
 * @param[in] len Number of bytes.
 * @param[in,out] m Holds what the manifest says and nothing of what the file
 * says; gets that. On error it is half built and the caller frees it.
 * @return NULL if the file is exactly what graft_patch_module_encode() makes of
 * the result, and graft_patch_module_check() accepts it; #GRAFT_ERROR_BAD_INPUT;
 * #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_patch_module_decode(const uint8_t *bytes, size_t len,
			  struct graft_patch_module *m);

#endif /* GRAFT_PATCH_MODULE_H */
