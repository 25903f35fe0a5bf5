// SPDX-License-Identifier: Apache-2.0

#include "proc/sigframe.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

static uint8_t xstate[GRAFT_XSTATE_MAX];
static struct graft_sigframe frame;
/** AVX, the masks of AVX-512, its upper halves, its upper registers. */
static const struct graft_sigframe_layout layout = {
	.ends = { [2] = 832, [5] = 896, [6] = 1408, [7] = 2432 },
};

static struct graft_sigframe_state
some_state(void)
{
	return (struct graft_sigframe_state){
		.regs = { .rsp = 0x7ffdeadbeef8,
			  .rip = 0x401002,
			  .rax = 5,
			  .r15 = 15,
			  .cs = 0x33,
			  .ss = 0x2b,
			  .eflags = 0x246,
			  .orig_rax = UINT64_MAX },
		.mask = 0x1122334455667788,
		.xstate = xstate,
		.xstate_len = 2816,
		.layout = &layout,
	};
}

static void
a_frame_lies_below_the_red_zone_and_is_aligned(void **state)
{
	(void)state;
	struct graft_sigframe_state s = some_state();
	for (uint64_t i = 0; i < 64; i++) {
		s.regs.rsp = 0x7ffdeadbe000 + i * 8;
		assert_true(graft_sigframe_build(&s, 0x1234, &frame));
		assert_int_equal(frame.addr + frame.len,
				 s.regs.rsp - GRAFT_RED_ZONE);
		assert_int_equal(frame.addr % 16, 8);
		const ucontext_t *uc = (const void *)(frame.bytes + 8);
		uint64_t fpstate = (uint64_t)uc->uc_mcontext.fpregs;
		assert_int_equal(fpstate % 64, 0);
		assert_in_range(fpstate, frame.addr + 440,
				frame.addr + frame.len - 580);
	}
}

static void
a_frame_holds_registers_mask_and_magics(void **state)
{
	(void)state;
	struct graft_sigframe_state s = some_state();
	assert_true(graft_sigframe_build(&s, 0x1234, &frame));
	uint64_t word;
	memcpy(&word, frame.bytes, 8);
	assert_int_equal(word, 0x1234);
	// glibc's layout is the kernel's up to the signal mask.
	const ucontext_t *uc = (const void *)(frame.bytes + 8);
	assert_int_equal(uc->uc_flags, 7);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RSP], s.regs.rsp);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RIP], 0x401002);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RAX], 5);
	assert_int_equal(uc->uc_mcontext.gregs[REG_R15], 15);
	assert_int_equal(uc->uc_mcontext.gregs[REG_EFL], 0x246);
	memcpy(&word, &uc->uc_sigmask, 8);
	assert_int_equal(word, s.mask);
	// Neither enabled, disabled nor in use: the kernel leaves it alone.
	assert_int_equal(uc->uc_stack.ss_flags, 0x7fff);

	const uint8_t *area = frame.bytes +
			      ((uint64_t)uc->uc_mcontext.fpregs - frame.addr);
	uint32_t magic, len;
	memcpy(&magic, area + 464, 4);
	assert_int_equal(magic, 0x46505853);
	memcpy(&len, area + 464 + 16, 4);
	assert_true(len >= 576 && len <= s.xstate_len);
	memcpy(&magic, area + len, 4);
	assert_int_equal(magic, 0x46505845);
}

static void
an_area_of_impossible_size_is_refused(void **state)
{
	(void)state;
	struct graft_sigframe_state s = some_state();
	s.xstate_len = 575;
	assert_false(graft_sigframe_build(&s, 1, &frame));
	s.xstate_len = GRAFT_XSTATE_MAX + 1;
	assert_false(graft_sigframe_build(&s, 1, &frame));
	// A header that names more than there is.
	uint64_t features = UINT64_C(1) << 9;
	s.xstate_len = 600;
	memcpy(xstate + 512, &features, 8);
	assert_false(graft_sigframe_build(&s, 1, &frame));
	// One of which nobody knows where it ends, though there is room.
	features = UINT64_C(1) << 3;
	s = some_state();
	memcpy(xstate + 512, &features, 8);
	assert_false(graft_sigframe_build(&s, 1, &frame));
	features = UINT64_C(1) << 7;
	memcpy(xstate + 512, &features, 8);
	assert_true(graft_sigframe_build(&s, 1, &frame));
	s.xstate_len = 2431;
	assert_false(graft_sigframe_build(&s, 1, &frame));
	memset(xstate, 0, sizeof(xstate));
	s = some_state();
	s.regs.rsp = 100;
	assert_false(graft_sigframe_build(&s, 1, &frame));
}

static void
this_processor_says_where_its_features_end(void **state)
{
	struct graft_sigframe_layout ours;

	(void)state;
	graft_sigframe_layout_read(&ours);
	// AVX has one place everywhere (Intel SDM, volume 1, 13.5.6).
	assert_int_equal(ours.ends[2], __builtin_cpu_supports("avx") ? 832 : 0);
	for (int i = 3; i < GRAFT_XSTATE_FEATURES; i++)
		assert_true(ours.ends[i] == 0 || ours.ends[i] > 576);
}

static void
an_interrupted_call_is_made_again(void **state)
{
	(void)state;
	struct user_regs_struct regs = some_state().regs;
	static const int again[] = { 512, 513, 514, 516 };
	regs.orig_rax = 35;
	for (size_t i = 0; i < 4; i++) {
		regs.rax = (uint64_t)-again[i];
		struct user_regs_struct got = graft_sigframe_regs_again(&regs);
		assert_int_equal(got.rip, 0x401000);
		assert_int_equal(got.rax, 35);
	}
	// What came to an end is not: neither with success nor with EINTR,
	// and not outside of a call.
	regs.rax = (uint64_t)-EINTR;
	assert_int_equal(graft_sigframe_regs_again(&regs).rip, 0x401002);
	regs.rax = 0;
	assert_int_equal(graft_sigframe_regs_again(&regs).rip, 0x401002);
	regs.rax = (uint64_t)-512;
	regs.orig_rax = UINT64_MAX;
	assert_int_equal(graft_sigframe_regs_again(&regs).rip, 0x401002);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_frame_lies_below_the_red_zone_and_is_aligned),
		cmocka_unit_test(a_frame_holds_registers_mask_and_magics),
		cmocka_unit_test(an_area_of_impossible_size_is_refused),
		cmocka_unit_test(this_processor_says_where_its_features_end),
		cmocka_unit_test(an_interrupted_call_is_made_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
