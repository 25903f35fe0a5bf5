// SPDX-License-Identifier: Apache-2.0

// locks, clocks and descriptors that exist were made as OLD made them. Where
// NEW makes them otherwise (recursive, by another clock, shared, not blocking), what
// is carried may take a lock twice, wait until a time of another clock, or read until
// there is no more; with what OLD made, it waits for ever, or not at all.

#include "judge/flow/allocator.h"
#include "judge/rules/checks.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum {
	/** What stays with a descriptor, of all that open(2) is told. */
	STAYS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT |
		O_DSYNC | O_SYNC,
	/** Calls of one function that are compared. */
	CALLS_MAX = 32,
};

/** What says how something is made, and in which argument. */
static const struct maker {
	const char *import;
	uint8_t argument;
	/** The bits that say it; 0 for all. */
	uint32_t bits;
	/** It counts if two calls say something else, but not if one comes or goes:
	 * what it makes is new. */
	bool new_each;
} makers[] = {
	{ "pthread_mutexattr_settype", 1, 0, false },
	{ "pthread_mutexattr_setprotocol", 1, 0, false },
	{ "pthread_mutexattr_setpshared", 1, 0, false },
	{ "pthread_mutexattr_setrobust", 1, 0, false },
	{ "pthread_condattr_setclock", 1, 0, false },
	{ "pthread_condattr_setpshared", 1, 0, false },
	{ "pthread_rwlockattr_setkind_np", 1, 0, false },
	{ "pthread_rwlockattr_setpshared", 1, 0, false },
	{ "pthread_barrier_init", 2, 0, false },
	{ "sem_init", 2, 0, false },
	{ "mtx_init", 1, 0, false },
	{ "timerfd_create", 0, 0, false },
	{ "socket", 1, ~(uint32_t)SOCK_CLOEXEC, true },
	{ "socketpair", 1, ~(uint32_t)SOCK_CLOEXEC, true },
	{ "accept4", 3, SOCK_NONBLOCK, true },
	{ "open", 1, STAYS, true },
	{ "open64", 1, STAYS, true },
	{ "openat", 2, STAYS, true },
	{ "openat64", 2, STAYS, true },
	{ "pipe2", 1, STAYS, true },
	{ "eventfd", 1, EFD_NONBLOCK | EFD_SEMAPHORE, true },
	{ "inotify_init1", 0, O_NONBLOCK, true },
	{ "signalfd", 2, O_NONBLOCK, true },
};

/** A call of one of them. */
struct call {
	const struct maker *maker;
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
			struct call call = { .maker = &makers[k], .at = i };
			call.known = graft_op_find_constant(
				ops, i, graft_argument_reg(makers[k].argument),
				&call.value);
			if (makers[k].bits)
				call.value &= makers[k].bits;
			calls->list[calls->count++] = call;
			break;
		}
	}
}

/** Pair the calls of both sides that say the same. */
static void
pair(struct calls *o, struct calls *n)
{
	for (uint32_t i = 0; i < n->count; i++) {
		struct call *is = &n->list[i];
		for (uint32_t k = 0; k < o->count && !is->paired; k++) {
			struct call *was = &o->list[k];
			if (was->paired || was->maker != is->maker ||
			    was->known != is->known || was->value != is->value)
				continue;
			was->paired = is->paired = true;
		}
	}
}

/** Find a call without a pair that says how something is made, or NULL. */
static const struct call *
find_lone(const struct calls *calls, const struct calls *others)
{
	for (uint32_t i = 0; i < calls->count; i++) {
		const struct call *call = &calls->list[i];
		bool instead = !call->maker->new_each;
		for (uint32_t k = 0; k < others->count && !instead; k++) {
			const struct call *other = &others->list[k];
			instead = call->known && other->known &&
				  !other->paired && other->maker == call->maker;
		}
		if (!call->paired && instead)
			return call;
	}
	return NULL;
}

struct graft_error *
graft_check_attributes(struct graft_case *c, const struct graft_twin *twin)
{
	struct calls o = { .count = 0 };
	struct calls n = { .count = 0 };

	collect(&twin->old_ops, &o);
	collect(&twin->new_ops, &n);
	pair(&o, &n);
	const struct call *was = find_lone(&o, &n);
	const struct call *is = find_lone(&n, &o);
	if (!was && !is)
		return NULL;
	const struct graft_ops *ops = &twin->new_ops;
	struct graft_place_text where = graft_place_code(
		ops->code, ops->func, ops->ops[is ? is->at : 0].addr);
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"%s is told something else, or comes or goes: what exists was made as before",
		(is ? is : was)->maker->import);
}
