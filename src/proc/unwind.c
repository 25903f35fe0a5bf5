// SPDX-License-Identifier: Apache-2.0

#include "proc/unwind.h"

#include "proc/cfi.h"

#include <string.h>
#include <sys/uio.h>

enum {
	/** Deeper chains are lost: nobody waits for them in a stop. */
	FRAMES_MAX = 1 << 20,
	WINDOW_BYTES = 16 * 1024,
	PAGE_BYTES = 4096,
};

struct graft_unwind {
	struct graft_cfi *cfi;
	pid_t tid;
	/** A piece of the target's memory, page by page up the stack. */
	uint64_t window_addr;
	size_t window_len;
	uint8_t window[WINDOW_BYTES];
};

struct graft_error *
graft_unwind_new(pid_t pid, const struct graft_maps *maps,
		 struct graft_tables *tables, struct graft_unwind **ret)
{
	GRAFT_CLEANUP(graft_unwind_freep)
	struct graft_unwind *unwind = calloc(1, sizeof(*unwind));
	if (!unwind)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind");
	struct graft_error *err = graft_cfi_new(pid, maps, tables,
						&unwind->cfi);
	if (err)
		return err;
	unwind->tid = pid;
	*ret = GRAFT_TAKE(unwind);
	return NULL;
}

void
graft_unwind_begin(struct graft_unwind *unwind, pid_t tid,
		   struct graft_vmas *vmas)
{
	unwind->tid = tid;
	unwind->window_len = 0;
	graft_cfi_begin(unwind->cfi, vmas);
}

