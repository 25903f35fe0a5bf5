// SPDX-License-Identifier: Apache-2.0

/** @file Which way a process is switched. */

#ifndef GRAFT_APPLY_WAY_H
#define GRAFT_APPLY_WAY_H

/** Which way to switch. */
enum graft_switch_way {
	/** Old code -> carried code; no thread may be in old fragments. */
	GRAFT_SWITCH_IN,
	/** Carried code -> old code; no thread may be in the shadow. */
	GRAFT_SWITCH_OUT,
};

#endif /* GRAFT_APPLY_WAY_H */
