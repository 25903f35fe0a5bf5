// SPDX-License-Identifier: Apache-2.0

/** @file What has a symbol in both builds: each of one kind, beside its counterpart. */

#ifndef GRAFT_JUDGE_NAMED_H
#define GRAFT_JUDGE_NAMED_H

#include "judge/case.h"

/** Which symbols are compared, and how. */
struct graft_named {
	/** Says whether a symbol is of the kind. */
	bool (*is)(const struct graft_symbol *symbol);
	/** Orders two `const struct graft_symbol *`, as for qsort(3): what is
	 * equal is one thing in two builds. */
	int (*order)(const void *a, const void *b);
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
