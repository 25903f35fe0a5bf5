// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Take a hotpatch out of a process. The header pages in it are all that is
 * needed.
 *
 * The original bytes come back; the shadow stays mapped, because pointers to
 * carried functions and constants may live in the process. A later application
 * of the same hotpatch uses it again, so that no memory grows.
 */

#ifndef GRAFT_APPLY_REVERT_H
#define GRAFT_APPLY_REVERT_H

#include "apply/switch.h"
#include "base/error.h"
#include "ledger/ledger.h"

#include <stdbool.h>
#include <sys/types.h>

/**
 * Take a hotpatch out. Where it took the place of another one, that one comes back
 * if its shadow is there; else, and otherwise, the process runs OLD.
 *
 * @param[in] pid Process.
 * @param[in] id Id of the hotpatch.
 * @param[in] completely To OLD, whatever was before.
 * @param[in] ledger Where intent and outcome go.
 * @param[in] limits How long to try.
 * @param[out] ret Pause and tries; written on error too.
 * @return NULL; #GRAFT_ERROR_NOT_APPLIED; what graft_switch_run() says. On error
 * nothing is changed in the process, unless the guardian was killed or
 * graft_switch_result::unsettled is set; then the error says what became of it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_revert_run(pid_t pid, const char *id, bool completely,
		 struct graft_ledger *ledger,
		 const struct graft_switch_limits *limits,
		 struct graft_switch_result *ret);

#endif /* GRAFT_APPLY_REVERT_H */
