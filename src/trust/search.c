// SPDX-License-Identifier: Apache-2.0

// The search for a target through delegations, section 5.6.7: pre-order, depth first.

#include "base/hex.h"
#include "base/sha256.h"
#include "base/vec.h"
#include "trust/client_model.h"
#include "trust/limits.h"
#include "trust/pattern.h"

#include <string.h>

/** A role that is to be visited. Borrows from the metadata of its delegator. */
struct visit {
	const char *role;
	struct graft_authority authority;
};

struct search {
	const char *path;
	char path_hash[2 * GRAFT_SHA256_LEN + 1];
	/** The next one is the last. */
	struct visit *stack;
	size_t count;
	size_t cap;
	/** Names of the roles that were visited. */
	const char *visited[GRAFT_TRUST_VISITS_MAX + 1];
	size_t visited_count;
};

static void
search_deinit(struct search *search)
{
	free(search->stack);
}

/** Ask whether a role is delegated the path. */
static bool
is_delegated(const struct search *search, const struct graft_node *role)
{
	const struct graft_node *paths = graft_node_get(role, "paths");
	const struct graft_node *array =
		paths ? paths : graft_node_get(role, "path_hash_prefixes");
	const struct graft_node *first = graft_node_first(array);

	for (uint32_t i = 0; i < array->count; i++) {
		const char *text = first[i].text;
		if (paths ? graft_pattern_match(text, search->path)
			  : strncmp(text, search->path_hash, first[i].len) == 0)
			return true;
	}
	return false;
}

static bool
was_visited(const struct search *search, const char *role)
{
	for (size_t i = 0; i < search->visited_count; i++) {
		if (strcmp(search->visited[i], role) == 0)
			return true;
	}
	return false;
}

static void
reverse(struct visit *visits, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct visit other = visits[i];
		visits[i] = visits[count - 1 - i];
		visits[count - 1 - i] = other;
	}
}

/** Put the delegations of a role on the stack, so that its first comes next. */
GRAFT_MUST_CHECK static struct graft_error *
push_delegations(struct search *search, const struct graft_metadata *metadata)
{
	const struct graft_node *role = metadata->roles;
	uint32_t left = role ? role->count : 0;
	size_t before = search->count;

	for (role = role ? graft_node_first(role) : NULL; left > 0;
	     left--, role = graft_node_next(role)) {
		if (!is_delegated(search, role))
			continue;
		struct graft_error *err = graft_vec_reserve(
			&search->stack, &search->cap, search->count + 1,
			sizeof(*search->stack));
		if (err)
			return err;
		search->stack[search->count++] = (struct visit){
			.role = graft_node_get(role, "name")->text,
			.authority = { .keys = metadata->keys, .role = role },
		};
		if (!graft_node_is(graft_node_get(role, "terminating"),
				   GRAFT_NODE_TRUE))
			continue;
		// Nothing that comes behind it is asked, whoever delegated it.
		memmove(search->stack, search->stack + before,
			(search->count - before) * sizeof(*search->stack));
		search->count -= before;
		before = 0;
		break;
	}
	reverse(search->stack + before, search->count - before);
	return NULL;
}

/** Visit the roles on the stack until one says something of the target. */
GRAFT_MUST_CHECK static struct graft_error *
walk(struct graft_client *client, struct search *search,
     const struct graft_node **ret)
{
	const struct graft_metadata *metadata;

	while (search->count > 0) {
		const struct visit visit = search->stack[--search->count];
		if (was_visited(search, visit.role))
			continue;
		// The first is the targets of the root, which is no delegated one.
		if (search->visited_count > GRAFT_TRUST_VISITS_MAX)
			return graft_error_new(GRAFT_ERROR_NOT_FOUND,
					       "the first %d roles that might "
					       "have it do not",
					       GRAFT_TRUST_VISITS_MAX);
		struct graft_error *err = graft_client_targets(
			client, visit.role, &visit.authority, &metadata);
		if (err)
			return err;
		search->visited[search->visited_count++] = visit.role;
		*ret = graft_node_get(metadata->targets, search->path);
		if (*ret)
			return NULL;
		err = push_delegations(search, metadata);
		if (err)
			return err;
	}
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "the repository has no such target");
}

struct graft_error *
graft_client_find(struct graft_client *client, const char *path,
		  const struct graft_node **ret)
{
	GRAFT_CLEANUP(search_deinit) struct search search = { .path = path };
	uint8_t hash[GRAFT_SHA256_LEN];

	struct graft_error *err = graft_client_refresh(client);
	if (!err)
		err = graft_sha256(path, strlen(path), hash);
	if (!err)
		err = graft_vec_reserve(&search.stack, &search.cap, 1,
					sizeof(*search.stack));
	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), search.path_hash);
	search.stack[search.count++] = (struct visit){
		.role = "targets",
		.authority = graft_authority_of(client->root,
						GRAFT_METADATA_TARGETS),
	};
	err = walk(client, &search, ret);
	return err ? graft_error_prefix(err, "%s", path) : NULL;
}
