// SPDX-License-Identifier: Apache-2.0

// locks, clocks and descriptors that exist were made as OLD made them. Where
// NEW makes them otherwise (recursive, by another clock, shared, not blocking), what
// is carried may take a lock twice, wait until a time of another clock, or read until
// there is no more; with what OLD made, it waits for ever, or not at all. So it is with
// streams and mappings that can be written since NEW, and with memory that NEW asks to
// be aligned.

#include "diff/constant/constant.h"
#include "judge/flow/allocator.h"
#include "judge/rules/checks.h"

#include "judge/rules/lasting.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
	/** What stays with a descriptor, of all that open(2) is told. */
	STAYS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT |
		O_DSYNC | O_SYNC,
	/** What code may do with a mapping. */
	MAPPED_AS = PROT_READ | PROT_WRITE | PROT_EXEC,
	/** What malloc(3) aligns to here: what any type needs. */
	MALLOC_ALIGNMENT = 16,
	/** Calls of one function that are compared. */
	CALLS_MAX = 96,
	/** Instructions before a call that put something into the frame for it. */
	FRAME_MAX = 48,
};

/** Where it stands how something is made. */
enum told {
	/** In the argument itself. */
	TOLD_DIRECTLY,
	/** In the 32 bits of the frame that the argument leads to. */
	TOLD_IN_FRAME,
	/** In the text that the argument leads to: how a stream is opened. */
	TOLD_AS_MODE,
};

/** What two calls of the same make: memory is memory, however it is asked for. */
enum kind {
	KIND_OWN,
	KIND_MEMORY,
};

/** A stream that is opened in a way that a text says. */
#define MODE(name)                                                             \
	{                                                                      \
		.import = (name), .argument = 1, .new_each = true,             \
		.told = TOLD_AS_MODE                                           \
	}

/** A mapping, and what of it stays with it. */
#define MAPPED(name, place, which)                                             \
	{                                                                      \
		.import = (name), .argument = (place), .bits = (which),        \
		.new_each = true                                               \
	}

/** Memory for anything, and memory at a multiple of what an argument says. */
#define PLAIN(name)                                                            \
	{                                                                      \
		.import = (name), .new_each = true, .kind = KIND_MEMORY,       \
		.always = MALLOC_ALIGNMENT                                     \
	}
#define ALIGNED(name, place)                                                   \
	{                                                                      \
		.import = (name), .argument = (place), .new_each = true,       \
		.kind = KIND_MEMORY                                            \
	}

