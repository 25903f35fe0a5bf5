// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What gzip(1) makes of bytes, and back.
 *
 * Changelogs and manual pages are packed by `gzip -9n`. Two packed files of nearly the same
 * text have nothing in common, so a delta leads from text to text, and gzip packs what it
 * gives. Whether that is the file that was wanted its hash says, here and on every host.
 */

#ifndef GRAFT_PERSIST_GZIP_H
#define GRAFT_PERSIST_GZIP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Run `gzip -9n`.
 *
 * @param[out] ret New buffer that the caller frees; what it holds is not checked. NULL if
 * there is no gzip.
 * @param[out] len_ret Its length.
 * @return NULL; #GRAFT_ERROR_LIMIT if more than 64 MiB came; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_gzip_pack(const uint8_t *bytes, size_t len, uint8_t **ret,
		size_t *len_ret);

/** Run `gzip -d`. As graft_gzip_pack(). */
GRAFT_MUST_CHECK struct graft_error *
graft_gzip_unpack(const uint8_t *bytes, size_t len, uint8_t **ret,
		  size_t *len_ret);

#endif /* GRAFT_PERSIST_GZIP_H */
