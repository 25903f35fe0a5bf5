// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which of two repositories says what a target is: both, unless a file of settings gives
 * paths to one of them. Lines are `both`, `first` or `second`, `=` and a pattern; the first
 * that matches decides.
 */

#ifndef GRAFT_TUF_MAP_H
#define GRAFT_TUF_MAP_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>

/** Who decides. */
enum graft_tuf_side {
	GRAFT_TUF_BOTH,
	GRAFT_TUF_FIRST,
	GRAFT_TUF_SECOND,
};

/** A map. */
struct graft_tuf_map;

/**
 * Read a map.
 *
 * @param[in] text Of @p len bytes.
 * @param[in] file What errors call it.
 * @param[out] ret New; graft_tuf_map_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with line and nearest key; #GRAFT_ERROR_LIMIT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tuf_map_parse(const char *text, size_t len, const char *file,
		    struct graft_tuf_map **ret);

/** Ask who decides of a path. @param[in] map NULL: both, always. */
enum graft_tuf_side
graft_tuf_map_ask(const struct graft_tuf_map *map, const char *path);

/** Free a map. NULL is a no-op. */
void
graft_tuf_map_free(struct graft_tuf_map *map);
GRAFT_DEFINE_CLEANUP(struct graft_tuf_map, graft_tuf_map_free)

#endif /* GRAFT_TUF_MAP_H */
