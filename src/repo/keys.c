// SPDX-License-Identifier: Apache-2.0

#include "repo/keys.h"

#include "base/vec.h"
#include "repo/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Of an id that somebody types; fewer would not be meant. */
	ID_SHORTEST = 4,
	MEMBERS_MAX = 12,
};

void
graft_repo_ring_deinit(struct graft_repo_ring *ring)
{
	for (size_t i = 0; i < ring->text_count; i++)
		free(ring->texts[i]);
	free(ring->texts);
	free(ring->keys);
}

/** Have a key in the object of keys. @param[in] json Copied. */
GRAFT_MUST_CHECK static struct graft_error *
note(struct graft_repo_ring *ring, const char *id, const char *json)
{
	for (size_t i = 0; i < ring->count; i++) {
		if (strcmp(ring->keys[i].key, id) == 0)
			return NULL;
	}
	struct graft_error *err = graft_vec_reserve(
		&ring->keys, &ring->cap, ring->count + 1, sizeof(*ring->keys));
	if (!err)
		err = graft_vec_reserve(&ring->texts, &ring->text_cap,
					ring->text_count + 2, sizeof(char *));
	if (err)
		return err;
	char *own_id = ring->texts[ring->text_count++] = strdup(id);
	char *own_json = ring->texts[ring->text_count++] = strdup(json);
	if (!own_id || !own_json)
		return graft_error_no_memory();
	ring->keys[ring->count++] = (struct graft_json_member){ own_id,
								own_json };
	return NULL;
}

void
graft_repo_put_keys(struct graft_repo_ring *ring, struct graft_text *out)
{
	graft_json_put_merged(out, NULL, ring->keys, ring->count);
}

static bool
begins(const char *id, const char *with)
{
	return strlen(with) >= ID_SHORTEST &&
	       strncmp(id, with, strlen(with)) == 0;
}

/** Say whether an id is one that is to go. */
static bool
goes(const struct graft_repo_rotation *rotation, const char *id)
{
	for (size_t i = 0; rotation && i < rotation->remove_count; i++) {
		if (begins(id, rotation->remove[i]))
			return true;
	}
	return false;
}

/** See that each id that is to go means one key of the role. */
GRAFT_MUST_CHECK static struct graft_error *
check_removed(const struct graft_node *keyids,
	      const struct graft_repo_rotation *rotation)
{
	for (size_t i = 0; i < rotation->remove_count; i++) {
		const struct graft_node *at = keyids ? graft_node_first(keyids)
						     : NULL;
		size_t found = 0;
		for (uint32_t k = 0; keyids && k < keyids->count; k++)
			found += begins(at[k].text, rotation->remove[i]);
		if (found != 1)
			return graft_error_new(
				GRAFT_ERROR_NOT_FOUND,
				"%s: %s of the role has such an id",
				rotation->remove[i],
				found ? "more than one key" : "no key");
	}
	return NULL;
}

/** Append one id to an array, if it is not there; and note its key. */
GRAFT_MUST_CHECK static struct graft_error *
put_id(struct graft_repo_ring *ring, struct graft_text *ids, const char *id,
       const char *json)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text quoted = { 0 };

	graft_json_put_string(&quoted, id, strlen(id));
	if (quoted.failed)
		return graft_error_no_memory();
	if (strstr(graft_text_str(ids), graft_text_str(&quoted)))
		return NULL;
	graft_text_printf(ids, "%s%s", ids->len > 1 ? "," : "",
			  graft_text_str(&quoted));
	return note(ring, id, json);
}

/** Append the ids that a role had and keeps. */
GRAFT_MUST_CHECK static struct graft_error *
put_kept(struct graft_repo_ring *ring, const struct graft_node *keyids,
	 const struct graft_repo_rotation *rotation, struct graft_text *ids)
{
	const struct graft_node *at = keyids ? graft_node_first(keyids) : NULL;

	for (uint32_t i = 0; keyids && i < keyids->count; i++) {
		GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };
		const struct graft_node *key = graft_node_get(ring->old,
							      at[i].text);
		if (goes(rotation, at[i].text))
			continue;
		// A key that nobody knows signs nothing: it stays behind.
		if (!key)
			continue;
		graft_json_put_node(&json, key);
		struct graft_error *err =
			json.failed ? graft_error_no_memory()
				    : put_id(ring, ids, at[i].text, json.str);
		if (err)
			return err;
	}
	return NULL;
}

struct graft_error *
graft_repo_put_role(struct graft_repo_ring *ring, const struct graft_node *role,
		    const struct graft_repo_rotation *rotation,
		    const struct graft_json_member *more, size_t more_count,
		    struct graft_text *out)
{
	const struct graft_node *keyids = graft_node_get(role, "keyids");
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text ids = { 0 };
	struct graft_json_member members[MEMBERS_MAX];
	char threshold[32];
	char days[32];
	size_t count = 0;
	struct graft_error *err = NULL;

