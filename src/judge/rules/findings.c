// SPDX-License-Identifier: Apache-2.0

// What the diff could not settle, each under its rule.

#include "judge/rules/checks.h"

static const struct {
	enum graft_rule rule;
	const char *sentence;
} meanings[] = {
	[GRAFT_FINDING_UNRESOLVED] = { GRAFT_RULE_REFERENCE,
				       "nothing shows what it stands for in OLD" },
	[GRAFT_FINDING_CONFLICT] = { GRAFT_RULE_REFERENCE,
				     "two things of OLD are shown for it" },
	[GRAFT_FINDING_FOLDED] = { GRAFT_RULE_FOLDED,
				   "one function of OLD stands for two of NEW" },
	[GRAFT_FINDING_NO_ROOM] = { GRAFT_RULE_ROOM,
				    "no room for the jump at its entry" },
	[GRAFT_FINDING_SECOND_ENTRY] = { GRAFT_RULE_ROOM,
					 "something branches behind its entry" },
	[GRAFT_FINDING_UNDECODABLE] = { GRAFT_RULE_REFERENCE,
					"its code cannot be decoded" },
	[GRAFT_FINDING_REMOVED] = { GRAFT_RULE_REFERENCE,
				    "OLD can still reach it, and NEW has none" },
	[GRAFT_FINDING_CONSTANT_IN_DATA] = { GRAFT_RULE_IDENTITY,
					     "data of OLD point to a constant that differs" },
	[GRAFT_FINDING_TLS] = { GRAFT_RULE_TLS,
				"its offset in the thread-local block moved or is new" },
	[GRAFT_FINDING_POSITION] = { GRAFT_RULE_REFERENCE,
				     "the code uses absolute addresses" },
	[GRAFT_FINDING_UNWIND] = { GRAFT_RULE_UNWIND,
				   "exceptions may pass through it, and its unwind tables cannot be carried" },
};

/** The place of a finding: in a function, or the datum that it is about. */
static struct graft_place_text
place_of(const struct graft_diff *diff, const struct graft_finding *finding)
{
	const struct graft_code *code = finding->in_old ? diff->old_code
							: diff->new_code;
	const struct graft_image *image = finding->in_old ? diff->old_image
							  : diff->new_image;
	uint32_t at = graft_code_func_at(code, finding->addr);

	if (at != GRAFT_NONE)
		return graft_place_code(code, at, finding->addr);
	if (finding->addr == 0 && finding->func != GRAFT_NONE)
		return graft_place_code(
			diff->new_code, finding->func,
			diff->new_code->funcs[finding->func].addr);
	return graft_place_data(image, finding->addr);
}

struct graft_error *
graft_check_findings(struct graft_case *c)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < c->diff->finding_count; i++) {
		const struct graft_finding *finding = &c->diff->findings[i];
		struct graft_place_text where = place_of(c->diff, finding);
		enum graft_rule rule = GRAFT_RULE_REFERENCE;
		const char *sentence = "the diff could not settle it";
		if ((size_t)finding->kind <
		    sizeof(meanings) / sizeof(*meanings)) {
			rule = meanings[finding->kind].rule;
			sentence = meanings[finding->kind].sentence;
		}
		if (finding->text && finding->text[0])
			err = graft_case_refuse(c, rule, where.str, "%s: %s",
						sentence, finding->text);
		else
			err = graft_case_refuse(c, rule, where.str, "%s",
						sentence);
	}
	return err;
}
