// SPDX-License-Identifier: Apache-2.0

#include "proc/injection.h"

#include "base/fault.h"
#include "proc/gadget.h"
#include "proc/room.h"
#include "proc/seccomp.h"

#include <elf.h>
#include <sys/uio.h>

/**
 * See that no filter can harm a thread for what it shall do, and let filters
 * rest that would only refuse it.
 *
 * Should we be killed meanwhile, the filters are back at once, and the call fails.
 */
static bool
pass_filters(struct graft_injection *inj)
{
	GRAFT_CLEANUP(graft_filters_deinit)
	struct graft_filters filters = { 0 };
	inj->suspend = false;
	if (graft_filters_none(inj->tid, &inj->regs))
		return true;
	struct graft_error *err = graft_filters_read(inj->tid, &filters);
	graft_error_free(err);
	inj->reason = GRAFT_UNUSABLE_FILTER_READ;
	if (err)
		return false;
	inj->reason = GRAFT_UNUSABLE_SHADOW_STACK;
	if (filters.shadow_stack)
		return false;
	enum graft_filters_answer answer =
		graft_filters_ask_all(&filters, inj->calls, inj->count);
	inj->reason = GRAFT_UNUSABLE_FILTER_DEADLY;
	if (answer != GRAFT_FILTERS_FAIL)
		return answer == GRAFT_FILTERS_ALLOW;
	inj->suspend = ptrace(PTRACE_SETOPTIONS, inj->tid, NULL,
			      GRAFT_TRACEE_OPTIONS |
				      PTRACE_O_SUSPEND_SECCOMP) == 0;
	return inj->suspend;
}

void
graft_injection_wake_filters(struct graft_injection *inj)
{
	if (inj->suspend)
		(void)ptrace(PTRACE_SETOPTIONS, inj->tid, NULL,
			     (long)GRAFT_TRACEE_OPTIONS);
	inj->suspend = false;
}

struct graft_error *
graft_injection_begin(struct graft_injection *inj, struct graft_target *target)
{
	struct graft_error *err = graft_target_vmas(target, &inj->vmas);
	if (err)
		return err;
	graft_vmas_renew(inj->vmas, target->pid);
	err = graft_gadgets_find(target, inj->vmas);
	if (!err)
		err = graft_vmas_prepare(inj->vmas);
	inj->target = target;
	inj->layout = target->hints ? &target->hints->frame : &inj->own_layout;
	if (!target->hints)
		graft_sigframe_layout_read(&inj->own_layout);
	return err;
}

bool
graft_injection_prepare(struct graft_injection *inj)
{
	struct graft_target *target = inj->target;
	struct iovec iov = { inj->xstate, sizeof(inj->xstate) };
	if (ptrace(PTRACE_GETREGS, inj->tid, NULL, &inj->regs) != 0)
		return false;
	graft_tracee_mend(&target->tracees[inj->index], &inj->regs);
	inj->reason = GRAFT_UNUSABLE_NOT_CALM;
	if (!graft_room_is_calm(target, inj->tid, &inj->regs))
		return false;
	if (!pass_filters(inj))
		return false;
	inj->reason = GRAFT_UNUSABLE_NO_REGISTERS;
	if (ptrace(PTRACE_GETREGSET, inj->tid, NT_X86_XSTATE, &iov) != 0 ||
	    ptrace(PTRACE_GETSIGMASK, inj->tid, sizeof(inj->mask),
		   &inj->mask) != 0)
		return false;
	struct graft_sigframe_state state = {
		.regs = graft_sigframe_regs_again(&inj->regs),
		.mask = inj->mask,
		.xstate = inj->xstate,
		.xstate_len = iov.iov_len,
		.layout = inj->layout,
	};
	inj->reason = GRAFT_UNUSABLE_NO_ROOM;
	if (!graft_sigframe_build(&state, target->gadgets.restore,
				  &inj->frame) ||
	    !graft_room_below(inj->vmas, &inj->regs, inj->frame.addr))
		return false;
	inj->reason = GRAFT_UNUSABLE_NOT_WRITTEN;
	struct graft_error *err = graft_target_read(target, inj->frame.addr,
						    inj->saved, inj->frame.len);
	if (!err)
		err = graft_fault("call-frame");
	if (!err)
		err = graft_target_write(target, inj->frame.addr,
					 inj->frame.bytes, inj->frame.len);
	graft_error_free(err);
	return !err;
}

bool
graft_injection_set_call(const struct graft_injection *inj,
			 const struct graft_target_call *call)
{
	struct user_regs_struct regs = inj->regs;
	regs.rip = inj->target->gadgets.call;
	regs.rsp = inj->frame.addr;
	regs.rax = call->nr;
	// Not in a call: the kernel must restart nothing on the way.
	regs.orig_rax = UINT64_MAX;
	regs.rdi = call->args[0];
	regs.rsi = call->args[1];
	regs.rdx = call->args[2];
	regs.r10 = call->args[3];
	regs.r8 = call->args[4];
	regs.r9 = call->args[5];
	// No trap after one instruction, no backward strings.
	regs.eflags &= ~UINT64_C(0x500);
	return ptrace(PTRACE_SETREGS, inj->tid, NULL, &regs) == 0;
}
