// SPDX-License-Identifier: Apache-2.0

#include "base/env.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define GRAFT_ENV(symbol, name, text) [GRAFT_ENV_##symbol] = (name),
#include "base/env.def"
#undef GRAFT_ENV
};

const char *
graft_env_get(enum graft_env variable)
{
	const char *value = secure_getenv(graft_env_name(variable));

	return value && *value ? value : NULL;
}

const char *
graft_env_name(enum graft_env variable)
{
	assert(variable < GRAFT_ENV_COUNT);
	return names[variable];
}

const char *
graft_env_debug_dir(void)
{
	const char *dir = graft_env_get(GRAFT_ENV_DEBUG_DIR);

	return dir ? dir : "/usr/lib/debug";
}

const char *
graft_env_state_dir(void)
{
	const char *dir = graft_env_get(GRAFT_ENV_STATE_DIR);

	return dir ? dir : "/var/lib/graft";
}

bool
graft_env_color(int fd)
{
	const char *term = graft_env_get(GRAFT_ENV_TERM);

	return isatty(fd) && !graft_env_get(GRAFT_ENV_NO_COLOR) && term &&
	       strcmp(term, "dumb") != 0;
}
