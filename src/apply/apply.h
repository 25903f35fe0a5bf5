// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Carry a plan out: all of it or nothing.
 *
 *     intent -> ledger          graft_apply_run(), in the tool
 *     shadow -> process         in a guardian: apply/build.h, the target runs
 *     stop, check, jumps        in the guardian: apply/switch.h
 *     header page says applied  in the guardian
 *     outcome -> ledger         in the tool
 *
 * Whatever fails undoes what was done before it, the last first. Whoever is
 * killed leaves an open entry, and apply/recover.h does the rest.
 */

#ifndef GRAFT_APPLY_APPLY_H
#define GRAFT_APPLY_APPLY_H

#include "apply/switch.h"
#include "base/error.h"
#include "ledger/ledger.h"
#include "plan/plan.h"

#include <stdbool.h>

/**
 * Carry a plan out.
 *
 * @param[in] plan Made a moment ago; its target must be detached from.
 * @param[in] ledger Where intent and outcome go.
 * @param[in] limits How long to try.
 * @param[out] ret Pause and tries; written on error too.
 * @return NULL; what graft_switch_run() says; #GRAFT_ERROR_NO_SPACE_NEARBY or
 * #GRAFT_ERROR_REFUSED if the kernel gives no memory; #GRAFT_ERROR_LEDGER. On
 * error nothing is changed in the process, unless the guardian was killed or
 * graft_switch_result::unsettled is set; then the error says what became of it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_apply_run(const struct graft_plan *plan, struct graft_ledger *ledger,
		const struct graft_switch_limits *limits,
		struct graft_switch_result *ret);

#endif /* GRAFT_APPLY_APPLY_H */
