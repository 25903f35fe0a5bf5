// SPDX-License-Identifier: Apache-2.0

#include "judge/data/named.h"

#include <stdlib.h>

struct graft_error *
graft_named_judge(struct graft_case *c, const struct graft_named *named)
{
	size_t old_count;
	size_t new_count;
	size_t count = 0;
	const struct graft_symbol *o = graft_image_symbols(c->diff->old_image,
							   &old_count);
	const struct graft_symbol *n = graft_image_symbols(c->diff->new_image,
							   &new_count);
	GRAFT_FREE const struct graft_symbol **list = calloc(new_count + 1,
							     sizeof(*list));
	struct graft_error *err = NULL;

	if (!list)
		return graft_error_no_memory();
	for (size_t i = 0; i < new_count; i++) {
		if (named->is(&n[i]))
			list[count++] = &n[i];
	}
	qsort(list, count, sizeof(*list), named->order);
	for (size_t i = 0; !err && i < old_count; i++) {
		const struct graft_symbol *key = &o[i];
		if (!named->is(key))
			continue;
		const struct graft_symbol **at =
			bsearch(&key, list, count, sizeof(*list), named->order);
		if (at)
			err = named->judge(c, key, *at);
	}
	return err;
}
