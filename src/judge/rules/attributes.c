// SPDX-License-Identifier: Apache-2.0

// locks and clocks that exist were made as OLD made them. Where NEW makes
// them otherwise (recursive, by another clock, shared), what is carried may take a
// lock twice, or wait until a time of another clock; with what OLD made, it waits
// for ever, or not at all.

#include "judge/flow/allocator.h"
#include "judge/rules/checks.h"

#include <string.h>

enum {
	/** Calls of one function that are compared. */
	CALLS_MAX = 32,
};

/** What says how something is made, and in which argument. */
static const struct {
	const char *import;
	uint8_t argument;
} makers[] = {
	{ "pthread_mutexattr_settype", 1 },
	{ "pthread_mutexattr_setprotocol", 1 },
	{ "pthread_mutexattr_setpshared", 1 },
	{ "pthread_mutexattr_setrobust", 1 },
	{ "pthread_condattr_setclock", 1 },
	{ "pthread_condattr_setpshared", 1 },
	{ "pthread_rwlockattr_setkind_np", 1 },
	{ "pthread_rwlockattr_setpshared", 1 },
	{ "pthread_barrier_init", 2 },
	{ "sem_init", 2 },
	{ "mtx_init", 1 },
	{ "timerfd_create", 0 },
};

/** A call of one of them. */
struct call {
	const char *import;
	/** Whether it is known what it is told, and what. */
	bool known;
	int64_t value;
	uint32_t at;
	/** The other side has it, too. */
	bool paired;
};

struct calls {
	struct call list[CALLS_MAX];
	uint32_t count;
};

static void
collect(const struct graft_ops *ops, struct calls *calls)
{
	for (uint32_t i = 0; i < ops->count && calls->count < CALLS_MAX; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (!(op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (op->flags & GRAFT_INSN_INTERNAL))
			continue;
		const char *import = graft_op_callee(ops, op).import;
		for (size_t k = 0;
		     import && k < sizeof(makers) / sizeof(*makers); k++) {
			if (strcmp(import, makers[k].import) != 0)
				continue;
			struct call call = { .import = makers[k].import,
					     .at = i };
			call.known = graft_op_find_constant(
				ops, i, graft_argument_reg(makers[k].argument),
				&call.value);
			calls->list[calls->count++] = call;
			break;
		}
	}
}

/** Pair the calls of both sides that say the same; say whether one of NEW has no
 * pair, or one of OLD.
 *
 * @param[out] lone_ret The one of NEW, or NULL. */
static bool
differ(struct calls *o, struct calls *n, const struct call **lone_ret)
{
	uint32_t pairs = 0;

	*lone_ret = NULL;
	for (uint32_t i = 0; i < n->count; i++) {
		struct call *is = &n->list[i];
		for (uint32_t k = 0; k < o->count && !is->paired; k++) {
			struct call *was = &o->list[k];
			if (was->paired || was->import != is->import ||
			    was->known != is->known || was->value != is->value)
				continue;
			was->paired = is->paired = true;
			pairs++;
		}
		if (!is->paired)
			*lone_ret = is;
	}
	return pairs < o->count || *lone_ret;
}

struct graft_error *
graft_check_attributes(struct graft_case *c, const struct graft_twin *twin)
{
	struct calls o = { .count = 0 };
	struct calls n = { .count = 0 };
	const struct call *lone;

	collect(&twin->old_ops, &o);
	collect(&twin->new_ops, &n);
	if (!differ(&o, &n, &lone))
		return NULL;
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_place_text where = graft_place_code(
		ops->code, ops->func, ops->ops[lone ? lone->at : 0].addr);
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"%s is told something else, or comes or goes: locks and clocks that exist were made as before",
		lone ? lone->import : o.list[0].import);
}
