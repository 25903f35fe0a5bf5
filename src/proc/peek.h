// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A few bytes of a process that is not opened as a target: to find out whether it is
 * worth that.
 */

#ifndef GRAFT_PROC_PEEK_H
#define GRAFT_PROC_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * Read memory of a process.
 *
 * @param[in] pid Process; its first thread lives.
 * @param[in] addr First address in the process.
 * @param[out] buf Gets @p len bytes, if this returns true.
 * @return false: they are not there, or not ours to see.
 */
bool
graft_peek(pid_t pid, uint64_t addr, void *buf, size_t len);

#endif /* GRAFT_PROC_PEEK_H */
