// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of a mirror share. Inside repo/ only. */

#ifndef GRAFT_REPO_MIRROR_MODEL_H
#define GRAFT_REPO_MIRROR_MODEL_H

#include "base/text.h"
#include "repo/mirror.h"
#include "trust/client.h"
#include "trust/document.h"

#include <stdio.h>

/** A target that is to be there. */
struct graft_mirror_target {
	/** "a/HASH.b"; owned. */
	char *name;
	/** Digits: the first part of the name's end. */
	const char *hash;
	/** Its path, and its object; both belong to the client. */
	const char *path;
	const struct graft_node *node;
};

struct graft_mirror {
	struct graft_mirror_config config;
	char *trusted;
	char *metadata_url;
	struct graft_client *client;
	/** By name, each once. */
	struct graft_mirror_target *targets;
	size_t target_count;
	size_t target_cap;
	/** Names of roles beside the four. */
	char **roles;
	size_t role_count;
	size_t role_cap;
};

/** Join names to a path. @param[out] ret The caller frees it. */
GRAFT_PRINTF(2)
GRAFT_MUST_CHECK struct graft_error *
graft_mirror_path(char **ret, const char *fmt, ...);

#endif /* GRAFT_REPO_MIRROR_MODEL_H */
