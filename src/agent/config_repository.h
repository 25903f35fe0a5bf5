// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The lines of a configuration that say where releases come from, and who has a say in them.
 *
 *     repository = [NAME] URL     a repository, and repeated its mirrors
 *     trusted-root = [NAME] PATH
 *     agreement = all|first
 *     decides = NAME LINE
 *     packages = any|archive|repository
 *
 * Inside agent/ only; what they say is in struct graft_config.
 */

#ifndef GRAFT_AGENT_CONFIG_REPOSITORY_H
#define GRAFT_AGENT_CONFIG_REPOSITORY_H

#include "agent/config.h"
#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"

#include <stddef.h>

/** Free what a configuration owns of this. */
void
graft_config_repositories_deinit(struct graft_config *config);

/** Take a line `repository`. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_take_repository(struct graft_config *config,
			     const struct graft_setting *setting);

/** Take a line `trusted-root`. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_take_root(struct graft_config *config,
		       const struct graft_setting *setting);

/** Take a line `agreement`. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_take_agreement(struct graft_config *config,
			    const struct graft_setting *setting);

/** Take a line `decides`. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_take_decider(struct graft_config *config,
			  const struct graft_setting *setting);

/** Take a line `packages`. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_take_packages(struct graft_config *config,
			   const struct graft_setting *setting);

/** See that a value is that of a line `proxy`: "none", or a URL without a user's name or a path. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_check_proxy(const struct graft_setting *setting);

/** See that a value is that of a line `no-proxy`: names and addresses with ',' between. */
GRAFT_MUST_CHECK struct graft_error *
graft_config_check_no_proxy(const struct graft_setting *setting);

/**
 * See that what was said belongs together, and fill in the roots that are not named.
 *
 * @param[in] file What errors call it.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_config_end_repositories(struct graft_config *config, const char *file);

/** Append the lines of all these keys. */
void
graft_config_print_repositories(const struct graft_config *config,
				struct graft_text *text);

#endif /* GRAFT_AGENT_CONFIG_REPOSITORY_H */
