// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What would help a process that a verb refused: what explain/remedy.h says of the rule,
 * or a sentence of remedies.def.
 */

#ifndef GRAFT_CMD_REMEDY_H
#define GRAFT_CMD_REMEDY_H

#include "base/error.h"

enum {
	/** Characters of a rule's name, "R-13", with the final zero. */
	GRAFT_REMEDY_RULE_LEN = 5,
};

/**
 * Find the rule that an error names.
 *
 * @param[out] rule "R-13"; empty if it names none.
 */
void
graft_remedy_rule(const struct graft_error *err,
		  char rule[GRAFT_REMEDY_RULE_LEN]);

/**
 * Get what would help against an error about one process.
 *
 * @return One or more sentences. Static; "" if nothing is known.
 */
const char *
graft_remedy_for(const struct graft_error *err);

#endif /* GRAFT_CMD_REMEDY_H */
