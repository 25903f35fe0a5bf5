// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The seccomp filters of a thread, and what they say to calls that we would have
 * it make. For this folder; graft_target_check_filters() is in proc/target.h.
 */

#ifndef GRAFT_PROC_SECCOMP_H
#define GRAFT_PROC_SECCOMP_H

#include "proc/bpf.h"
#include "proc/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** Filters of one thread, the newest first. All zeroes: none. */
struct graft_filters {
	/** One after the other. */
	struct sock_filter *code;
	/** Instructions of each. */
	size_t *lens;
	size_t count;
	/** No filter, but read at the same moment: the thread has a shadow stack. */
	bool shadow_stack;
};

/** What filters say to a call, from the best. */
enum graft_filters_answer {
	/** It is made. */
	GRAFT_FILTERS_ALLOW,
	/** It fails and nothing else happens. */
	GRAFT_FILTERS_FAIL,
	/** The thread or process dies or gets a signal, somebody else is asked,
	 * or nobody can know. */
	GRAFT_FILTERS_DEADLY,
};

/** Free what filters own. Also the guard. */
void
graft_filters_deinit(struct graft_filters *filters);

/**
 * Say whether a thread is known to have no filter, not to be in strict mode and to have
 * no shadow stack: by ptrace(2) alone, which takes a tenth of the time that its status
 * file takes. For while it stands.
 *
 * @param[in] tid Seized by us and stopped.
 * @param[in] regs Its registers.
 * @return false also if that cannot be told.
 */
bool
graft_filters_none(pid_t tid, const struct user_regs_struct *regs);

/**
 * Read the filters of a thread.
 *
 * @param[in] tid Seized by us and stopped.
 * @param[out] ret All zeroes before; free with graft_filters_deinit().
 * @return NULL; #GRAFT_ERROR_REFUSED if it has filters that cannot be read
 * (without CAP_SYS_ADMIN, on a kernel without CONFIG_CHECKPOINT_RESTORE, or if we
 * have a filter ourselves), or is in strict mode.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_filters_read(pid_t tid, struct graft_filters *ret);

/** Ask all filters about a call. Without filters it is allowed. */
enum graft_filters_answer
graft_filters_ask(const struct graft_filters *filters,
		  const struct graft_bpf_call *call);

/**
 * Ask all filters about calls that a thread is to make for us: the calls, the way
 * back (rt_sigreturn), and what would undo a mapping.
 *
 * @return The worst answer; #GRAFT_FILTERS_DEADLY if the way back is not allowed.
 */
enum graft_filters_answer
graft_filters_ask_all(const struct graft_filters *filters,
		      const struct graft_target_call *calls, size_t count);

/** Make a refusal that names a thread. */
GRAFT_MUST_CHECK struct graft_error *
graft_filters_refuse(pid_t tid, const char *why);

#endif /* GRAFT_PROC_SECCOMP_H */
