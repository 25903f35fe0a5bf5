// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What a seccomp filter would answer: classic BPF (bpf(4)), run by us over a
 * system call that nobody made yet.
 *
 * A filter sees the number, the architecture, the address and the arguments of a
 * call and nothing else, so its answer is known beforehand where these are.
 */

#ifndef GRAFT_PROC_BPF_H
#define GRAFT_PROC_BPF_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A system call, as far as it is known. */
struct graft_bpf_call {
	uint32_t nr;
	uint64_t args[6];
	/** The arguments are known; where it is made never is. */
	bool args_known;
};

/**
 * Run a filter.
 *
 * @param[in] code Untrusted.
 * @param[in] len Instructions.
 * @param[in] call x86-64, of 64-bit code.
 * @param[out] ret SECCOMP_RET_* with its data.
 * @return false if the answer depends on what is not known, or if the code is
 * none that the kernel takes.
 */
bool
graft_bpf_run(const struct sock_filter *code, size_t len,
	      const struct graft_bpf_call *call, uint32_t *ret);

#endif /* GRAFT_PROC_BPF_H */
