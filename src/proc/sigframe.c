// SPDX-License-Identifier: Apache-2.0

#include "proc/sigframe.h"

#include <cpuid.h>
#include <string.h>

enum {
	/** uc_flags: there is an XSAVE area, and the saved ss counts. */
	FLAG_XSTATE = 1,
	FLAG_SS = 2,
	FLAG_STRICT_SS = 4,
	/** The software part of the legacy area, and the XSAVE header. */
	FX_SW_OFF = 464,
	FX_LEN = 512,
	HEADER_LEN = 64,
	/** x87, SSE and AVX: always restored, so that MXCSR is too. */
	BASE_FEATURES = 7,
	AVX_FEATURE = 4,
	/** No mode that sigaltstack(2) knows: see graft_sigframe_build(). */
	BAD_STACK_MODE = 0x7fff,
	/** Results that mean "restart" inside the kernel. */
	RESTART_SYS = 512,
	RESTART_NO_INTR = 513,
	RESTART_NO_HANDLER = 514,
	RESTART_BLOCK = 516,
	SYSCALL_LEN = 2,
};

static const uint32_t MAGIC1 = 0x46505853;
static const uint32_t MAGIC2 = 0x46505845;

/** struct sigcontext_64 of the kernel's asm/sigcontext.h. */
struct context {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
	uint64_t eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
};

/** struct rt_sigframe of the kernel's asm/sigframe.h, with its ucontext. */
struct frame {
	uint64_t return_to;
	uint64_t flags;
	uint64_t link;
	uint64_t stack_start;
	uint64_t stack_mode;
	uint64_t stack_len;
	struct context context;
	uint64_t mask;
	uint8_t info[128];
};

/** struct _fpx_sw_bytes of the kernel's asm/sigcontext.h. */
struct fx_sw {
	uint32_t magic1;
	uint32_t extended_len;
	uint64_t features;
	uint32_t len;
	uint32_t padding[7];
};

_Static_assert(sizeof(struct context) == 256, "the kernel's layout");
_Static_assert(sizeof(struct frame) == 440, "the kernel's layout");
_Static_assert(sizeof(struct fx_sw) == 48, "the kernel's layout");

struct user_regs_struct
graft_sigframe_regs_again(const struct user_regs_struct *regs)
{
	struct user_regs_struct again = *regs;
	int64_t result = (int64_t)regs->rax;
	if ((int64_t)regs->orig_rax >= 0 &&
	    (result == -RESTART_SYS || result == -RESTART_NO_INTR ||
	     result == -RESTART_NO_HANDLER || result == -RESTART_BLOCK)) {
		again.rax = regs->orig_rax;
		again.rip -= SYSCALL_LEN;
	}
	return again;
}

void
graft_sigframe_layout_read(struct graft_sigframe_layout *ret)
{
	unsigned low, high, b, c;

	*ret = (struct graft_sigframe_layout){ 0 };
	// What the processor has at all: it need not be asked of the others.
	if (!__get_cpuid_count(0xd, 0, &low, &b, &c, &high))
		return;
	uint64_t features = (uint64_t)high << 32 | low;
	for (unsigned i = 2; i < GRAFT_XSTATE_FEATURES; i++) {
		unsigned size, off, d;
		if (features >> i & 1 &&
		    __get_cpuid_count(0xd, i, &size, &off, &c, &d))
			ret->ends[i] = off + size;
	}
}

/** Bytes of the XSAVE area that features take; SIZE_MAX if it is not known of one. */
static size_t
area_len(const struct graft_sigframe_layout *layout, uint64_t features)
{
	size_t len = FX_LEN + HEADER_LEN;
	for (unsigned i = 2; i < GRAFT_XSTATE_FEATURES; i++) {
		if (features >> i & 1 && !layout->ends[i])
			return SIZE_MAX;
		if (features >> i & 1 && layout->ends[i] > len)
			len = layout->ends[i];
	}
	return len;
}

