// SPDX-License-Identifier: Apache-2.0

/** @file The facts of this host, as far as they decide which updates it gets. */

#ifndef GRAFT_CMD_DEVICE_H
#define GRAFT_CMD_DEVICE_H

#include "base/error.h"
#include "release/eligible.h"

/** Find the ID of os-release(5): "debian"; "unknown" if there is none. */
void
graft_device_find_vendor(struct graft_fact *ret);

/**
 * Look at this host: what os-release(5) calls it, what its kernel lets us do, how much
 * space there is, and what STATE/device.conf says of its edition and levels.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT if device.conf is wrong, with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_device_look(struct graft_facts *ret);

/**
 * Write down what this host has now: in device.conf, whose other lines stay as they are.
 *
 * @param[in] baseline 0: it is on none that is known.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_device_raise(graft_level baseline, graft_level level);

#endif /* GRAFT_CMD_DEVICE_H */
