// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Levels: which release a device has. "2026-10" is that of a month, "2026-10.1" the
 * first out of band behind it.
 */

#ifndef GRAFT_RELEASE_LEVEL_H
#define GRAFT_RELEASE_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

/** Later ones are greater; 0 is none that is known. */
typedef uint32_t graft_level;

/** Room for a level as text. */
struct graft_level_text {
	char str[16];
};

/** Read a level. @return false: the word is none, and @p ret is left alone. */
bool
graft_level_read(const char *word, graft_level *ret);

/** Write a level; "unknown" for 0. */
struct graft_level_text
graft_level_write(graft_level level);

#endif /* GRAFT_RELEASE_LEVEL_H */
