// SPDX-License-Identifier: Apache-2.0

// what a file asks of the loader besides its contents. A process was loaded
// as OLD asked; the file on disk asks for the next start. So it is said.

#include "judge/rules/checks.h"

#include <string.h>

static struct graft_error *
note_search(struct graft_case *c, const char *o, const char *n)
{
	if (strcmp(o ? o : "", n ? n : "") == 0)
		return NULL;
	return graft_case_note(
		c, GRAFT_RULE_LOADING, "dynamic section",
		"the path by which the loader finds libraries was %s%.200s%s and is %s%.200s%s: that takes effect with the next start",
		o ? "\"" : "", o ? o : "none", o ? "\"" : "", n ? "\"" : "",
		n ? n : "none", n ? "\"" : "");
}

struct graft_error *
graft_check_loading(struct graft_case *c)
{
	const struct graft_loading *o = graft_image_loading(c->diff->old_image);
	const struct graft_loading *n = graft_image_loading(c->diff->new_image);
	struct graft_error *err = note_search(c, o->search, n->search);

	if (!err && o->symbolic != n->symbolic)
		err = graft_case_note(
			c, GRAFT_RULE_LOADING, "dynamic section",
			n->symbolic
				? "its own symbols come first in the new build (-Bsymbolic): that takes effect with the next start"
				: "its own symbols came first in the old build (-Bsymbolic): that ends with the next start");
	if (!err && o->exec_stack != n->exec_stack)
		err = graft_case_note(
			c, GRAFT_RULE_LOADING, "program header",
			n->exec_stack
				? "the new build asks for stacks that can be executed: that takes effect with the next start"
				: "the old build asked for stacks that can be executed, the new one does not: that ends with the next start");
	return err;
}
