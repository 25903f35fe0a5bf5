// SPDX-License-Identifier: Apache-2.0

#include "explain/face.h"

#include "explain/remedy.h"
#include "judge/rule.h"

#include <stdio.h>
#include <string.h>

struct graft_face_counts
graft_face_count(const struct graft_explained_module *module)
{
	struct graft_face_counts counts = { 0 };

	for (size_t i = 0; i < module->func_count; i++) {
		uint8_t fate = module->funcs[i].fate;
		counts.changed += fate == GRAFT_FATE_CHANGED;
		counts.added += fate == GRAFT_FATE_ADDED;
		counts.left += fate == GRAFT_FATE_LEFT;
	}
	return counts;
}

size_t
graft_face_find(const struct graft_explained_module *module,
		const struct graft_reason *reason)
{
	const char *plus = strstr(reason->where, "+0x");
	size_t len = plus ? (size_t)(plus - reason->where)
			  : strlen(reason->where);
	char name[32];

	// Stripped functions go by their address: a refusal by that of NEW, a
	// note about what stays by that of OLD.
	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; i < module->func_count; i++) {
			const struct graft_explained_func *func =
				&module->funcs[i];
			const char *key = func->name;
			if (pass > 0) {
				bool by_new = (pass == 1) != reason->note;
				snprintf(
					name, sizeof(name), "sub_%llx",
					(unsigned long long)(by_new ? func->new_addr
								    : func->old_addr));
				key = name;
			} else if (strncmp(key, "sub_", 4) == 0) {
				continue;
			}
			if (strlen(key) == len &&
			    memcmp(key, reason->where, len) == 0)
				return i;
		}
	}
	return GRAFT_FACE_NONE;
}

const char *
graft_face_remedy(const struct graft_reason *reason)
{
	if (reason->note &&
	    strcmp(reason->rule, graft_rule_wire(GRAFT_RULE_ONCE)) != 0 &&
	    strcmp(reason->rule, graft_rule_wire(GRAFT_RULE_LEFT)) != 0)
		return "";
	return graft_remedy_text(reason->rule);
}

bool
graft_face_is_near(const struct graft_explained_func *func, size_t at,
		   size_t context)
{
	size_t from = at > context ? at - context : 0;

	for (size_t i = from; i < func->row_count && i <= at + context; i++) {
		if (func->rows[i].classes)
			return true;
	}
	return false;
}

const char *
graft_face_fate(uint8_t fate)
{
	switch (fate) {
	case GRAFT_FATE_ADDED:
		return "added";
	case GRAFT_FATE_LEFT:
		return "left";
	default:
		return "changed";
	}
}

const char *
graft_face_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
