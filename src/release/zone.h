// SPDX-License-Identifier: Apache-2.0

/** @file Time zones, by the names of the IANA's database. */

#ifndef GRAFT_RELEASE_ZONE_H
#define GRAFT_RELEASE_ZONE_H

#include <stdbool.h>

/** Say whether a name is one of a zone that this host knows. "UTC" always is. */
bool
graft_zone_is_known(const char *zone);

/**
 * Let mktime(3) and localtime(3) of this process be of a zone. For programs that do
 * so once, before they have threads.
 *
 * @param[in] zone A known one.
 */
void
graft_zone_enter(const char *zone);

#endif /* GRAFT_RELEASE_ZONE_H */
