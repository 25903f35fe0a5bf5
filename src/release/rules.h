// SPDX-License-Identifier: Apache-2.0

/** @file The rules of a catalogue, release by release. Inside release/ only. */

#ifndef GRAFT_RELEASE_RULES_H
#define GRAFT_RELEASE_RULES_H

#include "base/error.h"
#include "release/catalogue.h"

#include <stdbool.h>

/** The rules of rules.def. */
enum graft_rule {
#define GRAFT_CATALOGUE_RULE(symbol, id, what, mend) GRAFT_RULE_##symbol,
#include "release/rules.def"
#undef GRAFT_CATALOGUE_RULE
};

/** Make the error of a rule that is broken: with what it asks, and how to mend it. */
GRAFT_PRINTF(3)
GRAFT_MUST_CHECK struct graft_error *
graft_rule_broken(enum graft_rule rule, const struct graft_release *release,
		  const char *fmt, ...);

/** Check what a release says by itself. */
GRAFT_MUST_CHECK struct graft_error *
graft_rules_alone(const struct graft_release *release, bool proven);

/** Check that what a release names is there, and of the right line. */
GRAFT_MUST_CHECK struct graft_error *
graft_rules_names(const struct graft_catalogue *catalogue,
		  const struct graft_release *release);

/** Check a hotpatch against those of its baseline, and the release that it names. */
GRAFT_MUST_CHECK struct graft_error *
graft_rules_among(const struct graft_catalogue *catalogue,
		  const struct graft_release *release);

#endif /* GRAFT_RELEASE_RULES_H */
