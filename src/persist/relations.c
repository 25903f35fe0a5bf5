// SPDX-License-Identifier: Apache-2.0

#include "persist/before.h"

struct graft_error *
graft_before_relations(const struct graft_disk *disk,
		       const struct graft_installed *installed,
		       const char *root)
{
	(void)disk;
	(void)installed;
	(void)root;
	return NULL;
}