/** What says how something is made, and in which argument. */
static const struct maker {
	const char *import;
	uint8_t argument;
	/** The bits that say it; 0 for all. */
	uint32_t bits;
	/** It counts if two calls say something else, but not if one comes or goes:
	 * what it makes is new. */
	bool new_each;
	/** Arguments that say what is set, one bit each; what is told counts for
	 * that alone. */
	uint8_t of;
	/** The first of them must be this, if it is not 0. */
	int64_t only;
	enum told told;
	/** What is compared with others that make the same; #KIND_OWN: with itself alone. */
	enum kind kind;
	/** What it is told always, in place of an argument. */
	int64_t always;
} makers[] = {
	{ .import = "pthread_mutexattr_settype", .argument = 1 },
	{ .import = "pthread_mutexattr_setprotocol", .argument = 1 },
	{ .import = "pthread_mutexattr_setpshared", .argument = 1 },
	{ .import = "pthread_mutexattr_setrobust", .argument = 1 },
	{ .import = "pthread_condattr_setclock", .argument = 1 },
	{ .import = "pthread_condattr_setpshared", .argument = 1 },
	{ .import = "pthread_rwlockattr_setkind_np", .argument = 1 },
	{ .import = "pthread_rwlockattr_setpshared", .argument = 1 },
	{ .import = "pthread_barrier_init", .argument = 2 },
	{ .import = "sem_init", .argument = 2 },
	{ .import = "mtx_init", .argument = 1 },
	{ .import = "timerfd_create", .argument = 0 },
	{ .import = "socket",
	  .argument = 1,
	  .bits = ~(uint32_t)SOCK_CLOEXEC,
	  .new_each = true },
	{ .import = "socketpair",
	  .argument = 1,
	  .bits = ~(uint32_t)SOCK_CLOEXEC,
	  .new_each = true },
	{ .import = "accept4",
	  .argument = 3,
	  .bits = SOCK_NONBLOCK,
	  .new_each = true },
	{ .import = "open", .argument = 1, .bits = STAYS, .new_each = true },
	{ .import = "open64", .argument = 1, .bits = STAYS, .new_each = true },
	{ .import = "openat", .argument = 2, .bits = STAYS, .new_each = true },
	{ .import = "openat64",
	  .argument = 2,
	  .bits = STAYS,
	  .new_each = true },
	{ .import = "pipe2", .argument = 1, .bits = STAYS, .new_each = true },
	{ .import = "eventfd",
	  .argument = 1,
	  .bits = EFD_NONBLOCK | EFD_SEMAPHORE,
	  .new_each = true },
	{ .import = "inotify_init1",
	  .argument = 0,
	  .bits = O_NONBLOCK,
	  .new_each = true },
	{ .import = "signalfd",
	  .argument = 2,
	  .bits = O_NONBLOCK,
	  .new_each = true },
	{ .import = "fcntl",
	  .argument = 2,
	  .bits = STAYS,
	  .new_each = true,
	  .of = 1U << 1,
	  .only = F_SETFL },
	{ .import = "fcntl64",
	  .argument = 2,
	  .bits = STAYS,
	  .new_each = true,
	  .of = 1U << 1,
	  .only = F_SETFL },
	{ .import = "epoll_ctl",
	  .argument = 3,
	  .new_each = true,
	  .of = 1U << 1,
	  .only = EPOLL_CTL_ADD,
	  .told = TOLD_IN_FRAME },
	{ .import = "setsockopt",
	  .argument = 3,
	  .new_each = true,
	  .of = 1U << 1 | 1U << 2,
	  .told = TOLD_IN_FRAME },
	MODE("fopen"),
	MODE("fopen64"),
	MODE("fdopen"),
	MODE("popen"),
	MAPPED("mmap", 2, MAPPED_AS),
	MAPPED("mmap64", 2, MAPPED_AS),
	MAPPED("mmap", 3, MAP_TYPE),
	MAPPED("mmap64", 3, MAP_TYPE),
	PLAIN("malloc"),
	PLAIN("calloc"),
	PLAIN("realloc"),
	PLAIN("_Znwm"),
	PLAIN("_Znam"),
	ALIGNED("posix_memalign", 1),
	ALIGNED("aligned_alloc", 0),
	ALIGNED("memalign", 0),
	ALIGNED("_ZnwmSt11align_val_t", 1),
	ALIGNED("_ZnamSt11align_val_t", 1),
};

/** A call of one of them. */
struct call {
	const struct maker *maker;
	/** Whether it is known what it is told, and what. */
	bool known;
	int64_t value;
	/** What is set by it: what @ref maker::of says. */
	int64_t of[2];
	uint32_t at;
	/** The other side has it, too. */
	bool paired;
};

struct calls {
	struct call list[CALLS_MAX];
	uint32_t count;
};

/** Find the constant that an argument is; `push $1, pop %rsi` is one, too. */
static bool
find_constant(const struct graft_ops *ops, uint32_t at, int argument,
	      int64_t *ret)
{
	uint8_t reg = graft_argument_reg(argument);
	uint32_t writer = graft_op_writer(ops, at, reg);

	if (writer > 0 && writer < ops->count &&
	    ops->ops[writer].what == GRAFT_OP_POP &&
	    ops->ops[writer - 1].what == GRAFT_OP_PUSH &&
	    ops->ops[writer - 1].has_imm) {
		*ret = ops->ops[writer - 1].imm;
		return true;
	}
	return graft_op_find_constant(ops, at, reg, ret);
}

/** Find the constant that a word of the frame holds when a call is made, if the
 * nearest store there says it. */
static bool
find_in_frame(const struct graft_ops *ops, uint32_t at, int argument,
	      int64_t *ret)
{
	uint32_t taken = graft_lasting_origin(ops, at, argument);

	if (taken >= ops->count)
		return false;
	const struct graft_op *lea = &ops->ops[taken];
	if (lea->what != GRAFT_OP_LEA || !graft_op_in_frame(ops, lea))
		return false;
	for (uint32_t back = 1; back <= FRAME_MAX && back <= at; back++) {
		const struct graft_op *op = &ops->ops[at - back];
		bool by_address = at - back > taken && op->base == lea->dst;
		int64_t place = by_address ? lea->disp + op->disp : op->disp;
		if (!op->has_mem || !op->mem_write ||
		    op->index != GRAFT_REG_NONE ||
		    (!by_address && op->base != lea->base) ||
		    place > lea->disp || place + op->mem_size <= lea->disp)
			continue;
		if (op->what != GRAFT_OP_MOV || place != lea->disp)
			return false;
		*ret = op->imm;
		if (!op->has_imm &&
		    !graft_op_find_constant(ops, at - back, op->src, ret))
			return false;
		*ret = (int64_t)(uint32_t)*ret;
		return true;
	}
	return false;
}

