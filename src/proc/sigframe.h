// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The signal frame that rt_sigreturn(2) takes back: a whole thread in memory.
 *
 * Whoever executes rt_sigreturn(2) with such a frame on its stack becomes the
 * thread that it describes. x86-64, as the kernel's arch/x86/kernel/signal_64.c
 * writes and reads it. Knows nothing of ptrace(2).
 */

#ifndef GRAFT_PROC_SIGFRAME_H
#define GRAFT_PROC_SIGFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

enum {
	/** Most bytes of XSAVE state: AVX-512, AMX, and room for what comes. */
	GRAFT_XSTATE_MAX = 16 * 1024,
	/** Most bytes of a frame. */
	GRAFT_SIGFRAME_MAX = GRAFT_XSTATE_MAX + 1024,
	/** Bytes below the stack pointer that a function may use (the ABI). */
	GRAFT_RED_ZONE = 128,
	/** Features that an XSAVE area may hold. */
	GRAFT_XSTATE_FEATURES = 63,
};

/**
 * Where the features of an XSAVE area end, in bytes from its beginning; 0: there is
 * none. The processor says so, and in a virtual machine each question is an exit to
 * the host: it is not asked while somebody stands still.
 */
struct graft_sigframe_layout {
	uint32_t ends[GRAFT_XSTATE_FEATURES];
};

/** Ask the processor. It answers the same as long as the machine runs. */
void
graft_sigframe_layout_read(struct graft_sigframe_layout *ret);

/** What a frame restores. */
struct graft_sigframe_state {
	struct user_regs_struct regs;
	/** Blocked signals. */
	uint64_t mask;
	/** XSAVE area, not compacted, as NT_X86_XSTATE gives it. */
	const uint8_t *xstate;
	/** At least 576. */
	size_t xstate_len;
	/** Of this processor. */
	const struct graft_sigframe_layout *layout;
};

/** A frame, ready to be written to a stack. */
struct graft_sigframe {
	/** Where its first byte must be; the stack pointer of who calls. */
	uint64_t addr;
	size_t len;
	uint8_t bytes[GRAFT_SIGFRAME_MAX];
};

/**
 * Make the registers with which a thread does again what it did: those of a
 * thread inside a system call make the call again.
 *
 * For a thread that restarts by rt_sigreturn(2), after which the kernel has
 * forgotten that a call was interrupted.
 *
 * @param[in] regs Registers at a stop.
 */
struct user_regs_struct
graft_sigframe_regs_again(const struct user_regs_struct *regs);

/**
 * Build a frame that lies below the red zone of the thread that it restores.
 *
 * The alternate signal stack stays as it is.
 *
 * @param[in] state What to restore.
 * @param[in] restore Address that the frame returns to: `mov $15, %rax;
 * syscall`.
 * @param[out] ret Filled.
 * @return false if the XSAVE area is none or too large, or holds a feature of which
 * the layout does not say where it ends.
 */
bool
graft_sigframe_build(const struct graft_sigframe_state *state, uint64_t restore,
		     struct graft_sigframe *ret);

#endif /* GRAFT_PROC_SIGFRAME_H */
