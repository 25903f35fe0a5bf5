// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Named fault points: places where a test can make us fail or die.
 *
 * `GRAFT_FAULT=name` fails the first pass of the point `name`, `name:3` the third
 * and `name:3:kill` sends SIGKILL to ourselves there. A crash test loops over
 * all points (`grep -rho 'graft_fault("[^"]*"' src`) and over their passes until
 * a run ends without a fault. A point only makes us stop early; it never skips a
 * check.
 */

#ifndef GRAFT_BASE_FAULT_H
#define GRAFT_BASE_FAULT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/** What GRAFT_FAULT asks for. */
struct graft_fault_order {
	/** Name of the point. Borrowed from the text; not NUL-terminated. */
	const char *name;
	int name_len;
	/** Which pass, from 1. */
	uint32_t pass;
	/** SIGKILL instead of an error. */
	bool kill;
};

/**
 * Pass a fault point.
 *
 * Costs one lookup of the environment if no fault is asked for. Passes are
 * counted per process, over all threads.
 *
 * @param[in] name Name of the point, `folder-what`: "ledger-begin".
 * @return NULL; #GRAFT_ERROR_FAULT_POINT if the fault is here and now;
 * #GRAFT_ERROR_BAD_INPUT if GRAFT_FAULT cannot be understood.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fault(const char *name);

/**
 * Parse the value of GRAFT_FAULT.
 *
 * @param[in] text "name", "name:N" or "name:N:kill". Must outlive the order.
 * @param[out] ret The order.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fault_parse(const char *text, struct graft_fault_order *ret);

#endif /* GRAFT_BASE_FAULT_H */