/** Find what stays with a stream, of what the text says that an argument leads to: one bit
 * for each letter. */
static bool
find_mode(const struct graft_ops *ops, uint32_t at, int argument, int64_t *ret)
{
	static const char letters[] = "rwa+";
	uint32_t taken = graft_lasting_origin(ops, at, argument);
	uint64_t len;

	if (taken >= ops->count || !ops->ops[taken].has_ref)
		return false;
	uint32_t ref = ops->code->insns[ops->ops[taken].insn].ref;
	if (ref == GRAFT_NONE)
		return false;
	const char *mode = graft_constant_text(
		ops->code->image, ops->code->refs[ref].target, &len);
	*ret = 0;
	for (const char *c = mode; c && *c && *c != ','; c++) {
		const char *letter = strchr(letters, *c);
		*ret |= letter ? 1 << (letter - letters) : 0;
	}
	return mode != NULL;
}

/** Read what a call is told of how something is made. */
static void
read_value(const struct graft_ops *ops, uint32_t at, struct call *call)
{
	const struct maker *maker = call->maker;

	if (maker->always) {
		call->known = true;
		call->value = maker->always;
	} else if (maker->told == TOLD_IN_FRAME) {
		call->known = find_in_frame(ops, at, maker->argument,
					    &call->value);
	} else if (maker->told == TOLD_AS_MODE) {
		call->known = find_mode(ops, at, maker->argument, &call->value);
	} else {
		call->known = find_constant(ops, at, maker->argument,
					    &call->value);
	}
	if (maker->bits)
		call->value &= maker->bits;
}

/** Read what a call sets; false if it is not known, or none of ours. */
static bool
read_of(const struct graft_ops *ops, uint32_t at, struct call *call)
{
	const struct maker *maker = call->maker;
	uint32_t count = 0;

	for (uint8_t i = 0; i < 8; i++) {
		if (!(maker->of & 1U << i))
			continue;
		if (!find_constant(ops, at, i, &call->of[count]))
			return false;
		count++;
	}
	return !maker->only || call->of[0] == maker->only;
}

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
			read_value(ops, i, &call);
			if (calls->count < CALLS_MAX && read_of(ops, i, &call))
				calls->list[calls->count++] = call;
		}
	}
}

/** Do two calls set the same? */
static bool
is_of_same(const struct call *a, const struct call *b)
{
	if (a->maker->kind != KIND_OWN)
		return a->maker->kind == b->maker->kind;
	return a->maker == b->maker && a->of[0] == b->of[0] &&
	       a->of[1] == b->of[1];
}

/** Pair the calls of both sides that say the same. */
static void
pair(struct calls *o, struct calls *n)
{
	for (uint32_t i = 0; i < n->count; i++) {
		struct call *is = &n->list[i];
		for (uint32_t k = 0; k < o->count && !is->paired; k++) {
			struct call *was = &o->list[k];
			if (was->paired || !is_of_same(was, is) ||
			    was->known != is->known || was->value != is->value)
				continue;
			was->paired = is->paired = true;
		}
	}
}

/** Say whether what one call makes will not do where what the other makes did. */
static bool
matters(const struct call *was, const struct call *is)
{
	// What is aligned to more will do.
	return is->maker->kind != KIND_MEMORY || is->value > was->value;
}

/**
 * Find a call without a pair that says how something is made, or NULL.
 *
 * @param[in] is_new They are NEW's, and the others OLD's.
 */
static const struct call *
find_lone(const struct calls *calls, const struct calls *others, bool is_new)
{
	for (uint32_t i = 0; i < calls->count; i++) {
		const struct call *call = &calls->list[i];
		bool instead = !call->maker->new_each;
		for (uint32_t k = 0; k < others->count && !instead; k++) {
			const struct call *other = &others->list[k];
			instead = call->known && other->known &&
				  !other->paired && is_of_same(other, call) &&
				  (is_new ? matters(other, call)
					  : matters(call, other));
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
	const struct call *was = find_lone(&o, &n, false);
	const struct call *is = find_lone(&n, &o, true);
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
