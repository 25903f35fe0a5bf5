// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/arguments.h"

#include "base/cleanup.h"

#include <stdlib.h>

enum {
	/** Calls of calls through which an argument is followed. */
	DEPTH_MAX = 2,
	/** Functions longer than this are not followed into. */
	CALLEE_MAX = 2000,
	/** Where the bits of lowest bytes begin in walk::written. */
	LOW_BYTES = 32,
};

/** rdi rsi rdx rcx r8 r9 and xmm0 to xmm7. */
static const uint32_t argument_bits = 0xff03c6;
/** rax rcx rdx rsi rdi r8 to r11 and all vector registers. */
static const uint32_t volatile_bits = 0xffff0fc7;
/** Where results come back: rax, rdx, xmm0 and xmm1. */
static const uint32_t result_bits = 0x30005;

/** Following the ways through one function. */
struct walk {
	struct graft_argument_reader *reader;
	const struct graft_ops *ops;
	/** The function loads from its frame. */
	bool loads;
	/** Registers written on every way to each instruction; in the upper half
	 * those of which the lowest byte was. */
	uint64_t *written;
	bool *seen;
	uint32_t *queue;
	size_t queued;
	int depth;
	struct graft_arguments found;
};

static struct graft_error *
read_func(struct graft_argument_reader *reader, uint32_t func, int depth,
	  struct graft_arguments *ret);

/** Read a callee once on each level: on which level a function is first met
 * must not decide what is found of it. */
static struct graft_error *
read_callee(struct graft_argument_reader *reader, uint32_t func, int depth,
	    struct graft_arguments *ret)
{
	size_t at = (size_t)(depth - 1) * reader->code->func_count + func;

	if (!reader->is_known[at]) {
		struct graft_error *err = read_func(reader, func, depth,
						    &reader->known[at]);
		if (err)
			return err;
		reader->is_known[at] = true;
	}
	*ret = reader->known[at];
	return NULL;
}

/** Reach an instruction with a set of written registers. */
static void
reach(struct walk *walk, uint32_t at, uint64_t written)
{
	if (at >= walk->ops->count)
		return;
	if (walk->seen[at]) {
		written &= walk->written[at];
		if (written == walk->written[at])
			return;
	}
	walk->seen[at] = true;
	walk->written[at] = written;
	walk->queue[walk->queued++] = at;
}

/** Say whether a function loads anything from its frame. */
static bool
loads_from_frame(const struct graft_ops *ops)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		if (ops->ops[i].mem_read &&
		    graft_op_in_frame(ops, &ops->ops[i]))
			return true;
	}
	return false;
}

static struct graft_error *
pass_on(struct walk *walk, const struct graft_op *op, uint32_t written)
{
	struct graft_callee callee = graft_op_callee(walk->ops, op);
	struct graft_arguments inner;

	if (!(argument_bits & ~written) || callee.func == GRAFT_NONE ||
	    walk->depth >= DEPTH_MAX || callee.func == walk->ops->func ||
	    walk->ops->code->funcs[callee.func].insn_count > CALLEE_MAX)
		return NULL;
	struct graft_error *err = read_callee(walk->reader, callee.func,
					      walk->depth + 1, &inner);
	// A variadic function saves all argument registers, whoever set them.
	if (!err && !inner.variadic)
		walk->found.reads |= inner.reads & ~written;
	return err;
}

