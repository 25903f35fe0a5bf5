// SPDX-License-Identifier: Apache-2.0

#include "judge/flow/allocator.h"

#include "base/cleanup.h"

#include <string.h>

enum {
	ARGUMENT_0 = 1,
	ARGUMENT_1 = 2,
	ARGUMENT_2 = 4,
	ARGUMENT_3 = 8,
	/** Wrappers of wrappers that are followed. */
	DEPTH_MAX = 3,
	/** Instructions of a wrapper that are looked at. */
	WRAPPER_MAX = 64,
	/** Longer functions are no wrappers. */
	FUNC_MAX = 256,
	/** Words of the frame that are told apart. */
	FRAME_SLOTS = 64,
};

static const struct {
	const char *name;
	uint8_t sizes;
	bool fills;
} known[] = {
	{ "malloc", ARGUMENT_0, false },
	{ "calloc", ARGUMENT_0 | ARGUMENT_1, false },
	{ "realloc", ARGUMENT_1, false },
	{ "reallocarray", ARGUMENT_1 | ARGUMENT_2, false },
	{ "posix_memalign", ARGUMENT_2, false },
	{ "aligned_alloc", ARGUMENT_1, false },
	{ "memalign", ARGUMENT_1, false },
	{ "mmap", ARGUMENT_1, false },
	{ "mmap64", ARGUMENT_1, false },
	{ "mremap", ARGUMENT_1 | ARGUMENT_2, false },
	{ "brk", ARGUMENT_0, false },
	{ "sbrk", ARGUMENT_0, false },
	// What is mapped behind them is as large.
	{ "ftruncate", ARGUMENT_1, false },
	{ "ftruncate64", ARGUMENT_1, false },
	{ "fallocate", ARGUMENT_3, false },
	{ "fallocate64", ARGUMENT_3, false },
	{ "posix_fallocate", ARGUMENT_2, false },
	{ "posix_fallocate64", ARGUMENT_2, false },
	{ "shmget", ARGUMENT_1, false },
	// The size of an element.
	{ "g_array_new", ARGUMENT_2, false },
	{ "g_array_sized_new", ARGUMENT_2, false },
	{ "memset", ARGUMENT_2, true },
	{ "memcpy", ARGUMENT_2, true },
	{ "memmove", ARGUMENT_2, true },
	{ "mempcpy", ARGUMENT_2, true },
	{ "__memset_chk", ARGUMENT_2, true },
	{ "__memcpy_chk", ARGUMENT_2, true },
	{ "__memmove_chk", ARGUMENT_2, true },
	{ "explicit_bzero", ARGUMENT_1, true },
};

uint8_t
graft_argument_reg(int argument)
{
	static const uint8_t regs[] = { GRAFT_REG_RDI, GRAFT_REG_RSI,
					GRAFT_REG_RDX, GRAFT_REG_RCX,
					GRAFT_REG_R8,  GRAFT_REG_R9 };
	return regs[argument];
}

static struct graft_sizing
sizing_of_name(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return (struct graft_sizing){
				.sizes = known[i].sizes,
				.fills = known[i].fills,
			};
	}
	// operator new and new[], plain, nothrow and aligned.
	if (strncmp(name, "_Znwm", 5) == 0 || strncmp(name, "_Znam", 5) == 0)
		return (struct graft_sizing){ .sizes = ARGUMENT_0 };
	// What frees may be told a size too, but makes no object of it.
	if (strstr(name, "dealloc") || strstr(name, "Dealloc"))
		return (struct graft_sizing){ 0 };
	// g_malloc0, png_malloc, apr_palloc, CRYPTO_zalloc, xmlMallocAtomic:
	// the size comes first or second; what follows may be a line number.
	if (strstr(name, "alloc") || strstr(name, "Alloc"))
		return (struct graft_sizing){ .sizes = ARGUMENT_0 |
						       ARGUMENT_1 };
	return (struct graft_sizing){ 0 };
}

/**
 * Say whether an allocator is called in the part of a function that is looked
 * at, by it or by what it calls. Most call none, and need not be decoded.
 */
