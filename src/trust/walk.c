// SPDX-License-Identifier: Apache-2.0

// All roles of targets, one after the other: for who wants everything.

#include "base/vec.h"
#include "trust/client_model.h"
#include "trust/limits.h"

#include <string.h>

/** Roles that were visited, and those that are to be. Names are owned. */
struct visits {
	char **names;
	/** Whose delegation led there; by its index. */
	size_t *parents;
	size_t count;
	size_t cap;
	size_t parent_cap;
};

static void
visits_deinit(struct visits *visits)
{
	for (size_t i = 0; i < visits->count; i++)
		free(visits->names[i]);
	free(visits->names);
	free(visits->parents);
}

/** Add a role, if it is not there. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct visits *visits, const char *name, size_t parent)
{
	for (size_t i = 0; i < visits->count; i++) {
		if (strcmp(visits->names[i], name) == 0)
			return NULL;
	}
	if (visits->count == GRAFT_TRUST_ROLES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "more than %d roles",
				       GRAFT_TRUST_ROLES_MAX);
	struct graft_error *err =
		graft_vec_reserve(&visits->names, &visits->cap,
				  visits->count + 1, sizeof(char *));
	if (!err)
		err = graft_vec_reserve(&visits->parents, &visits->parent_cap,
					visits->count + 1, sizeof(size_t));
	if (err)
		return err;
	visits->names[visits->count] = strdup(name);
	if (!visits->names[visits->count])
		return graft_error_no_memory();
	visits->parents[visits->count++] = parent;
	return NULL;
}

/** Find what a delegator says of a role. */
static const struct graft_node *
find(const struct graft_metadata *delegator, const char *name)
{
	uint32_t left = delegator->roles ? delegator->roles->count : 0;
	const struct graft_node *role =
		left ? graft_node_first(delegator->roles) : NULL;

	for (; left > 0; left--, role = graft_node_next(role)) {
		if (strcmp(graft_node_get(role, "name")->text, name) == 0)
			return role;
	}
	return NULL;
}

/** Get a role that was verified in this update. */
static const struct graft_metadata *
kept(const struct graft_client *client, const char *name)
{
	for (size_t i = 0; i < client->role_count; i++) {
		if (strcmp(client->roles[i].name, name) == 0)
			return client->roles[i].metadata;
	}
	return NULL;
}

/** Verify one role by whom led there, and note where it leads. */
GRAFT_MUST_CHECK static struct graft_error *
visit(struct graft_client *client, struct visits *visits, size_t at,
      const struct graft_metadata **ret)
{
	const char *name = visits->names[at];
	struct graft_authority authority =
		graft_authority_of(client->root, GRAFT_METADATA_TARGETS);

	if (at > 0) {
		const struct graft_metadata *delegator =
			kept(client, visits->names[visits->parents[at]]);
		authority.keys = delegator->keys;
		authority.role = find(delegator, name);
	}
	struct graft_error *err = graft_client_targets(client, name, &authority,
						       ret);
	if (err)
		return err;
	uint32_t left = (*ret)->roles ? (*ret)->roles->count : 0;
	const struct graft_node *role = left ? graft_node_first((*ret)->roles)
					     : NULL;
	for (; !err && left > 0; left--, role = graft_node_next(role))
		err = add(visits, graft_node_get(role, "name")->text, at);
	return err;
}

struct graft_error *
graft_client_each_role(struct graft_client *client, graft_client_role_fn *fn,
		       void *arg)
{
	GRAFT_CLEANUP(visits_deinit) struct visits visits = { 0 };
	struct graft_error *err = graft_client_refresh(client);

	if (!err)
		err = add(&visits, "targets", 0);
	for (size_t at = 0; !err && at < visits.count; at++) {
		const struct graft_metadata *metadata;
		err = visit(client, &visits, at, &metadata);
		if (!err)
			err = fn(arg, visits.names[at], metadata);
	}
	return err;
}

uint64_t
graft_client_version(const struct graft_client *client, const char *role)
{
	const struct graft_metadata *metadata =
		strcmp(role, "root") == 0        ? client->root
		: strcmp(role, "timestamp") == 0 ? client->timestamp
		: strcmp(role, "snapshot") == 0  ? client->snapshot
						 : kept(client, role);

	return metadata ? metadata->version : 0;
}
