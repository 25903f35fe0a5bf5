// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The environment: the only place with getenv(3).
 *
 * env.def lists every variable that Graft looks at.
 */

#ifndef GRAFT_BASE_ENV_H
#define GRAFT_BASE_ENV_H

#include <stdbool.h>

/** A variable that Graft looks at. */
enum graft_env {
#define GRAFT_ENV(symbol, name, text) GRAFT_ENV_##symbol,
#include "base/env.def"
#undef GRAFT_ENV
	GRAFT_ENV_COUNT,
};

/**
 * Get the value of a variable.
 *
 * @return Value, or NULL if it is unset, empty, or the process runs with more
 * rights than its caller (secure_getenv(3)). Valid until somebody changes the
 * environment.
 */
const char *
graft_env_get(enum graft_env variable);

/** Get the name of a variable, as "GRAFT_STATE_DIR". Static. */
const char *
graft_env_name(enum graft_env variable);

/** Get where separate debug files are: GRAFT_DEBUG_DIR, or "/usr/lib/debug". */
const char *
graft_env_debug_dir(void);

/** Get the state directory: GRAFT_STATE_DIR, or "/var/lib/graft". */
const char *
graft_env_state_dir(void);

/**
 * Ask whether a stream gets colour: it is a terminal, NO_COLOR is not set, and
 * TERM is not "dumb".
 *
 * @param[in] fd Descriptor of the stream.
 */
bool
graft_env_color(int fd);

#endif /* GRAFT_BASE_ENV_H */
