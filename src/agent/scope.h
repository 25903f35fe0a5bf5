// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Who is in the daemon's scope: the rules of its configuration, asked of one process.
 *
 * Without a rule that includes, all are in; else who meets one of them. Who meets a rule
 * that excludes is out whatever else holds.
 */

#ifndef GRAFT_AGENT_SCOPE_H
#define GRAFT_AGENT_SCOPE_H

#include "agent/config.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/** The rules, with the numbers of users. */
struct graft_agent_scope;

/** What rules are asked about of a process. */
struct graft_agent_subject {
	/** Name of its unit or container; NULL: none. */
	const char *unit;
	/** Its control group. */
	const char *cgroup;
	/** Effective user. */
	uid_t uid;
};

/**
 * Make a scope.
 *
 * @param[in] config Borrowed for as long as the scope lives.
 * @param[in] name What errors call the configuration.
 * @param[out] ret New; free with graft_agent_scope_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT with the line, if a user is not known.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_agent_scope_make(const struct graft_config *config, const char *name,
		       struct graft_agent_scope **ret);

/** Free a scope. NULL is a no-op. */
void
graft_agent_scope_free(struct graft_agent_scope *scope);
GRAFT_DEFINE_CLEANUP(struct graft_agent_scope, graft_agent_scope_free)

/** Say whether the rules take somebody in. */
bool
graft_agent_scope_has(const struct graft_agent_scope *scope,
		      const struct graft_agent_subject *subject);

/**
 * Say whether a process is in. Only what the rules ask for is read.
 *
 * @param[out] ret It is; false if it has ended.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_agent_scope_ask(const struct graft_agent_scope *scope, pid_t pid,
		      bool *ret);

#endif /* GRAFT_AGENT_SCOPE_H */
