// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Named fault points: places where a test can make us fail or die.
 *
 * `GRAFT_FAULT=name` fails the first pass of the point `name`, `name:3` the third,
 * `name:*` all, and `name:3:kill` sends SIGKILL to ourselves there. Several stand
 * with commas between: `apply-jump:2:fail,undo-jump:*:fail` is a switch that fails
 * and cannot be undone either. docs/fault-points.md lists the points; a test loops
 * over all of them and over their passes until a run ends without a fault. A point
 * only makes us stop early; it never skips a check.
 */

#ifndef GRAFT_BASE_FAULT_H
#define GRAFT_BASE_FAULT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** How many faults can be asked for at once. */
	GRAFT_FAULT_ORDERS_MAX = 8,
	/** Instead of a number: each pass. */
	GRAFT_FAULT_EVERY_PASS = 0,
};

/** One fault. */
struct graft_fault_order {
	/** Name of the point. Borrowed from the text; not NUL-terminated. */
	const char *name;
	int name_len;
	/** Which pass, from 1, or #GRAFT_FAULT_EVERY_PASS. */
	uint32_t pass;
	/** SIGKILL instead of an error. */
	bool kill;
};

/** What GRAFT_FAULT asks for. */
struct graft_fault_orders {
	struct graft_fault_order orders[GRAFT_FAULT_ORDERS_MAX];
	size_t count;
};

/**
 * Pass a fault point.
 *
 * Costs one lookup of the environment if no fault is asked for. Passes are
 * counted per process, over all threads; a child goes on from its parent's count.
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
 * @param[in] text "NAME", "NAME:N", "NAME:N:kill", "NAME:N:fail", with "*" for N
 * too; several with commas between. Must outlive the orders.
 * @param[out] ret The orders.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_fault_parse(const char *text, struct graft_fault_orders *ret);

#endif /* GRAFT_BASE_FAULT_H */