static bool
may_allocate(const struct graft_code *code, uint32_t func, int depth)
{
	const struct graft_func *f = &code->funcs[func];

	if (depth >= DEPTH_MAX || f->insn_count > FUNC_MAX)
		return false;
	for (uint32_t i = 0; i < f->insn_count && i < WRAPPER_MAX; i++) {
		const struct graft_insn *insn = &code->insns[f->first_insn + i];
		if (!(insn->flags & (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) ||
		    (insn->flags & GRAFT_INSN_INTERNAL))
			continue;
		struct graft_callee callee = graft_callee_of(code, insn);
		struct graft_sizing sizing = { 0 };
		if (callee.import)
			sizing = sizing_of_name(callee.import);
		if (sizing.sizes && !sizing.fills)
			return true;
		if (!sizing.sizes && callee.func != GRAFT_NONE &&
		    may_allocate(code, callee.func, depth + 1))
			return true;
	}
	return false;
}

static struct graft_error *
sizing_of_callee(const struct graft_code *code, struct graft_callee callee,
		 int depth, struct graft_sizing *ret);

/** Follow the arguments of a function to a call of an allocator. */
static struct graft_error *
sizing_of_wrapper(const struct graft_code *code, uint32_t func, int depth,
		  struct graft_sizing *ret)
{
	GRAFT_CLEANUP(graft_ops_deinit) struct graft_ops ops = { 0 };
	// Which arguments of the function each register depends on.
	uint8_t holds[16] = { 0 };
	// The same of words in the frame, where -O0 keeps arguments.
	uint8_t slots[FRAME_SLOTS] = { 0 };

	*ret = (struct graft_sizing){ 0 };
	if (!may_allocate(code, func, depth))
		return NULL;
	struct graft_error *err = graft_ops_read(code, func, &ops);
	if (err)
		return err;
	for (int i = 0; i < GRAFT_SIZE_ARGUMENTS; i++)
		holds[graft_argument_reg(i)] = (uint8_t)(1 << i);
	for (uint32_t i = 0; i < ops.count && i < WRAPPER_MAX; i++) {
		const struct graft_op *op = &ops.ops[i];
		bool leaves = (op->flags &
			       (GRAFT_INSN_CALL | GRAFT_INSN_JUMP)) &&
			      !(op->flags & GRAFT_INSN_INTERNAL);
		if (leaves) {
			struct graft_sizing inner;
			err = sizing_of_callee(code, graft_op_callee(&ops, op),
					       depth + 1, &inner);
			if (err)
				return err;
			for (int a = 0; a < GRAFT_SIZE_ARGUMENTS; a++) {
				if (!inner.fills && (inner.sizes & (1 << a)))
					ret->sizes |=
						holds[graft_argument_reg(a)];
			}
			for (uint8_t r = 0; r < 16; r++) {
				if (graft_reg_is_volatile(r))
					holds[r] = 0;
			}
			continue;
		}
		if (graft_op_in_frame(&ops, op) && op->what == GRAFT_OP_MOV) {
			uint8_t *slot =
				&slots[(uint64_t)op->disp / 4 % FRAME_SLOTS];
			if (op->mem_write && op->src < 16)
				*slot = holds[op->src];
			else if (op->dst < 16)
				holds[op->dst] = *slot;
			continue;
		}
		uint8_t from = 0;
		for (uint8_t r = 0; r < 16; r++) {
			bool address = op->has_mem && op->what != GRAFT_OP_LEA;
			if ((op->reads & (1U << r)) && !address)
				from |= holds[r];
		}
		if (op->dst < 16)
			holds[op->dst] = from;
	}
	return NULL;
}

static struct graft_error *
sizing_of_callee(const struct graft_code *code, struct graft_callee callee,
		 int depth, struct graft_sizing *ret)
{
	*ret = (struct graft_sizing){ 0 };
	if (callee.import)
		*ret = sizing_of_name(callee.import);
	if (ret->sizes || callee.func == GRAFT_NONE)
		return NULL;
	return sizing_of_wrapper(code, callee.func, depth, ret);
}

struct graft_error *
graft_sizing_of_call(const struct graft_ops *ops, const struct graft_op *op,
		     struct graft_sizing *ret)
{
	struct graft_callee callee = graft_op_callee(ops, op);

	if (callee.indirect) {
		*ret = (struct graft_sizing){
			.sizes = ARGUMENT_0 | ARGUMENT_1,
			.guess = true,
		};
		return NULL;
	}
	return sizing_of_callee(ops->code, callee, 0, ret);
}
