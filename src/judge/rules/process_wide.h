// SPDX-License-Identifier: Apache-2.0

/** @file Imports that set something of the whole process, and what it matters to. */

#ifndef GRAFT_JUDGE_PROCESS_WIDE_H
#define GRAFT_JUDGE_PROCESS_WIDE_H

#include <stdbool.h>

/** Say whether an import sets what stays with the process: umask, signal. */
bool
graft_process_wide_is(const char *import);

/** Say whether what an import does goes by what another one set, or sets it, too. */
bool
graft_process_wide_matters(const char *set_by, const char *import);

#endif /* GRAFT_JUDGE_PROCESS_WIDE_H */
