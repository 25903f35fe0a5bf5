// SPDX-License-Identifier: Apache-2.0

#include "trust/agree.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/** Say whether two targets are one file: each hash that both name, and at least one of those that are checked. */
static bool
is_same(const struct graft_node *one, const struct graft_node *two)
{
	static const char *const kinds[] = { "sha256", "sha384", "sha512" };
	const struct graft_node *a = graft_node_get(one, "hashes");
	const struct graft_node *b = graft_node_get(two, "hashes");
	bool any = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct graft_node *x = graft_node_get(a, kinds[i]);
		const struct graft_node *y = graft_node_get(b, kinds[i]);
		if (!x || !y)
			continue;
		// Digits of either case.
		if (strcasecmp(x->text, y->text) != 0)
			return false;
		any = true;
	}
	return any && graft_node_get(one, "length")->number ==
			      graft_node_get(two, "length")->number;
}

struct graft_error *
graft_client_agree(struct graft_client *first, struct graft_client *second,
		   const char *path)
{
	const struct graft_node *one;
	const struct graft_node *two;

	struct graft_error *err = graft_client_find(first, path, &one);
	if (err)
		return graft_error_prefix(err, "the first repository");
	err = graft_client_find(second, path, &two);
	if (err)
		return graft_error_prefix(err, "the second repository");
	return is_same(one, two)
		       ? NULL
		       : graft_error_new(GRAFT_ERROR_DIFFERENT,
					 "%s: the two repositories do not say "
					 "the same of it",
					 path);
}
