// SPDX-License-Identifier: Apache-2.0

/** @file What this kernel lets us do to processes, tried on ourselves. */

#ifndef GRAFT_PROC_KERNEL_H
#define GRAFT_PROC_KERNEL_H

#include <stdbool.h>

/** What a kernel lets us do. */
struct graft_kernel {
	/** ptrace(2) is not forbidden to all (Yama's ptrace_scope is not 3). */
	bool ptrace;
	/** /proc/PID/mem writes to pages that are read-only (proc_mem.force_override= of the
	 * kernel's command line, Linux 6.12, may say otherwise). */
	bool memory;
	/** pidfd_open(2), Linux 5.3. */
	bool pidfd;
	/** kcmp(2) is built in. */
	bool kcmp;
};

/** Look what there is. Changes nothing. */
struct graft_kernel
graft_kernel_look(void);

#endif /* GRAFT_PROC_KERNEL_H */
