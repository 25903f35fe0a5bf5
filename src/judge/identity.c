// SPDX-License-Identifier: Apache-2.0

// a constant that changed has two addresses from then on: OLD's, which
// data and threads may remember, and NEW's, which carried code uses. That is
// harmless while the address is only used to read. It is refused where carried
// code stores the address outside of its frame, compares it, hands it back to a
// caller, or hands it on in a call, unless it is that of text: text that is
// passed or returned is read, and its identity means nothing. The byte before a
// text, by which a loop that counts from 1 names it, counts as that text.
//
// The address is followed from the `lea` through copies of registers along every
// way of the function.

#include "judge/arguments.h"
#include "judge/checks.h"

#include "base/cleanup.h"
#include "diff/constant.h"
#include "diff/table.h"

#include <stdlib.h>
#include <string.h>

/** What becomes of an address. */
enum fate {
	FATE_READ,
	FATE_STORED,
	FATE_COMPARED,
	FATE_PASSED,
	FATE_RETURNED,
};

static const uint32_t argument_regs =
	1U << GRAFT_REG_RDI | 1U << GRAFT_REG_RSI | 1U << GRAFT_REG_RDX |
	1U << GRAFT_REG_RCX | 1U << GRAFT_REG_R8 | 1U << GRAFT_REG_R9;

static enum fate
worse(enum fate a, enum fate b)
{
	// Stored and compared refuse whatever is pointed to.
	if (a == FATE_STORED || a == FATE_COMPARED)
		return a;
	return b == FATE_READ ? a : b;
}

/** Drop registers that a call destroys. With -fipa-ra a caller keeps values in
 * what a function of the same unit leaves alone. */
static uint32_t
after_call(const struct graft_ops *ops, const struct graft_op *op,
	   uint32_t regs)
{
	if (graft_op_callee(ops, op).func != GRAFT_NONE)
		return regs & ~(1U << GRAFT_REG_RAX);
	for (uint8_t r = 0; r < 16; r++) {
		if (graft_reg_is_volatile(r))
			regs &= ~(1U << r);
	}
	return regs;
}

/** Say whether an import keeps nothing of what it is handed: it only reads it, or
 * has no parameters, and what the registers hold is left over. */
static bool
keeps_nothing(const char *import)
{
	static const char *const names[] = {
		"memcmp",     "bcmp",        "memcpy",           "memmove",
		"mempcpy",    "memchr",      "strcmp",           "strlen",
		"strcasecmp", "strncmp",     "strspn",           "strcspn",
		"strnlen",    "strncasecmp", "__stack_chk_fail", "abort",
	};

	for (size_t i = 0; import && i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i], import) == 0)
			return true;
	}
	return false;
}

/** Find the registers in which a call or a jump that leaves may pass something. */
static struct graft_error *
passed_by(struct graft_argument_reader *reader, const struct graft_ops *ops,
	  const struct graft_op *op, uint32_t *ret)
{
	struct graft_callee callee = graft_op_callee(ops, op);
	struct graft_arguments arguments;

	*ret = keeps_nothing(callee.import) ? 0 : argument_regs;
	if (callee.func == GRAFT_NONE)
		return NULL;
	struct graft_error *err = graft_arguments_read(reader, callee.func,
						       &arguments);
	if (!err && !arguments.variadic)
		*ret &= arguments.reads | arguments.passed;
	return err;
}

