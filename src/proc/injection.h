// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A thread that stands, made ready for a system call that it shall make for us, so that
 * it goes on by itself where it was when that call returns. For the files of this folder only.
 *
 * The thread gets a signal frame of itself below its red zone, and registers that make
 * the call at a `syscall; ret` whose `ret` leads to rt_sigreturn(2).
 */

#ifndef GRAFT_PROC_INJECTION_H
#define GRAFT_PROC_INJECTION_H

#include "proc/sigframe.h"
#include "proc/target.h"
#include "proc/tracee.h"
#include "proc/unusable.h"
#include "proc/vmas.h"

#include <signal.h>

/** Everything but SIGSYS: the kernel resets the handler of a blocked signal
 * that it must deliver, and seccomp can send this one for our call. */
static const uint64_t GRAFT_INJECTION_MASK = ~(UINT64_C(1) << (SIGSYS - 1));

/** What one injection needs; large, so on the heap. */
struct graft_injection {
	struct graft_target *target;
	/** As the mappings are now; borrowed from the target. */
	struct graft_vmas *vmas;
	size_t index;
	pid_t tid;
	const struct graft_target_call *calls;
	size_t count;
	/** Behind them the process is let go of, if that needs no other stop. */
	bool leave;
	/** Its filters would fail a call: they rest while it is made. */
	bool suspend;
	/** Read for want of hints. */
	struct graft_sigframe_layout own_layout;
	const struct graft_sigframe_layout *layout;
	struct user_regs_struct regs;
	uint64_t mask;
	uint8_t xstate[GRAFT_XSTATE_MAX];
	struct graft_sigframe frame;
	/** What stood where the frame lies. */
	uint8_t saved[GRAFT_SIGFRAME_MAX];
	/** How long a thread may take to stop in this round. */
	uint64_t stop_limit_ns;
	/** Why the thread that is being tried cannot be used, if it cannot. */
	enum graft_unusable_reason reason;
	/** Why those that were tried in this round could not be used. */
	struct graft_unusable unusable;
};

/**
 * Begin: find what no thread must stand still for.
 *
 * @param[in,out] inj Zeroes.
 * @param[in] target In state ATTACHED. Borrowed.
 * @return NULL; #GRAFT_ERROR_REFUSED if its code has no place for it;
 * #GRAFT_ERROR_TARGET_GONE; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_injection_begin(struct graft_injection *inj, struct graft_target *target);

/**
 * Read what the frame must restore, see that filters allow the calls, and write the frame.
 *
 * @param[in,out] inj Begun; its thread and calls are set. The thread is in the stop of
 * an interrupt. Filters that would fail a call rest from then on.
 * @return false: the thread cannot be used, graft_injection::reason says why. It has its
 * registers.
 */
bool
graft_injection_prepare(struct graft_injection *inj);

/** Let the filters work again. The thread is stopped. */
void
graft_injection_wake_filters(struct graft_injection *inj);

/** Give the thread the registers that make a call. @return false: it is lost. */
bool
graft_injection_set_call(const struct graft_injection *inj,
			 const struct graft_target_call *call);

#endif /* GRAFT_PROC_INJECTION_H */
