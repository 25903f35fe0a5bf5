// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/halves.h"

#include <string.h>

/** Endings of names, longer ones before those that they end with. */
static const struct {
	const char *suffix;
	enum graft_half half;
} endings[] = {
	{ "_unlock", GRAFT_HALF_RELEASE },
	{ "_unlock_np", GRAFT_HALF_RELEASE },
	{ "_write_lock", GRAFT_HALF_ACQUIRE },
	{ "_read_lock", GRAFT_HALF_ACQUIRE },
	{ "_rdlock", GRAFT_HALF_ACQUIRE },
	{ "_wrlock", GRAFT_HALF_ACQUIRE },
	{ "_trylock", GRAFT_HALF_ACQUIRE },
	{ "_timedlock", GRAFT_HALF_ACQUIRE },
	{ "_lock", GRAFT_HALF_ACQUIRE },
	{ "_acquire", GRAFT_HALF_ACQUIRE },
	{ "_release", GRAFT_HALF_RELEASE },
	{ "_enter", GRAFT_HALF_ACQUIRE },
	{ "_leave", GRAFT_HALF_RELEASE },
	{ "_begin", GRAFT_HALF_ACQUIRE },
	{ "_start", GRAFT_HALF_ACQUIRE },
	{ "_end", GRAFT_HALF_RELEASE },
	{ "sem_wait", GRAFT_HALF_ACQUIRE },
	{ "sem_post", GRAFT_HALF_RELEASE },
	{ "funlockfile", GRAFT_HALF_RELEASE },
	{ "flockfile", GRAFT_HALF_ACQUIRE },
};

enum graft_half
graft_half_of(const char *name, size_t *stem_len_ret)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t end = strlen(endings[i].suffix);
		if (len < end ||
		    strcmp(name + len - end, endings[i].suffix) != 0)
			continue;
		*stem_len_ret = len - end;
		return endings[i].half;
	}
	return GRAFT_HALF_NONE;
}

const char *
graft_name_called(const struct graft_ops *ops, const struct graft_op *op)
{
	if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
	    (op->flags & GRAFT_INSN_INTERNAL))
		return NULL;
	struct graft_callee callee = graft_op_callee(ops, op);
	if (callee.import)
		return callee.import;
	if (callee.func == GRAFT_NONE || !ops->code->funcs[callee.func].symbol)
		return NULL;
	return ops->code->funcs[callee.func].symbol->name;
}