static bool
fill_window(struct graft_unwind *unwind, uint64_t addr)
{
	// A read stops at the first page that is not there, so a window that
	// goes over the end of a stack gives its beginning.
	struct iovec local = { .iov_base = unwind->window,
			       .iov_len = WINDOW_BYTES };
	uint64_t start = addr & -(uint64_t)PAGE_BYTES;
	struct iovec remote = { .iov_base = (void *)(uintptr_t)start,
				.iov_len = WINDOW_BYTES };
	ssize_t got = process_vm_readv(unwind->tid, &local, 1, &remote, 1, 0);
	unwind->window_addr = start;
	unwind->window_len = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static bool
in_window(const struct graft_unwind *unwind, uint64_t addr)
{
	uint64_t off = addr - unwind->window_addr;
	return off < unwind->window_len && unwind->window_len - off >= 8;
}

static bool
read_word(void *arg, uint64_t addr, uint64_t *ret)
{
	struct graft_unwind *unwind = arg;
	if (!in_window(unwind, addr) &&
	    (!fill_window(unwind, addr) || !in_window(unwind, addr)))
		return false;
	memcpy(ret, &unwind->window[addr - unwind->window_addr], 8);
	return true;
}

static bool
evaluate(struct graft_unwind *unwind, const struct graft_dwarf_regs *regs,
	 const uint64_t *cfa, const struct graft_cfi_rule *rule, uint64_t *ret)
{
	struct graft_expression_context context = {
		.regs = regs,
		.cfa = cfa,
		.read = read_word,
		.read_arg = unwind,
	};
	bool is_value = false;
	uint64_t result = 0;
	if (!graft_expression_run(&context, rule->ops, rule->op_count, &result,
				  &is_value))
		return false;
	*ret = result;
	// The CFA is a value; a register lies where its expression says.
	if (!cfa)
		return !is_value;
	return is_value || read_word(unwind, result, ret);
}

static bool
reg_plus(const struct graft_dwarf_regs *regs, const struct graft_cfi_rule *rule,
	 uint64_t *ret)
{
	if (rule->reg >= GRAFT_DWARF_REGS || !(regs->known >> rule->reg & 1))
		return false;
	*ret = regs->value[rule->reg] + rule->off;
	return true;
}

static bool
find_cfa(struct graft_unwind *unwind, const struct graft_dwarf_regs *regs,
	 const struct graft_cfi_row *row, uint64_t *ret)
{
	switch (row->cfa.how) {
	case GRAFT_CFI_REG_PLUS:
		return reg_plus(regs, &row->cfa, ret);
	case GRAFT_CFI_EXPRESSION:
		return evaluate(unwind, regs, NULL, &row->cfa, ret);
	default:
		return false;
	}
}

// The address of the return address, for the report; 0 if it has none.
static uint64_t
return_addr(const struct graft_cfi_row *row, uint64_t cfa)
{
	const struct graft_cfi_rule *rule = &row->regs[GRAFT_DWARF_RIP];
	return rule->how == GRAFT_CFI_AT_CFA ? cfa + rule->off : cfa;
}

static bool
find_register(struct graft_unwind *unwind, const struct graft_dwarf_regs *regs,
	      const struct graft_cfi_row *row, uint64_t cfa, unsigned reg,
	      uint64_t *ret)
{
	const struct graft_cfi_rule *rule = &row->regs[reg];
	switch (rule->how) {
	case GRAFT_CFI_SAME:
		*ret = regs->value[reg];
		return regs->known >> reg & 1;
	case GRAFT_CFI_AT_CFA:
		return read_word(unwind, cfa + rule->off, ret);
	case GRAFT_CFI_CFA_PLUS:
		*ret = cfa + rule->off;
		return true;
	case GRAFT_CFI_REG_PLUS:
		return reg_plus(regs, rule, ret);
	case GRAFT_CFI_EXPRESSION:
		return evaluate(unwind, regs, &cfa, rule, ret);
	default:
		return false;
	}
}

// Undo one frame. A register that cannot be found is unknown from here on;
// only who needs it fails.
static bool
undo(struct graft_unwind *unwind, const struct graft_cfi_row *row,
     struct graft_dwarf_regs *regs, uint64_t *addr_ret)
{
	uint64_t cfa = 0;
	if (!find_cfa(unwind, regs, row, &cfa))
		return false;
	struct graft_dwarf_regs caller = { .known = 0 };
	for (unsigned i = 0; i < GRAFT_DWARF_REGS; i++)
		if (find_register(unwind, regs, row, cfa, i, &caller.value[i]))
			caller.known |= 1U << i;
	uint32_t needed = 1U << GRAFT_DWARF_RSP | 1U << GRAFT_DWARF_RIP;
	if ((caller.known & needed) != needed)
		return false;
	// A signal handler may have had a stack of its own, anywhere.
	if (!row->signal &&
	    caller.value[GRAFT_DWARF_RSP] <= regs->value[GRAFT_DWARF_RSP])
		return false;
	// A return address is found in memory, not left over from the callee.
	enum graft_cfi_how how = row->regs[GRAFT_DWARF_RIP].how;
	if (how == GRAFT_CFI_SAME)
		return false;
	*addr_ret = return_addr(row, cfa);
	*regs = caller;
	return true;
}

static struct graft_dwarf_regs
from_user(const struct user_regs_struct *user)
{
	return (struct graft_dwarf_regs){
		.value = { user->rax, user->rdx, user->rcx, user->rbx,
			   user->rsi, user->rdi, user->rbp, user->rsp, user->r8,
			   user->r9, user->r10, user->r11, user->r12, user->r13,
			   user->r14, user->r15, user->rip },
		.known = (1U << GRAFT_DWARF_REGS) - 1,
	};
}

enum graft_unwind_end
graft_unwind_run(struct graft_unwind *unwind,
		 const struct user_regs_struct *user,
		 graft_unwind_frame_fn frame, void *arg)
{
	struct graft_dwarf_regs regs = from_user(user);
	struct graft_unwind_frame at = { .exact = true };
	for (size_t i = 0; i < FRAMES_MAX; i++) {
		at.pc = regs.value[GRAFT_DWARF_RIP];
		if (!frame(arg, &at))
			return GRAFT_UNWIND_ENOUGH;
		// A call may be the last instruction of its function: its
		// return address is looked up inside the call.
		const struct graft_cfi_row *row =
			graft_cfi_at(unwind->cfi, at.exact ? at.pc : at.pc - 1);
		if (!row)
			return GRAFT_UNWIND_LOST;
		if (row->regs[GRAFT_DWARF_RIP].how == GRAFT_CFI_UNDEFINED)
			return GRAFT_UNWIND_ROOT;
		if (!undo(unwind, row, &regs, &at.addr))
			return GRAFT_UNWIND_LOST;
		at.exact = row->signal;
	}
	return GRAFT_UNWIND_LOST;
}

void
graft_unwind_free(struct graft_unwind *unwind)
{
	if (!unwind)
		return;
	graft_cfi_free(unwind->cfi);
	free(unwind);
}
