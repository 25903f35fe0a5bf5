// SPDX-License-Identifier: Apache-2.0

/** @file What a person says of a release that is to be made: settings. */

#ifndef GRAFT_RELEASE_SPEC_H
#define GRAFT_RELEASE_SPEC_H

#include "base/error.h"
#include "release/release.h"

#include <stddef.h>

/**
 * Read a specification (docs/decisions/catalogue.md has the keys). Of `keeps-track` and
 * `restart` the line decides what holds if nothing is said.
 *
 * @param[in] text Untrusted, @p len bytes.
 * @param[in] file What errors call it.
 * @param[out] ret New release without forms, packages and modules.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with line, key and the nearest key.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_release_spec_parse(const char *text, size_t len, const char *file,
			 struct graft_release **ret);

#endif /* GRAFT_RELEASE_SPEC_H */
