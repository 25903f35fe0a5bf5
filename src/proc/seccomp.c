// SPDX-License-Identifier: Apache-2.0

#include "proc/seccomp.h"

#include "proc/status.h"
#include "proc/tracee.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum {
	/** PTRACE_SECCOMP_GET_FILTER, since Linux 4.4. */
	GET_FILTER = 0x420c,
	/** The kernel's own limits: filters weigh at most 32768 instructions. */
	FILTERS_MAX = 32768,
	/** NT_X86_SHSTK, since Linux 6.6, which was the first with shadow stacks. */
	NOTE_SHADOW_STACK = 0x204,
	/** Results of calls that wait, and that the kernel makes again. */
	RESTART_FIRST = 512,
	RESTART_LAST = 516,
};

void
graft_filters_deinit(struct graft_filters *filters)
{
	free(filters->code);
	free(filters->lens);
	*filters = (struct graft_filters){ 0 };
}

struct graft_error *
graft_filters_refuse(pid_t tid, const char *why)
{
	return graft_error_new(GRAFT_ERROR_REFUSED, "seccomp: thread %d %s",
			       (int)tid, why);
}

/**
 * Say whether a thread waits in a call that strict mode would have killed it for. That
 * mode is entered in a call of its own (prctl, seccomp) that never waits, so the thread
 * was not in it when it began to wait, and is not in it now.
 */
static bool
cannot_be_strict(const struct user_regs_struct *regs)
{
	int64_t result = -(int64_t)regs->rax;

	return (int64_t)regs->orig_rax >= 0 && result >= RESTART_FIRST &&
	       result <= RESTART_LAST && regs->orig_rax != SYS_read &&
	       regs->orig_rax != SYS_write && regs->orig_rax != SYS_exit &&
	       regs->orig_rax != SYS_rt_sigreturn;
}

/** Say whether the kernel shows filters: one without CONFIG_CHECKPOINT_RESTORE gives
 * the same answer as for a thread that has none. It does not know this call either. */
static bool
shows_filters(void)
{
	int *addr;

	return prctl(PR_GET_TID_ADDRESS, &addr) == 0;
}

bool
graft_filters_none(pid_t tid, const struct user_regs_struct *regs)
{
	uint64_t stack;
	struct iovec iov = { &stack, sizeof(stack) };

	if (!cannot_be_strict(regs) || !shows_filters())
		return false;
	// EINVAL: it is not in the mode with filters. Who may not ask gets EACCES, who
	// has a filter gets its length.
	errno = 0;
	if (ptrace((enum __ptrace_request)GET_FILTER, tid, NULL, NULL) != -1 ||
	    errno != EINVAL)
		return false;
	// ENODEV: it has none; EINVAL: the kernel knows of none. Another answer is a
	// shadow stack, or none at all.
	return ptrace(PTRACE_GETREGSET, tid, (long)NOTE_SHADOW_STACK, &iov) ==
		       -1 &&
	       (errno == ENODEV || errno == EINVAL);
}

/** Read one filter behind those that are there. @return 1, 0 at the end, -1. */
static int
read_one(pid_t tid, struct graft_filters *filters, size_t *used)
{
	long len = ptrace((enum __ptrace_request)GET_FILTER, tid,
			  (void *)filters->count, NULL);
	if (len <= 0)
		return errno == ENOENT ? 0 : -1;
	if (*used + (size_t)len > FILTERS_MAX)
		return -1;
	struct sock_filter *code =
		reallocarray(filters->code, *used + (size_t)len, sizeof(*code));
	size_t *lens = reallocarray(filters->lens, filters->count + 1,
				    sizeof(*lens));
	if (code)
		filters->code = code;
	if (lens)
		filters->lens = lens;
	if (!code || !lens)
		return -1;
	if (ptrace((enum __ptrace_request)GET_FILTER, tid,
		   (void *)filters->count, code + *used) != len)
		return -1;
	lens[filters->count++] = (size_t)len;
	*used += (size_t)len;
	return 1;
}

struct graft_error *
graft_filters_read(pid_t tid, struct graft_filters *ret)
{
	struct graft_proc_status status = { 0 };
	size_t used = 0;
	int got = 1;
	struct graft_error *err = graft_proc_status_glance(tid, &status);
	if (err)
		return err;
	if (status.seccomp == SECCOMP_MODE_DISABLED) {
		ret->shadow_stack = status.shadow_stack;
		return NULL;
	}
	if (status.seccomp == SECCOMP_MODE_STRICT)
		return graft_filters_refuse(
			tid, "is in strict mode: a system call would "
			     "kill it");
	GRAFT_CLEANUP(graft_filters_deinit)
	struct graft_filters filters = { 0 };
	while (got > 0)
		got = read_one(tid, &filters, &used);
	if (got < 0 || filters.count == 0 ||
	    (status.seccomp_filters && status.seccomp_filters != filters.count))
		return graft_filters_refuse(
			tid, "has a filter that cannot be read (it needs "
			     "CAP_SYS_ADMIN, and a kernel with "
			     "CONFIG_CHECKPOINT_RESTORE)");
	filters.shadow_stack = status.shadow_stack;
	*ret = filters;
	filters = (struct graft_filters){ 0 };
	return NULL;
}

static enum graft_filters_answer
answer_of(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return GRAFT_FILTERS_ALLOW;
	case SECCOMP_RET_ERRNO:
		return GRAFT_FILTERS_FAIL;
	default:
		// Also those that ask somebody: a tracer that is not there, a
		// supervisor that may never answer.
		return GRAFT_FILTERS_DEADLY;
	}
}

enum graft_filters_answer
graft_filters_ask(const struct graft_filters *filters,
		  const struct graft_bpf_call *call)
{
	enum graft_filters_answer worst = GRAFT_FILTERS_ALLOW;
	const struct sock_filter *code = filters->code;

	for (size_t i = 0; i < filters->count; i++) {
		uint32_t action;
		if (!graft_bpf_run(code, filters->lens[i], call, &action))
			return GRAFT_FILTERS_DEADLY;
		enum graft_filters_answer answer = answer_of(action);
		if (answer > worst)
			worst = answer;
		code += filters->lens[i];
	}
	return worst;
}

enum graft_filters_answer
graft_filters_ask_all(const struct graft_filters *filters,
		      const struct graft_target_call *calls, size_t count)
{
	struct graft_bpf_call call = { .nr = SYS_rt_sigreturn };
	enum graft_filters_answer worst = GRAFT_FILTERS_ALLOW;

	// A call that fails can be made with the filters at rest. The return
	// cannot: it is what a thread does whose tracer was killed.
	if (graft_filters_ask(filters, &call) != GRAFT_FILTERS_ALLOW)
		return GRAFT_FILTERS_DEADLY;
	for (size_t i = 0; i < count; i++) {
		call.nr = (uint32_t)calls[i].nr;
		call.args_known = true;
		memcpy(call.args, calls[i].args, sizeof(call.args));
		for (int undo = 0; undo <= (calls[i].nr == SYS_mmap); undo++) {
			enum graft_filters_answer answer =
				graft_filters_ask(filters, &call);
			if (answer > worst)
				worst = answer;
			call.nr = SYS_munmap;
			memset(call.args + 2, 0, 4 * sizeof(*call.args));
		}
	}
	return worst;
}
