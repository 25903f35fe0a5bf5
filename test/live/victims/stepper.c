// SPDX-License-Identifier: Apache-2.0

// Leaves a thread, stopped, between the first bytes of a function: stepper TID
// ADDRESS. The thread calls that function again and again.

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <signal.h>

enum { STEPS = 1000000, JUMP = 5 };

static unsigned long
place_of(pid_t tid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0)
		exit(2);
	return regs.rip;
}

int
main(int argc, char **argv)
{
	int status;

	if (argc != 3)
		return 1;
	pid_t tid = atoi(argv[1]);
	unsigned long entry = strtoul(argv[2], NULL, 16);
	if (ptrace(PTRACE_SEIZE, tid, 0, 0) != 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0 ||
	    waitpid(tid, &status, __WALL) != tid)
		return 1;
	for (int i = 0; i < STEPS; i++) {
		unsigned long at = place_of(tid);
		if (at > entry && at < entry + JUMP) {
			(void)ptrace(PTRACE_DETACH, tid, 0, SIGSTOP);
			printf("there\n");
			return 0;
		}
		if (ptrace(PTRACE_SINGLESTEP, tid, 0, 0) != 0 ||
		    waitpid(tid, &status, __WALL) != tid)
			return 1;
	}
	return 3;
}