	graft_text_put(&ids, "[");
	if (rotation)
		err = check_removed(keyids, rotation);
	if (!err)
		err = put_kept(ring, keyids, rotation, &ids);
	for (size_t i = 0; !err && rotation && i < rotation->add.count; i++)
		err = put_id(ring, &ids, graft_signer_id(rotation->add.list[i]),
			     graft_signer_json(rotation->add.list[i]));
	if (err)
		return err;
	graft_text_put(&ids, "]");
	if (ids.failed)
		return graft_error_no_memory();
	members[count++] = (struct graft_json_member){ "keyids", ids.str };
	if (rotation && rotation->threshold) {
		(void)snprintf(threshold, sizeof(threshold), "%" PRIu64,
			       rotation->threshold);
		members[count++] = (struct graft_json_member){ "threshold",
							       threshold };
	}
	if (rotation && rotation->days) {
		(void)snprintf(days, sizeof(days), "%" PRIu32, rotation->days);
		members[count++] =
			(struct graft_json_member){ GRAFT_REPO_DAYS_KEY, days };
	}
	for (size_t i = 0; i < more_count && count < MEMBERS_MAX; i++)
		members[count++] = more[i];
	graft_json_put_merged(out, role, members, count);
	return NULL;
}

/** Keys of roles, decoded. */
struct decoded {
	struct graft_key **keys;
	size_t count;
	size_t cap;
};

static void
decoded_deinit(struct decoded *decoded)
{
	for (size_t i = 0; i < decoded->count; i++)
		graft_key_free(decoded->keys[i]);
	free(decoded->keys);
}

static bool
has_key(const struct decoded *decoded, size_t from, const struct graft_key *key)
{
	for (size_t i = from; i < decoded->count; i++) {
		if (graft_key_equal(decoded->keys[i], key))
			return true;
	}
	return false;
}

/** Decode the keys of a role behind those that are there, each once. */
GRAFT_MUST_CHECK static struct graft_error *
decode_role(const struct graft_node *keys, const struct graft_node *role,
	    const char *name, struct decoded *ret)
{
	const struct graft_node *keyids = graft_node_get(role, "keyids");
	const struct graft_node *at = graft_node_first(keyids);
	const size_t from = ret->count;

	for (uint32_t i = 0; i < keyids->count; i++) {
		GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = NULL;
		const struct graft_node *node = graft_node_get(keys,
							       at[i].text);
		if (!node)
			continue;
		struct graft_error *err = graft_key_decode(node, &key);
		if (!err && has_key(ret, from, key))
			continue;
		if (!err)
			err = graft_vec_reserve(&ret->keys, &ret->cap,
						ret->count + 1,
						sizeof(struct graft_key *));
		if (err)
			return graft_error_prefix(err, "role %s: key %.12s",
						  name, at[i].text);
		ret->keys[ret->count++] = GRAFT_TAKE(key);
	}
	const uint64_t threshold =
		(uint64_t)graft_node_get(role, "threshold")->number;
	if (ret->count - from >= threshold)
		return NULL;
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "role %s: a threshold of %llu, and %zu keys",
			       name, (unsigned long long)threshold,
			       ret->count - from);
}

/** See that none of the keys of a role of content is one that is online. */
GRAFT_MUST_CHECK static struct graft_error *
check_apart(const struct decoded *online, const struct graft_node *keys,
	    const struct graft_node *role, const char *name)
{
	GRAFT_CLEANUP(decoded_deinit) struct decoded content = { 0 };
	struct graft_error *err = decode_role(keys, role, name, &content);

	for (size_t i = 0; !err && i < content.count; i++) {
		if (has_key(online, 0, content.keys[i]))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"role %s: it has a key that signs snapshot or "
				"timestamp, too: such a key is online, and "
				"whoever steals it could sign content",
				name);
	}
	return err;
}

struct graft_error *
graft_repo_check_keys(const struct graft_metadata *root,
		      const struct graft_metadata *targets)
{
	GRAFT_CLEANUP(decoded_deinit) struct decoded online = { 0 };
	struct graft_error *err = NULL;

	for (int type = 0; root && !err && type < GRAFT_METADATA_TYPES;
	     type++) {
		const char *name = graft_metadata_type_name(type);
		if (type == GRAFT_METADATA_SNAPSHOT ||
		    type == GRAFT_METADATA_TIMESTAMP)
			err = decode_role(root->keys,
					  graft_node_get(root->roles, name),
					  name, &online);
	}
	for (int type = 0; root && !err && type < GRAFT_METADATA_TYPES;
	     type++) {
		const char *name = graft_metadata_type_name(type);
		if (type == GRAFT_METADATA_ROOT ||
		    type == GRAFT_METADATA_TARGETS)
			err = check_apart(&online, root->keys,
					  graft_node_get(root->roles, name),
					  name);
	}
	uint32_t left = targets && targets->roles ? targets->roles->count : 0;
	const struct graft_node *role = left ? graft_node_first(targets->roles)
					     : NULL;
	for (; !err && left > 0; left--, role = graft_node_next(role))
		err = check_apart(&online, targets->keys, role,
				  graft_node_get(role, "name")->text);
	return err;
}

struct graft_error *
graft_repo_check_ids(const struct graft_metadata *before,
		     const struct graft_metadata *metadata)
{
	uint32_t left = metadata->keys ? metadata->keys->count : 0;
	const struct graft_node *id = left ? graft_node_first(metadata->keys)
					   : NULL;

	for (; left > 0; left--) {
		const struct graft_node *key = graft_node_next(id);
		const struct graft_node *known =
			before && before->keys
				? graft_node_get(before->keys, id->text)
				: NULL;
		char digits[GRAFT_KEY_ID_LEN];
		if (!known || !graft_node_equal(known, key)) {
			struct graft_error *err = graft_key_id(key, digits);
			if (err)
				return err;
			if (strcmp(digits, id->text) != 0)
				return graft_error_new(
					GRAFT_ERROR_REFUSED,
					"the id %.100s is not the SHA-256 of "
					"the key that is listed under it",
					id->text);
		}
		id = graft_node_next(key);
	}
	return NULL;
}
