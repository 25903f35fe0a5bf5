// SPDX-License-Identifier: Apache-2.0

#include "release/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/** Longest name of a zone. */
enum { ZONE_LEN = 64 };

bool
graft_zone_is_known(const char *zone)
{
	char path[ZONE_LEN + 32];
	char magic[4] = "";

	if (strcmp(zone, "UTC") == 0)
		return true;
	if (!*zone || *zone == '/' || strlen(zone) > ZONE_LEN ||
	    strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789/_+-") != strlen(zone))
		return false;
	// They count leap seconds, which the clock of a host does not: all would be half a minute early.
	if (strncmp(zone, "right/", strlen("right/")) == 0)
		return false;
	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
	// A folder, as "Europe", is no zone; tzfile(5).
	FILE *file = fopen(path, "re");
	bool known = file && fread(magic, 1, sizeof(magic), file) == 4 &&
		     memcmp(magic, "TZif", sizeof(magic)) == 0;
	if (file)
		(void)fclose(file);
	return known;
}

void
graft_zone_enter(const char *zone)
{
	// Only without memory this fails, and then all else does.
	(void)setenv("TZ", zone, 1);
	tzset();
}
