// SPDX-License-Identifier: Apache-2.0

/** @file What would make a refused update hotpatchable, rule by rule. */

#ifndef GRAFT_EXPLAIN_REMEDY_H
#define GRAFT_EXPLAIN_REMEDY_H

/**
 * Get what a rule is about, in a few words.
 *
 * @param[in] wire "R-04".
 * @return Static; "" if the rule is not known.
 */
const char *
graft_remedy_about(const char *wire);

/**
 * Get what would make an update that breaks a rule hotpatchable.
 *
 * @param[in] wire "R-04".
 * @return Static; "" if the rule is not known.
 */
const char *
graft_remedy_text(const char *wire);

#endif /* GRAFT_EXPLAIN_REMEDY_H */
