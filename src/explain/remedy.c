// SPDX-License-Identifier: Apache-2.0

#include "explain/remedy.h"

#include "judge/rule.h"

#include <stddef.h>
#include <string.h>

static const char *const texts[GRAFT_RULE_COUNT] = {
#define GRAFT_REMEDY(symbol, text) [GRAFT_RULE_##symbol] = (text),
#include "explain/remedies.def"
#undef GRAFT_REMEDY
};

/** Find a rule by its number; #GRAFT_RULE_COUNT if there is none. */
static enum graft_rule
find_rule(const char *wire)
{
	enum graft_rule rule = 0;

	while (rule < GRAFT_RULE_COUNT &&
	       strcmp(graft_rule_wire(rule), wire) != 0)
		rule++;
	return rule;
}

const char *
graft_remedy_about(const char *wire)
{
	enum graft_rule rule = find_rule(wire);

	return rule < GRAFT_RULE_COUNT ? graft_rule_text(rule) : "";
}

const char *
graft_remedy_text(const char *wire)
{
	enum graft_rule rule = find_rule(wire);

	return rule < GRAFT_RULE_COUNT && texts[rule] ? texts[rule] : "";
}
