// SPDX-License-Identifier: Apache-2.0

#include "cmd/remedy.h"

#include "explain/remedy.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/** A line of remedies.def. */
struct remedy {
	enum graft_error_code code;
	/** NULL: the code is enough. */
	const char *words;
	const char *text;
};

static const struct remedy remedies[] = {
#define GRAFT_REMEDY(code, words, text) { GRAFT_ERROR_##code, words, text },
#include "cmd/remedies.def"
#undef GRAFT_REMEDY
};

void
graft_remedy_rule(const struct graft_error *err,
		  char rule[GRAFT_REMEDY_RULE_LEN])
{
	const char *at = graft_error_message(err);

	rule[0] = '\0';
	while ((at = strstr(at, "R-"))) {
		if (isdigit((unsigned char)at[2]) &&
		    isdigit((unsigned char)at[3]) && at[4] == ':') {
			(void)snprintf(rule, GRAFT_REMEDY_RULE_LEN, "%s", at);
			return;
		}
		at += 2;
	}
}

/** Find the line for an error. @param worded Look at those with words, or at the others. */
static const struct remedy *
find(const struct graft_error *err, bool worded)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(*remedies); i++) {
		const struct remedy *remedy = &remedies[i];
		if (graft_error_code(err) == remedy->code &&
		    (remedy->words != NULL) == worded &&
		    (!worded ||
		     strstr(graft_error_message(err), remedy->words)))
			return remedy;
	}
	return NULL;
}

const char *
graft_remedy_for(const struct graft_error *err)
{
	const struct remedy *remedy = find(err, true);
	char rule[GRAFT_REMEDY_RULE_LEN];

	graft_remedy_rule(err, rule);
	if (!remedy && rule[0])
		return graft_remedy_text(rule);
	if (!remedy)
		remedy = find(err, false);
	return remedy ? remedy->text : "";
}
