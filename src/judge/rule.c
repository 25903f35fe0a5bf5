// SPDX-License-Identifier: Apache-2.0

#include "judge/rule.h"

/** When a rule is judged. */
enum stage {
	STAGE_BUILD,
	STAGE_PROCESS,
};

static const struct {
	const char *wire;
	const char *text;
	enum stage stage;
} rules[] = {
#define GRAFT_RULE(symbol, wire_, stage_, text_)                               \
	[GRAFT_RULE_##symbol] = { wire_, text_, STAGE_##stage_ },
#include "judge/rules.def"
#undef GRAFT_RULE
};

const char *
graft_rule_wire(enum graft_rule rule)
{
	return rules[rule].wire;
}

const char *
graft_rule_text(enum graft_rule rule)
{
	return rules[rule].text;
}

bool
graft_rule_is_of_build(enum graft_rule rule)
{
	return rules[rule].stage == STAGE_BUILD;
}