static struct graft_error *
step(struct walk *walk, uint32_t at)
{
	const struct graft_op *op = &walk->ops->ops[at];
	uint64_t all = walk->written[at];
	uint32_t written = (uint32_t)all;
	bool leaves = (op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
		      !(op->flags & GRAFT_INSN_INTERNAL);
	// -Os moves the stack pointer by pushing whatever is at hand.
	bool filler = op->what == GRAFT_OP_PUSH && !walk->loads;
	struct graft_error *err = NULL;

	// `setz %cl; cmp %cl, %sil` reads nothing of what %rcx held before.
	uint32_t own = op->low_reads & (uint32_t)(all >> LOW_BYTES);
	if (!filler)
		walk->found.reads |= op->reads & ~own & ~written &
				     argument_bits;
	walk->found.wide |= op->wide & ~written & argument_bits;
	if (op->what == GRAFT_OP_MOV && op->src < 16 &&
	    (op->dst_size == 4 || (op->mem_write && op->mem_size == 4)))
		walk->found.copied |= (1U << op->src) & ~written &
				      argument_bits;
	if (leaves)
		walk->found.passed |= argument_bits & ~written;
	// Its caller says in %al how many vector registers it passes.
	walk->found.variadic |= op->reads & ~own & ~written & 1;
	if (leaves)
		err = pass_on(walk, op, written);
	written |= op->writes;
	all |= (uint64_t)op->low_writes << LOW_BYTES;
	// With -fipa-ra a caller keeps values in registers that a function of
	// the same unit leaves alone: what is read behind such a call without
	// being written is what came in.
	if (op->flags & GRAFT_INSN_CALL)
		written |= graft_op_callee(walk->ops, op).func == GRAFT_NONE
				   ? volatile_bits
				   : result_bits;
	if (op->flags & GRAFT_INSN_RET ||
	    (op->flags & GRAFT_INSN_JUMP && leaves))
		walk->found.destroys &= written;
	if (op->flags & GRAFT_INSN_RET) {
		walk->found.returns = true;
		walk->found.returns_value &= written & 1;
		return err;
	}
	all |= written;
	if (op->flags & GRAFT_INSN_JUMP) {
		if (op->target)
			reach(walk, graft_op_at(walk->ops, op->target), all);
		if (op->ends)
			return err;
	}
	reach(walk, at + 1, all);
	return err;
}

/** Targets of jump tables: what no way reached is entered from such a jump with
 * at least what was written there. */
static bool
reach_unseen(struct walk *walk)
{
	uint64_t written = UINT64_MAX;
	bool indirect = false;

	for (uint32_t i = 0; i < walk->ops->count; i++) {
		const struct graft_op *op = &walk->ops->ops[i];
		if (!walk->seen[i] || !(op->flags & GRAFT_INSN_JUMP) ||
		    !(op->flags & GRAFT_INSN_INDIRECT) ||
		    op->what == GRAFT_OP_NOP)
			continue;
		written &= walk->written[i];
		indirect = true;
	}
	for (uint32_t i = 0; indirect && i < walk->ops->count; i++) {
		if (walk->seen[i] || walk->ops->ops[i].what == GRAFT_OP_NOP)
			continue;
		reach(walk, i, written);
		return true;
	}
	return false;
}

/** Find the registers that a function loads again from where it saved them, or of
 * which it is not known whether a call writes them. */
static uint32_t
saved_by(const struct graft_ops *ops)
{
	uint32_t saved = 0;

	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		if (op->what == GRAFT_OP_POP ||
		    (op->mem_read && graft_op_in_frame(ops, op)))
			saved |= op->writes;
		// It may return nothing there, and leave what was.
		if ((op->flags & GRAFT_INSN_CALL) &&
		    graft_op_callee(ops, op).func != GRAFT_NONE)
			saved |= 1U << GRAFT_REG_RDX;
	}
	return saved;
}

static struct graft_error *
run(struct walk *walk)
{
	struct graft_error *err = NULL;

	walk->found.returns_value = true;
	walk->found.destroys = ~saved_by(walk->ops);
	reach(walk, 0, 0);
	do {
		while (!err && walk->queued)
			err = step(walk, walk->queue[--walk->queued]);
	} while (!err && reach_unseen(walk));
	walk->found.returns_value &= walk->found.returns;
	return err;
}

static struct graft_error *
read_func(struct graft_argument_reader *reader, uint32_t func, int depth,
	  struct graft_arguments *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	struct graft_error *err = graft_ops_read(reader->code, func, &ops);

	if (err)
		return err;
	size_t room = (size_t)ops.count + 1;
	GRAFT_FREE uint64_t *written = calloc(room, sizeof(*written));
	GRAFT_FREE bool *seen = calloc(room, sizeof(*seen));
	// Each instruction is queued when it is first seen, and again when a
	// register drops out of its set of 32, or a byte out of that of 16.
	GRAFT_FREE uint32_t *queue = calloc(room * 49, sizeof(*queue));
	if (!written || !seen || !queue)
		return graft_error_no_memory();
	struct walk walk = {
		.reader = reader,
		.ops = &ops,
		.loads = loads_from_frame(&ops),
		.written = written,
		.seen = seen,
		.queue = queue,
		.depth = depth,
	};
	err = run(&walk);
	if (!err)
		*ret = walk.found;
	return err;
}

struct graft_error *
graft_argument_reader_init(const struct graft_code *code,
			   struct graft_argument_reader *ret)
{
	size_t count = code->func_count * DEPTH_MAX + 1;
	struct graft_argument_reader reader = { .code = code };

	reader.known = calloc(count, sizeof(*reader.known));
	reader.is_known = calloc(count, sizeof(*reader.is_known));
	if (!reader.known || !reader.is_known) {
		graft_argument_reader_deinit(&reader);
		return graft_error_no_memory();
	}
	*ret = reader;
	return NULL;
}

void
graft_argument_reader_deinit(struct graft_argument_reader *reader)
{
	free(reader->known);
	free(reader->is_known);
	*reader = (struct graft_argument_reader){ 0 };
}

struct graft_error *
graft_arguments_read(struct graft_argument_reader *reader, uint32_t func,
		     struct graft_arguments *ret)
{
	return read_func(reader, func, 0, ret);
}

uint32_t
graft_arguments_narrow(const struct graft_arguments *arguments)
{
	// What goes on to another function may be more than is read of it here,
	// unless it is kept as 32 bits too.
	return arguments->reads & ~arguments->wide & 0xffff &
	       (arguments->copied | ~arguments->passed);
}

const char *
graft_argument_name(uint32_t bit)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{ 1 << GRAFT_REG_RDI, "%rdi" }, { 1 << GRAFT_REG_RSI, "%rsi" },
		{ 1 << GRAFT_REG_RDX, "%rdx" }, { 1 << GRAFT_REG_RCX, "%rcx" },
		{ 1 << GRAFT_REG_R8, "%r8" },   { 1 << GRAFT_REG_R9, "%r9" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].bit == bit)
			return names[i].name;
	}
	return "a vector register";
}
