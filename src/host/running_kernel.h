// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Which package the kernel that runs came from: an upgrade of a kernel changes nothing in
 * memory until the next boot, and no process maps it.
 */

#ifndef GRAFT_HOST_RUNNING_KERNEL_H
#define GRAFT_HOST_RUNNING_KERNEL_H

#include <stdbool.h>

/** Say whether a source package is a kernel, or leads to one: "linux", "linux-signed-amd64". */
bool
graft_running_kernel_is_of(const char *source);

/**
 * Find the version of its package in what a kernel says of itself.
 *
 * @param[in] said As uname(2) has it in `version`: "#1 SMP Debian 6.1.115-1 (2024-11-01)".
 * @param[out] ret The version; "" if it does not say.
 */
void
graft_running_kernel_version(const char *said, char ret[128]);

/**
 * Say whether the kernel that runs has what a version of its source package has.
 *
 * @param[in] running As graft_running_kernel_version() returns it; "" has nothing.
 * @param[in] version Of a binary package, which may name it behind one of its own:
 * "7.1.0+6.1.115-1".
 */
bool
graft_running_kernel_has(const char *running, const char *version);

#endif /* GRAFT_HOST_RUNNING_KERNEL_H */
