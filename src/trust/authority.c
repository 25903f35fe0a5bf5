// SPDX-License-Identifier: Apache-2.0

#include "trust/authority.h"

#include "trust/key.h"
#include "trust/limits.h"

/** Keys that signed. */
struct signers {
	struct graft_key *keys[GRAFT_TRUST_KEYS_MAX];
	size_t count;
};

static void
signers_deinit(struct signers *signers)
{
	for (size_t i = 0; i < signers->count; i++)
		graft_key_free(signers->keys[i]);
}

struct graft_authority
graft_authority_of(const struct graft_metadata *root,
		   enum graft_metadata_type type)
{
	return (struct graft_authority){
		.keys = root->keys,
		.role = graft_node_get(root->roles,
				       graft_metadata_type_name(type)),
	};
}

static bool
lists(const struct graft_node *role, const struct graft_node *keyid)
{
	const struct graft_node *keyids = graft_node_get(role, "keyids");
	const struct graft_node *first = graft_node_first(keyids);

	for (uint32_t i = 0; i < keyids->count; i++) {
		if (graft_node_compare(&first[i], keyid) == 0)
			return true;
	}
	return false;
}

static bool
counted(const struct signers *signers, const struct graft_key *key)
{
	for (size_t i = 0; i < signers->count; i++) {
		if (graft_key_equal(signers->keys[i], key))
			return true;
	}
	return false;
}

/** Count one signature, if it is valid and of a key that was not counted. */
GRAFT_MUST_CHECK static struct graft_error *
count_one(struct signers *signers, const struct graft_authority *authority,
	  const struct graft_metadata *metadata,
	  const struct graft_node *signature)
{
	const struct graft_node *keyid = graft_node_get(signature, "keyid");
	const struct graft_node *node;
	GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = NULL;

	if (!lists(authority->role, keyid))
		return NULL;
	node = graft_node_get(authority->keys, keyid->text);
	if (!node)
		return NULL;
	struct graft_error *err = graft_key_decode(node, &key);
	if (err && graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	// Fewer than the array has room for: each has an id of its own in the list.
	if (!counted(signers, key) &&
	    graft_key_verify(key, graft_node_get(signature, "sig")->text,
			     metadata->canonical, metadata->canonical_len))
		signers->keys[signers->count++] = GRAFT_TAKE(key);
	return NULL;
}

struct graft_error *
graft_authority_check(const struct graft_authority *authority,
		      const struct graft_metadata *metadata)
{
	const uint64_t threshold =
		(uint64_t)graft_node_get(authority->role, "threshold")->number;
	const struct graft_node *signature =
		graft_node_first(metadata->signatures);
	GRAFT_CLEANUP(signers_deinit) struct signers signers = { 0 };

	for (uint32_t i = 0; i < metadata->signatures->count; i++) {
		struct graft_error *err = count_one(&signers, authority,
						    metadata, signature);
		if (err)
			return err;
		if (signers.count >= threshold)
			return NULL;
		signature = graft_node_next(signature);
	}
	return graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
			       "%zu good signatures, %llu are needed",
			       signers.count, (unsigned long long)threshold);
}

bool
graft_authority_rotated(const struct graft_metadata *old,
			const struct graft_metadata *new,
			enum graft_metadata_type type)
{
	const char *name = graft_metadata_type_name(type);
	const struct graft_node *now = graft_node_get(new->roles, name);
	const struct graft_node *before =
		graft_node_get(graft_node_get(old->roles, name), "keyids");
	const struct graft_node *first = graft_node_first(before);

	for (uint32_t i = 0; i < before->count; i++) {
		if (!lists(now, &first[i]))
			return true;
	}
	return false;
}
