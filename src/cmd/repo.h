// SPDX-License-Identifier: Apache-2.0

/** @file The actions of `graft repo`. */

#ifndef GRAFT_CMD_REPO_H
#define GRAFT_CMD_REPO_H

#include "base/error.h"
#include "cmd/repo_options.h"

/** Does an action. */
typedef struct graft_error *
graft_repo_action_fn(struct graft_repo_options *options);

/** An action and what it takes. */
struct graft_repo_action {
	const char *name;
	graft_repo_action_fn *run;
	/** #graft_repo_option, or-ed. */
	unsigned int allowed;
	/** Words behind it, with the directory. */
	size_t min;
	size_t max;
};

/** Do the action that a command line names. As graft_verb_repo(). */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_act(int argc, char **argv, const char *usage,
	       const struct graft_repo_action *actions, size_t count,
	       int *status_ret);

/** Where the repository of a command line is. */
struct graft_repo_config
graft_repo_action_config(const struct graft_repo_options *options);

/** Has something staged. */
typedef struct graft_error *
graft_repo_stage_fn(struct graft_repo *repo,
		    struct graft_repo_options *options);

/**
 * Open the repository, have something staged, sign it with the keys at hand, and print what
 * is staged now.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_stage(struct graft_repo_options *options,
			graft_repo_stage_fn *fn);

/** `graft repo init`: make a repository. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_init(struct graft_repo_options *options);

/** `graft repo add`: stage targets. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_add(struct graft_repo_options *options);

/** `graft repo remove`: stage that targets go. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_remove(struct graft_repo_options *options);

/** `graft repo delegate`: stage a delegation. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_delegate(struct graft_repo_options *options);

/** `graft repo rotate`: stage other keys. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_rotate(struct graft_repo_options *options);

/** `graft repo sign`: sign what is staged. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_sign(struct graft_repo_options *options);

/** `graft repo publish`: make it live. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_publish(struct graft_repo_options *options);

/** `graft repo refresh`: sign a new timestamp, or stage a role anew. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_refresh(struct graft_repo_options *options);

/** `graft repo reset`: throw away what is staged. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_reset(struct graft_repo_options *options);

/** `graft repo status`: print what is live and what is staged. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_status(struct graft_repo_options *options);

/** `graft repo list`: print the targets. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_list(struct graft_repo_options *options);

/** `graft repo mirror`: bring a mirror up to date from a server. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_mirror(struct graft_repo_options *options);

/** `graft repo export`: write a bundle. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_export(struct graft_repo_options *options);

/** `graft repo import`: bring a mirror up to date from a bundle. */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_action_import(struct graft_repo_options *options);

#endif /* GRAFT_CMD_REPO_H */
