// SPDX-License-Identifier: Apache-2.0

/** @file What a thread waits for. */

#ifndef GRAFT_PROC_WAITING_H
#define GRAFT_PROC_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/**
 * Say in which system call a thread was stopped: "; it waits in system call read on
 * descriptor 3 until that returns". Empty for one that was in none.
 *
 * @param[in] regs Its registers, as they were read when it was stopped.
 * @param[out] buf NUL-terminated.
 */
void
graft_waiting_say(const struct user_regs_struct *regs, char *buf, size_t len);

/** As graft_waiting_say(), of a thread that nobody stopped. */
void
graft_waiting_look(pid_t pid, pid_t tid, char *buf, size_t len);

/**
 * Say whether a thread that nobody stops waits at a certain place.
 *
 * @param[in] sp Its stack pointer there.
 * @param[in] pc Where it goes on.
 * @return false also if that is not known.
 */
bool
graft_waiting_is_at(pid_t pid, pid_t tid, uint64_t sp, uint64_t pc);

#endif /* GRAFT_PROC_WAITING_H */
