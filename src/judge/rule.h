// SPDX-License-Identifier: Apache-2.0

/** @file The safety rules: numbers, names, and what each one says. */

#ifndef GRAFT_JUDGE_RULE_H
#define GRAFT_JUDGE_RULE_H

#include <stdbool.h>

/** A rule of docs/rules.md. */
enum graft_rule {
#define GRAFT_RULE(symbol, wire, stage, text) GRAFT_RULE_##symbol,
#include "judge/rules.def"
#undef GRAFT_RULE
	GRAFT_RULE_COUNT,
};

/** Get the number of a rule, as "R-04". Static. */
const char *
graft_rule_wire(enum graft_rule rule);

/** Get what a rule is about, in a few words. Static. */
const char *
graft_rule_text(enum graft_rule rule);

/** Say whether a rule is judged when two builds are compared; otherwise it is
 * judged against a process. */
bool
graft_rule_is_of_build(enum graft_rule rule);

#endif /* GRAFT_JUDGE_RULE_H */
