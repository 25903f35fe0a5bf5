// SPDX-License-Identifier: Apache-2.0

/** @file What has a symbol in both builds: each of one kind, beside its counterpart. */

#ifndef GRAFT_JUDGE_NAMED_H
#define GRAFT_JUDGE_NAMED_H

#include "judge/case.h"

/** Says whether a symbol is of a kind. */
typedef bool
graft_named_is_fn(const struct graft_image *image,
		  const struct graft_symbol *symbol);

/** Orders two `const struct graft_symbol *`, as for qsort(3): what is equal is one
 * thing in two builds. */
typedef int
graft_named_order_fn(const void *a, const void *b);

/** The symbols of one kind of a build, in an order. */
struct graft_named_list {
	const struct graft_symbol **list;
	size_t count;
	graft_named_order_fn *order;
};

/**
 * Collect the symbols of a kind.
 *
 * @param[out] ret They are the image's; free with graft_named_list_deinit().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_named_list_read(const struct graft_image *image, graft_named_is_fn *is,
		      graft_named_order_fn *order,
		      struct graft_named_list *ret);

/** Find any symbol that is equal to one of either build, or NULL. */
const struct graft_symbol *
graft_named_list_any(const struct graft_named_list *list,
		     const struct graft_symbol *key);

/** As graft_named_list_any(), but NULL if equal ones stand at two addresses. What
 * is exported has two symbols at one. */
const struct graft_symbol *
graft_named_list_only(const struct graft_named_list *list,
		      const struct graft_symbol *key);

/** Free a list, and zero it. Also its guard. */
void
graft_named_list_deinit(struct graft_named_list *list);

/** Which symbols are compared, and how. */
struct graft_named {
	graft_named_is_fn *is;
	graft_named_order_fn *order;
	/** Judges one of OLD and its counterpart of NEW. */
	struct graft_error *(*judge)(struct graft_case *c,
				     const struct graft_symbol *o,
				     const struct graft_symbol *n);
};

/**
 * Judge each symbol of a kind that both builds have. Of several in NEW that are
 * equal, any one is taken.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; what graft_named::judge returns.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_named_judge(struct graft_case *c, const struct graft_named *named);

#endif /* GRAFT_JUDGE_NAMED_H */
