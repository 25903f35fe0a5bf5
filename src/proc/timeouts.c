// SPDX-License-Identifier: Apache-2.0

#include "proc/timeouts.h"

#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	/** Inside the kernel: the call is made again (include/linux/errno.h). */
	RESTART_NO_HANDLER = 514,
	/** So many are read from memory: each costs a system call in the stop. */
	READS_MAX = 64,
};

static const uint64_t HOUR_US = UINT64_C(3600) * 1000 * 1000;

void
graft_timeouts_add(struct graft_timeouts *timeouts, uint64_t us)
{
	if (us == 0 || us > HOUR_US)
		return;
	uint64_t *longest = &timeouts->us[63 - __builtin_clzll(us)];
	if (*longest < us)
		*longest = us;
}

/** Add what a struct timespec of the target says. */
static void
add_timespec(struct graft_target *target, uint64_t addr,
	     struct graft_timeouts *timeouts)
{
	struct timespec ts;

	if (!addr)
		return;
	struct graft_error *err = graft_target_read(target, addr, &ts,
						    sizeof(ts));
	if (!err && ts.tv_sec >= 0 && ts.tv_sec <= 3600 && ts.tv_nsec >= 0)
		graft_timeouts_add(timeouts,
				   (uint64_t)ts.tv_sec * 1000 * 1000 +
					   (uint64_t)ts.tv_nsec / 1000);
	graft_error_free(err);
}

void
graft_timeouts_read(struct graft_target *target, struct graft_timeouts *ret)
{
	size_t count;
	size_t reads = 0;
	const struct graft_thread *threads = graft_target_threads(target,
								  &count);

	*ret = (struct graft_timeouts){ 0 };
	for (size_t i = 0; i < count; i++) {
		const struct user_regs_struct *regs = &threads[i].regs;
		uint64_t addr = 0;
		if ((int64_t)regs->rax != -RESTART_NO_HANDLER)
			continue;
		switch ((int64_t)regs->orig_rax) {
		case SYS_epoll_wait:
		case SYS_epoll_pwait:
			if ((int32_t)regs->r10 > 0)
				graft_timeouts_add(
					ret,
					(uint64_t)(int32_t)regs->r10 * 1000);
			break;
		case 441: // epoll_pwait2, since Linux 5.11
		case SYS_semtimedop:
			addr = regs->r10;
			break;
		case SYS_rt_sigtimedwait:
			addr = regs->rdx;
			break;
		case SYS_io_getevents:
		case 333: // io_pgetevents, since Linux 4.18
			addr = regs->r8;
			break;
		default:
			break;
		}
		if (addr && reads++ < READS_MAX)
			add_timespec(target, addr, ret);
	}
}
