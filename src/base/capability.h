// SPDX-License-Identifier: Apache-2.0

/** @file Which of root's rights we have. Who is root may lack some (capabilities(7)). */

#ifndef GRAFT_BASE_CAPABILITY_H
#define GRAFT_BASE_CAPABILITY_H

#include <stdbool.h>

/**
 * Say whether we have a capability now.
 *
 * @param[in] number CAP_SYS_PTRACE for example.
 * @return Also false if the kernel does not say.
 */
bool
graft_capability_has(int number);

#endif /* GRAFT_BASE_CAPABILITY_H */
