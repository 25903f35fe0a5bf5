// SPDX-License-Identifier: Apache-2.0

#include "proc/bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	/** A system call that no kernel has. */
	NOBODYS_CALL = 4242,
	/** Filters that are run by the kernel too. */
	FILTERS = 400,
	STEPS_MAX = 40,
};

#define LOAD(field)                                                            \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
a_call_is_told_by_its_number_and_arguments(void **state)
{
	(void)state;
	static const struct sock_filter code[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
		LOAD(args[2]),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct graft_bpf_call call = { .nr = SYS_mmap, .args_known = true };
	uint32_t action = 7;

	assert_true(graft_bpf_run(code, COUNT(code), &call, &action));
	assert_int_equal(action, SECCOMP_RET_ALLOW);
	call.args[2] = 5;
	assert_true(graft_bpf_run(code, COUNT(code), &call, &action));
	assert_int_equal(action, SECCOMP_RET_TRAP);
	call.args_known = false;
	assert_false(graft_bpf_run(code, COUNT(code), &call, &action));
	// Where the arguments are not asked for, they need not be known.
	call.nr = SYS_munmap;
	assert_true(graft_bpf_run(code, COUNT(code), &call, &action));
	assert_int_equal(action, SECCOMP_RET_ALLOW);
}

static void
the_address_of_a_call_is_never_known(void **state)
{
	(void)state;
	struct graft_bpf_call call = { .args_known = true };
	uint32_t action;

	for (uint32_t off = 8; off < 16; off += 4) {
		struct sock_filter code[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		};
		assert_false(graft_bpf_run(code, COUNT(code), &call, &action));
	}
}

static void
code_that_is_none_has_no_answer(void **state)
{
	(void)state;
	static const struct sock_filter bad[][2] = {
		// Beyond the data, between words, of another width.
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_ST, BPF_MEMWORDS),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32),
		  BPF_STMT(BPF_RET | BPF_A, 0) },
		// Jumps past the end, and no end.
		{ BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_A, 0) },
		{ BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX),
		  BPF_STMT(BPF_LD | BPF_IMM, 0) },
		{ BPF_STMT(BPF_LD | BPF_IMM, 0),
		  BPF_STMT(BPF_LD | BPF_IMM, 0) },
	};
	struct graft_bpf_call call = { .args_known = true };
	uint32_t action = 7;

	for (size_t i = 0; i < COUNT(bad); i++) {
		if (graft_bpf_run(bad[i], 2, &call, &action))
			fail_msg("%zu has an answer", i);
		assert_int_equal(action, 7);
	}
	assert_false(graft_bpf_run(NULL, 0, &call, &action));
}

static uint32_t
any(uint32_t below)
{
	return (uint32_t)random() % below;
}

/** An instruction that the kernel takes, with @p left behind it. */
static struct sock_filter
any_step(size_t left)
{
	static const uint16_t alu[] = { BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND,
					BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH };
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	// Everything but the address of the call, which differs.
	static const uint32_t offs[] = { 0,  4,  16, 20, 24, 28, 32,
					 36, 40, 44, 48, 52, 56, 60 };
	uint8_t far = (uint8_t)any(left < 255 ? (uint32_t)left : 255);
	uint8_t near = (uint8_t)any(left < 255 ? (uint32_t)left : 255);
	uint16_t op = alu[any(COUNT(alu))];
	uint32_t k = any(3) ? any(40) : (uint32_t)random();

	switch (any(10)) {
	case 0:
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    offs[any(COUNT(offs))]);
	case 2:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, k);
	case 3:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, k % 31);
	case 4:
		return (struct sock_filter)BPF_STMT(
			BPF_MISC | (any(2) ? BPF_TAX : BPF_TXA), 0);
	case 5:
		return (struct sock_filter)BPF_JUMP(
			(uint16_t)(BPF_JMP | jumps[any(COUNT(jumps))] |
				   (any(2) ? BPF_X : BPF_K)),
			k, far, near);
	case 6:
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_NEG, 0);
	case 7:
		return (struct sock_filter)BPF_STMT(
			(uint16_t)(any(2) ? BPF_LDX | BPF_W | BPF_LEN
					  : BPF_LD | BPF_W | BPF_LEN),
			0);
	case 8:
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_DIV | BPF_K,
						    k + !k);
	default:
		if (op == BPF_LSH || op == BPF_RSH)
			k %= 32;
		return (struct sock_filter)BPF_STMT(
			(uint16_t)(BPF_ALU | op | BPF_K), k);
	}
}

/** Have the kernel run a filter over a call. @return the number in its answer. */
static int
ask_kernel(struct sock_filter *code, size_t len,
	   const struct graft_bpf_call *call)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct sock_fprog program = { (unsigned short)len, code };
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
			_exit(255);
		long got = syscall(NOBODYS_CALL, call->args[0], call->args[1],
				   call->args[2], call->args[3], call->args[4],
				   call->args[5]);
		_exit(got < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
the_kernel_answers_the_same(void **state)
{
	(void)state;
	size_t compared = 0;

	srandom(7);
	for (int i = 0; i < FILTERS; i++) {
		struct sock_filter code[STEPS_MAX + 8];
		struct graft_bpf_call call = { .nr = NOBODYS_CALL,
					       .args_known = true };
		size_t len = 0;
		uint32_t action;
		for (int j = 0; j < 6; j++)
			call.args[j] = (uint64_t)random() << any(33);
		// The child must be able to end.
		code[len++] = (struct sock_filter)LOAD(nr);
		code[len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, NOBODYS_CALL, 1, 0);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   SECCOMP_RET_ALLOW);
		for (size_t left = 1 + any(STEPS_MAX); left > 0; left--)
			code[len++] = any_step(left);
		code[len++] = (struct sock_filter)BPF_STMT(
			BPF_ALU | BPF_AND | BPF_K, 0x7f);
		code[len++] = (struct sock_filter)BPF_STMT(
			BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
		int kernel = ask_kernel(code, len, &call);
		if (kernel == 255)
			continue;
		compared++;
		assert_true(graft_bpf_run(code, len, &call, &action));
		assert_int_equal(action & SECCOMP_RET_ACTION_FULL,
				 SECCOMP_RET_ERRNO);
		if ((int)(action & SECCOMP_RET_DATA) != kernel)
			fail_msg("filter %d: %d, the kernel says %d", i,
				 (int)(action & SECCOMP_RET_DATA), kernel);
	}
	if (compared < FILTERS / 2)
		skip();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_told_by_its_number_and_arguments),
		cmocka_unit_test(the_address_of_a_call_is_never_known),
		cmocka_unit_test(code_that_is_none_has_no_answer),
		cmocka_unit_test(the_kernel_answers_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