/** Judge one instruction while some registers hold the address. */
static enum fate
fate_at(const struct graft_ops *ops, const struct graft_op *op, uint32_t regs,
	uint32_t passed)
{
	bool source = op->src < 16 && (regs & (1U << op->src));

	if ((op->what == GRAFT_OP_PUSH && (op->reads & regs)) ||
	    (op->what == GRAFT_OP_MOV && op->mem_write && source))
		return op->what == GRAFT_OP_PUSH || graft_op_in_frame(ops, op)
			       ? FATE_PASSED
			       : FATE_STORED;
	if (op->what == GRAFT_OP_CMP && !op->has_imm && (op->reads & regs)) {
		// A pointer that is compared, not memory that it points to.
		bool through = op->has_mem && op->base < 16 &&
			       (regs & (1U << op->base));
		return through && !source ? FATE_READ : FATE_COMPARED;
	}
	if (op->flags & GRAFT_INSN_RET)
		return regs & (1U << GRAFT_REG_RAX) ? FATE_RETURNED : FATE_READ;
	if ((op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	    !(op->flags & GRAFT_INSN_INTERNAL) && (regs & passed))
		return FATE_PASSED;
	// Into a vector register, from where pairs of pointers are stored.
	if (op->dst != GRAFT_REG_NONE && op->dst >= GRAFT_REG_XMM0 && source)
		return FATE_STORED;
	return FATE_READ;
}

static uint32_t
bit_of_source(const struct graft_op *op)
{
	return op->src < 16 ? 1U << op->src : 0;
}

/** A way that is still to be followed. */
struct way {
	uint32_t at;
	/** Registers that hold the address, and those that hold one computed
	 * from it: that of an element. */
	uint32_t regs;
	uint32_t derived;
};

/** Following an address along all ways. */
struct follow {
	const struct graft_ops *ops;
	struct graft_argument_reader *reader;
	/** Registers with which each instruction was reached; those that are
	 * derived in the upper half. */
	uint32_t *reached;
	struct way *ways;
	size_t count;
	enum fate fate;
};

static void
go_on(struct follow *follow, uint32_t at, uint32_t regs, uint32_t derived)
{
	uint32_t all = (regs & 0xffff) | derived << 16;

	if (at >= follow->ops->count || !(all & ~follow->reached[at]))
		return;
	follow->reached[at] |= all;
	follow->ways[follow->count++] = (struct way){ at, regs, derived };
}

/** Say whether an instruction computes an address from one in a register: a
 * table and an index. */
static bool
derives(const struct graft_ops *ops, uint32_t at, uint32_t regs)
{
	const struct graft_op *op = &ops->ops[at];

	if (op->dst >= 16 || op->dst_size != 8)
		return false;
	if (op->what == GRAFT_OP_LEA)
		return op->base < 16 && (regs & (1U << op->base));
	if (op->what != GRAFT_OP_ADD || op->has_mem ||
	    !(op->reads & regs & (1U << op->dst | bit_of_source(op))))
		return false;
	if (op->src >= 16)
		return true;
	// A distance that comes from the table leads to something else.
	bool to_table = regs & (1U << op->dst);
	uint32_t writer = graft_op_writer(ops, at,
					  to_table ? op->src : op->dst);
	return writer >= ops->count || !ops->ops[writer].mem_read ||
	       graft_op_in_frame(ops, &ops->ops[writer]);
}

/** Judge what is done with an address that was computed. Loops compare it with
 * the end of the table, and calls read through it: neither is refused. */
static enum fate
fate_of_derived(const struct graft_ops *ops, const struct graft_op *op,
		uint32_t derived)
{
	enum fate fate = derived ? fate_at(ops, op, derived, 0) : FATE_READ;

	return fate == FATE_STORED || fate == FATE_RETURNED ? fate : FATE_READ;
}

static struct graft_error *
follow_one(struct follow *follow, struct way way)
{
	const struct graft_ops *ops = follow->ops;
	const struct graft_op *op = &ops->ops[way.at];
	uint32_t regs = way.regs;
	uint32_t derived = way.derived;
	uint32_t passed = 0;

	if ((op->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
	    (regs & argument_regs)) {
		struct graft_error *err = passed_by(follow->reader, ops, op,
						    &passed);
		if (err)
			return err;
	}
	follow->fate = worse(follow->fate, fate_at(ops, op, regs, passed));
	follow->fate = worse(follow->fate, fate_of_derived(ops, op, derived));
	bool copies = op->what == GRAFT_OP_MOV || op->what == GRAFT_OP_CMOV;
	uint32_t from = copies && !op->has_mem ? bit_of_source(op) : 0;
	uint32_t to = op->dst < 16 ? 1U << op->dst : 0;
	uint32_t kept = op->what == GRAFT_OP_CMOV ? to : 0;
	uint32_t computed = derives(ops, way.at, regs | derived) ? to : 0;
	bool copied = regs & from;
	bool copied_derived = derived & from;
	regs &= ~op->writes | kept;
	derived &= ~op->writes | kept;
	if (copied)
		regs |= to;
	if (copied_derived)
		derived |= to;
	derived |= computed;
	if (op->flags & GRAFT_INSN_CALL) {
		regs = after_call(ops, op, regs);
		derived = after_call(ops, op, derived);
	}
	if (op->target)
		go_on(follow, graft_op_at(ops, op->target), regs, derived);
	if (!op->ends)
		go_on(follow, way.at + 1, regs, derived);
	return NULL;
}

static struct graft_error *
find_fate(struct graft_argument_reader *reader, const struct graft_ops *ops,
	  uint32_t at, enum fate *ret)
{
	const struct graft_op *lea = &ops->ops[at];
	size_t room = (size_t)ops->count + 1;
	GRAFT_FREE uint32_t *reached = calloc(room, sizeof(*reached));
	// An instruction is followed again only with one more register.
	GRAFT_FREE struct way *ways = calloc(room * 33, sizeof(*ways));
	struct follow follow = {
		.ops = ops,
		.reader = reader,
		.reached = reached,
		.ways = ways,
		.fate = FATE_READ,
	};

	if (!reached || !ways)
		return graft_error_no_memory();
	if (lea->dst < 16)
		go_on(&follow, at + 1, 1U << lea->dst, 0);
	struct graft_error *err = NULL;
	while (!err && follow.count)
		err = follow_one(&follow, ways[--follow.count]);
	*ret = follow.fate;
	return err;
}

/** Say whether both builds have the same bytes under one symbol: the end of the
 * object is known then, and what differs lies behind it. */
static bool
is_same_symbol(const struct graft_diff *diff, const struct graft_piece *piece)
{
	const struct graft_symbol *o = graft_image_symbol_at(diff->old_image,
							     piece->old_addr);
	const struct graft_symbol *n = graft_image_symbol_at(diff->new_image,
							     piece->addr);

	if (!o || !n || !o->size || o->size != n->size ||
	    o->addr != piece->old_addr || n->addr != piece->addr ||
	    strcmp(o->name, n->name) != 0)
		return false;
	const struct graft_section *section =
		graft_image_section_at(diff->new_image, n->addr);
	// Pointers are compared by the diff, which found them to differ.
	if (!section || (section->flags & SHF_WRITE))
		return false;
	const uint8_t *was = graft_image_bytes(diff->old_image, o->addr,
					       o->size);
	const uint8_t *is = graft_image_bytes(diff->new_image, n->addr,
					      n->size);
	return was && is && memcmp(was, is, n->size) == 0;
}

static const struct graft_piece *
changed_constant_at(const struct graft_diff *diff, uint64_t addr)
{
	const struct graft_piece *moved = NULL;

	for (size_t i = 0; i < diff->piece_count; i++) {
		const struct graft_piece *piece = &diff->pieces[i];
		if (!piece->writable && piece->old_addr &&
		    addr - piece->addr < piece->size &&
		    (piece->thing == GRAFT_THING_CONSTANT ||
		     piece->thing == GRAFT_THING_TABLE)) {
			if (is_same_symbol(diff, piece))
				return NULL;
			// Another one may say that it changed.
			if (!piece->moved)
				return piece;
			moved = piece;
		}
	}
	return moved;
}

static const char *
say_fate(enum fate fate)
{
	switch (fate) {
	case FATE_STORED:
		return "stored where it outlives the call";
	case FATE_COMPARED:
		return "compared";
	case FATE_PASSED:
		return "handed on to another function";
	default:
		return "returned";
	}
}

/** Say whether text stands at an address, or right behind it: then the byte is
 * the end of the text in front. */
static bool
names_text(const struct graft_image *image, uint64_t addr)
{
	uint64_t len;

	if (graft_constant_text(image, addr, &len))
		return true;
	const uint8_t *before = graft_image_bytes(image, addr - 1, 2);

	return before && before[0] >= ' ' && before[1] == 0 &&
	       graft_image_section_at(image, addr - 1) ==
		       graft_image_section_at(image, addr + 1) &&
	       graft_constant_text(image, addr + 1, &len);
}

static struct graft_error *
judge_use(struct graft_case *c, struct graft_argument_reader *reader,
	  const struct graft_ops *ops, uint32_t at, uint64_t target,
	  const struct graft_piece *piece)
{
	enum fate fate;
	struct graft_error *err = find_fate(reader, ops, at, &fate);

	if (err || fate == FATE_READ)
		return err;
	bool text = names_text(c->diff->new_image, target);
	// What has the same contents in OLD is read alike wherever it is; a
	// caller may compare what it gets with what it got before.
	if ((fate == FATE_PASSED && (piece->moved || text)) ||
	    (fate == FATE_RETURNED && text))
		return NULL;
	struct graft_place_text where = graft_place_code(ops->code, ops->func,
							 ops->ops[at].addr);
	struct graft_place_text what = graft_place_data(c->diff->new_image,
							target);
	return graft_case_refuse(
		c, GRAFT_RULE_IDENTITY, where.str,
		"the address of the changed constant at %s is %s, and OLD's has another one",
		what.str, say_fate(fate));
}

/** The table of a `switch` is only read, and what jumps by it stays inside. */
static bool
is_jump_table(const struct graft_code *code, uint32_t func,
	      const struct graft_ref *ref)
{
	return ref->spread && graft_table_count(code, func, ref->target, 4) > 0;
}

static struct graft_error *
judge_func(struct graft_case *c, struct graft_argument_reader *reader,
	   const bool *is_new, uint32_t func)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	const struct graft_code *code = c->diff->new_code;
	struct graft_error *err = graft_ops_read(code, func, &ops);

	for (uint32_t i = 0; !err && i < ops.count; i++) {
		uint32_t ref = code->insns[ops.ops[i].insn].ref;
		const struct graft_piece *piece = NULL;
		if (ref != GRAFT_NONE && is_new[ref] &&
		    code->refs[ref].kind == GRAFT_REF_ADDRESS &&
		    !is_jump_table(code, func, &code->refs[ref]))
			piece = changed_constant_at(c->diff,
						    code->refs[ref].target);
		if (piece)
			err = judge_use(c, reader, &ops, i,
					code->refs[ref].target, piece);
	}
	return err;
}

struct graft_error *
graft_check_identity(struct graft_case *c)
{
	const struct graft_diff *diff = c->diff;
	// References that lead into the shadow; the others see OLD's constant.
	GRAFT_FREE bool *is_new = calloc(diff->new_code->ref_count + 1,
					 sizeof(*is_new));
	GRAFT_CLEANUP(graft_argument_reader_deinit)
	struct graft_argument_reader reader = { 0 };
	struct graft_error *err = graft_argument_reader_init(diff->new_code,
							     &reader);

	if (err)
		return err;
	if (!is_new)
		return graft_error_no_memory();
	for (size_t i = 0; i < diff->resolution_count; i++) {
		if (diff->resolutions[i].place == GRAFT_PLACE_NEW)
			is_new[diff->resolutions[i].ref] = true;
	}
	for (size_t i = 0; !err && i < diff->carried_count; i++)
		err = judge_func(c, &reader, is_new, diff->carried[i]);
	return err;
}
