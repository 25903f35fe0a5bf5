// SPDX-License-Identifier: Apache-2.0

#include "repo/signing.h"

#include <string.h>

struct graft_repo_asked
graft_repo_ask(const struct graft_repo *repo,
	       const struct graft_repo_role *role)
{
	struct graft_repo_asked asked = { 0 };

	asked.count = graft_repo_authority(repo, role, &asked.list[0]);
	if (role->type == GRAFT_METADATA_ROOT && role->live.metadata)
		asked.list[asked.count++] = graft_authority_of(
			role->live.metadata, GRAFT_METADATA_ROOT);
	return asked;
}

/** Read the key of an id. @param[out] ret NULL if there is none that we know. */
GRAFT_MUST_CHECK static struct graft_error *
read_key(const struct graft_authority *authority,
	 const struct graft_node *keyid, struct graft_key **ret)
{
	const struct graft_node *node = graft_node_get(authority->keys,
						       keyid->text);

	*ret = NULL;
	if (!node)
		return NULL;
	struct graft_error *err = graft_key_decode(node, ret);
	if (!err || graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	graft_error_free(err);
	return NULL;
}

struct graft_error *
graft_repo_find_key(const struct graft_authority *authority,
		    const struct graft_key *key, const struct graft_node **ret)
{
	const struct graft_node *keyids = graft_node_get(authority->role,
							 "keyids");
	const struct graft_node *at = graft_node_first(keyids);

	*ret = NULL;
	for (uint32_t i = 0; i < keyids->count; i++) {
		GRAFT_CLEANUP(graft_key_freep) struct graft_key *one = NULL;
		struct graft_error *err = read_key(authority, &at[i], &one);
		if (err)
			return err;
		if (one && graft_key_equal(one, key)) {
			*ret = &at[i];
			return NULL;
		}
	}
	return NULL;
}

struct graft_error *
graft_repo_has_signed(const struct graft_authority *authority,
		      const struct graft_node *keyid,
		      const struct graft_metadata *metadata, bool *ret)
{
	const struct graft_node *at = graft_node_first(metadata->signatures);
	GRAFT_CLEANUP(graft_key_freep) struct graft_key *key = NULL;

	*ret = false;
	struct graft_error *err = read_key(authority, keyid, &key);
	if (err || !key)
		return err;
	for (uint32_t i = 0; i < metadata->signatures->count; i++) {
		if (graft_node_compare(graft_node_get(at, "keyid"), keyid) == 0)
			*ret = graft_key_verify(
				key, graft_node_get(at, "sig")->text,
				metadata->canonical, metadata->canonical_len);
		at = graft_node_next(at);
	}
	return NULL;
}

void
graft_repo_put_signature(struct graft_text *out, const char *keyid,
			 const char *sig)
{
	graft_text_put(out, out->len ? ",\n{\"keyid\":" : "\n{\"keyid\":");
	graft_json_put_string(out, keyid, strlen(keyid));
	graft_text_put(out, ",\"sig\":");
	graft_json_put_string(out, sig, strlen(sig));
	graft_text_put(out, "}");
}

/** Say whether a list of signatures that is being written has one of an id. */
static bool
has_one(const struct graft_text *signatures, const char *keyid)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text start = { 0 };

	graft_text_put(&start, "{\"keyid\":");
	graft_json_put_string(&start, keyid, strlen(keyid));
	// Of those that are written none is missed; without memory all of it fails.
	return strstr(graft_text_str(signatures), graft_text_str(&start)) !=
	       NULL;
}

struct graft_error *
graft_repo_put_signatures(const struct graft_authority *authority,
			  const struct graft_repo_keys *keys,
			  const struct graft_metadata *metadata,
			  struct graft_text *signatures, size_t *count_ret)
{
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++) {
		const struct graft_signer *signer = keys->list[i];
		const struct graft_node *keyid;
		struct graft_error *err = graft_repo_find_key(
			authority, graft_signer_key(signer), &keyid);
		if (err)
			return err;
		if (!keyid || !graft_signer_signs(signer) ||
		    has_one(signatures, keyid->text))
			continue;
		GRAFT_FREE char *sig = NULL;
		err = graft_signer_sign(signer, metadata->canonical,
					metadata->canonical_len, &sig);
		if (err)
			return err;
		graft_repo_put_signature(signatures, keyid->text, sig);
		count++;
	}
	*count_ret = count;
	return NULL;
}

/** Put those signatures of metadata that are good and asked for. */
GRAFT_MUST_CHECK static struct graft_error *
put_good(const struct graft_authority *authority,
	 const struct graft_metadata *metadata, struct graft_text *out,
	 size_t *count)
{
	const struct graft_node *keyids = graft_node_get(authority->role,
							 "keyids");
	const struct graft_node *keyid = graft_node_first(keyids);

	for (uint32_t i = 0; i < keyids->count; i++, keyid++) {
		const struct graft_node *at =
			graft_node_first(metadata->signatures);
		bool has_signed;
		struct graft_error *err = graft_repo_has_signed(
			authority, keyid, metadata, &has_signed);
		if (err)
			return err;
		if (!has_signed || has_one(out, keyid->text))
			continue;
		while (graft_node_compare(graft_node_get(at, "keyid"), keyid) !=
		       0)
			at = graft_node_next(at);
		graft_repo_put_signature(out, keyid->text,
					 graft_node_get(at, "sig")->text);
		(*count)++;
	}
	return NULL;
}

struct graft_error *
graft_repo_put_present(const struct graft_repo_asked *asked,
		       const struct graft_metadata *metadata,
		       struct graft_text *out, size_t *count_ret)
{
	size_t count = 0;

	for (size_t i = 0; i < asked->count; i++) {
		struct graft_error *err = put_good(&asked->list[i], metadata,
						   out, &count);
		if (err)
			return err;
	}
	*count_ret = count;
	return NULL;
}