static void
copy_regs(const struct user_regs_struct *regs, struct context *context)
{
	*context = (struct context){
		.r8 = regs->r8,
		.r9 = regs->r9,
		.r10 = regs->r10,
		.r11 = regs->r11,
		.r12 = regs->r12,
		.r13 = regs->r13,
		.r14 = regs->r14,
		.r15 = regs->r15,
		.rdi = regs->rdi,
		.rsi = regs->rsi,
		.rbp = regs->rbp,
		.rbx = regs->rbx,
		.rdx = regs->rdx,
		.rax = regs->rax,
		.rcx = regs->rcx,
		.rsp = regs->rsp,
		.rip = regs->rip,
		.eflags = regs->eflags,
		.cs = (uint16_t)regs->cs,
		.gs = (uint16_t)regs->gs,
		.fs = (uint16_t)regs->fs,
		.ss = (uint16_t)regs->ss,
	};
}

/*
 * What is built, from low to high addresses:
 *
 *     addr         frame: return address, ucontext, siginfo   440 bytes
 *     up to 64     nothing
 *     fpstate      XSAVE area, magic2 behind it
 *     ...          nothing
 *     rsp - 128    red zone
 *     rsp          the thread's stack
 *
 * The kernel pops nothing itself: it takes the frame 8 bytes below rsp, for a
 * handler's `ret` has popped the return address.
 */
bool
graft_sigframe_build(const struct graft_sigframe_state *state, uint64_t restore,
		     struct graft_sigframe *ret)
{
	if (state->xstate_len < FX_LEN + HEADER_LEN ||
	    state->xstate_len > GRAFT_XSTATE_MAX ||
	    state->regs.rsp < GRAFT_RED_ZONE + GRAFT_SIGFRAME_MAX)
		return false;
	// XSTATE_BV: what is not in it has its initial state, and need not be
	// written. The area may be larger than the kernel accepts for a thread
	// that never asked for AMX; what is in use never is.
	uint64_t features;
	memcpy(&features, state->xstate + FX_LEN, sizeof(features));
	// AVX is restored where there is any.
	features |= BASE_FEATURES & ~(state->layout->ends[2] ? 0 : AVX_FEATURE);
	size_t len = area_len(state->layout, features);
	if (len > state->xstate_len)
		return false;

	uint64_t top = state->regs.rsp - GRAFT_RED_ZONE;
	uint64_t fpstate = (top - len - sizeof(MAGIC2)) & ~UINT64_C(63);
	// As at a handler's entry: 8 modulo 16.
	uint64_t addr = ((fpstate - sizeof(struct frame)) & ~UINT64_C(15)) - 8;
	ret->addr = addr;
	ret->len = (size_t)(top - addr);
	memset(ret->bytes, 0, ret->len);

	struct frame frame = {
		.return_to = restore,
		.flags = FLAG_XSTATE | FLAG_SS | FLAG_STRICT_SS,
		// Nobody outside can ask for the thread's alternate stack. The
		// kernel ignores one that it does not understand ("squash all
		// but EFAULT", restore_altstack()), and keeps what there is.
		.stack_mode = BAD_STACK_MODE,
		.mask = state->mask,
	};
	copy_regs(&state->regs, &frame.context);
	frame.context.fpstate = fpstate;
	memcpy(ret->bytes, &frame, sizeof(frame));

	uint8_t *area = ret->bytes + (fpstate - addr);
	memcpy(area, state->xstate, len);
	const struct fx_sw sw = {
		.magic1 = MAGIC1,
		.extended_len = (uint32_t)(len + sizeof(MAGIC2)),
		.features = features,
		.len = (uint32_t)len,
	};
	memcpy(area + FX_SW_OFF, &sw, sizeof(sw));
	memcpy(area + len, &MAGIC2, sizeof(MAGIC2));
	return true;
}
