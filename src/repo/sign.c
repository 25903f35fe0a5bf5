// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "repo/signing.h"

#include <string.h>

/** What came of signing roles. */
struct outcome {
	/** Signatures that were added. */
	size_t added;
	/** Roles that are staged. */
	size_t staged;
	/** For each key: some role that is staged lists it. */
	bool *listed;
};

/** See that a key for content is one that a thief of its file cannot use. */
GRAFT_MUST_CHECK static struct graft_error *
check_guard(const struct graft_signer *signer, const char *role)
{
	if (!graft_signer_signs(signer) || graft_signer_guarded(signer))
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%s: it signs %s, so it needs a passphrase: "
			       "openssl pkcs8 -topk8 -scrypt",
			       graft_signer_name(signer), role);
}

/** Add what the keys have to say to the signatures of a role. */
GRAFT_MUST_CHECK static struct graft_error *
put_new(const struct graft_repo_asked *asked,
	const struct graft_repo_role *role, const struct graft_repo_keys *keys,
	struct graft_text *signatures, struct outcome *outcome)
{
	for (size_t i = 0; i < keys->count; i++) {
		const struct graft_repo_keys one = { &keys->list[i], 1 };
		for (size_t k = 0; k < asked->count; k++) {
			const struct graft_node *keyid;
			size_t added;
			struct graft_error *err = graft_repo_find_key(
				&asked->list[k],
				graft_signer_key(keys->list[i]), &keyid);
			if (!err && keyid)
				err = check_guard(keys->list[i], role->name);
			if (err)
				return err;
			if (!keyid)
				continue;
			outcome->listed[i] = true;
			err = graft_repo_put_signatures(&asked->list[k], &one,
							role->staged.metadata,
							signatures, &added);
			if (err)
				return err;
			outcome->added += added;
		}
	}
	return NULL;
}

/** Write a staged role with other signatures. */
GRAFT_MUST_CHECK static struct graft_error *
rewrite(struct graft_repo *repo, struct graft_repo_role *role,
	const struct graft_text *signatures)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text bytes = { 0 };

	graft_json_put_node(&said, role->staged.metadata->signed_part);
	if (said.failed || signatures->failed)
		return graft_error_no_memory();
	graft_repo_wrap(&bytes, graft_text_str(signatures),
			graft_text_str(&said));
	return graft_repo_keep(repo, role, &bytes);
}

GRAFT_MUST_CHECK static struct graft_error *
sign_role(struct graft_repo *repo, struct graft_repo_role *role,
	  const struct graft_repo_keys *keys, struct outcome *outcome)
{
	const struct graft_repo_asked asked = graft_repo_ask(repo, role);
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text signatures = { 0 };
	const size_t before = outcome->added;
	size_t present;

	outcome->staged++;
	struct graft_error *err = graft_repo_put_present(
		&asked, role->staged.metadata, &signatures, &present);
	if (!err)
		err = put_new(&asked, role, keys, &signatures, outcome);
	if (err || outcome->added == before)
		return err;
	return rewrite(repo, role, &signatures);
}

/** Sign one staged role or all of them. */
GRAFT_MUST_CHECK static struct graft_error *
sign_all(struct graft_repo *repo, const char *name,
	 const struct graft_repo_keys *keys, struct outcome *outcome)
{
	for (size_t i = 0; i < repo->role_count; i++) {
		struct graft_repo_role *role = repo->roles[i];
		const bool meant = !name || strcmp(name, role->name) == 0 ||
				   (strcmp(name, "bins") == 0 &&
				    graft_repo_is_bin(role->name));
		if (!meant || !role->staged.metadata)
			continue;
		struct graft_error *err = sign_role(repo, role, keys, outcome);
		if (err)
			return err;
	}
	return NULL;
}

/** Ask whether a key may sign a staged role, and whether it has not. */
GRAFT_MUST_CHECK static struct graft_error *
look(const struct graft_repo *repo, const struct graft_repo_role *role,
     const struct graft_signer *signer, bool *may_ret, bool *lacks_ret)
{
	const struct graft_repo_asked asked = graft_repo_ask(repo, role);

	*may_ret = *lacks_ret = false;
	for (size_t i = 0; i < asked.count; i++) {
		const struct graft_node *keyid;
		bool has_signed = true;
		struct graft_error *err = graft_repo_find_key(
			&asked.list[i], graft_signer_key(signer), &keyid);
		if (!err && keyid)
			err = graft_repo_has_signed(&asked.list[i], keyid,
						    role->staged.metadata,
						    &has_signed);
		if (err)
			return err;
		*may_ret |= keyid != NULL;
		*lacks_ret |= !has_signed;
	}
	return NULL;
}

struct graft_error *
graft_repo_check_seen(const struct graft_repo *repo,
		      const struct graft_repo_keys *keys)
{
	for (size_t i = 0; i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		for (size_t k = 0; role->staged.metadata && k < keys->count;
		     k++) {
			bool may;
			bool lacks;
			struct graft_error *err =
				look(repo, role, keys->list[k], &may, &lacks);
			if (err)
				return err;
			if (lacks)
				return graft_error_new(
					GRAFT_ERROR_REFUSED,
					"%s: it is staged, and %s has not "
					"signed it: look at it and sign it "
					"first (graft repo sign --role %s), or "
					"graft repo reset",
					role->name,
					graft_signer_name(keys->list[k]),
					role->name);
		}
	}
	return NULL;
}

/** See that a root is signed only by who names it: it says who may sign everything. */
GRAFT_MUST_CHECK static struct graft_error *
check_root_is_meant(const struct graft_repo *repo,
		    const struct graft_repo_keys *keys)
{
	const struct graft_repo_role *root = repo->roles[GRAFT_REPO_ROOT];

	for (size_t i = 0; root->staged.metadata && i < keys->count; i++) {
		bool may;
		bool lacks;
		struct graft_error *err = look(repo, root, keys->list[i], &may,
					       &lacks);
		if (err)
			return err;
		if (lacks)
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"a root is staged, which says who may sign "
				"everything: look at it, and sign it with "
				"--role root, the others with --role NAME");
	}
	return NULL;
}

struct graft_error *
graft_repo_sign(struct graft_repo *repo, const char *role,
		const struct graft_repo_keys *keys, size_t *count_ret)
{
	GRAFT_FREE bool *listed = calloc(keys->count + 1, sizeof(*listed));
	struct outcome outcome = { .listed = listed };

	if (!listed)
		return graft_error_no_memory();
	struct graft_error *err = role ? NULL : check_root_is_meant(repo, keys);
	if (!err)
		err = sign_all(repo, role, keys, &outcome);
	if (err)
		return err;
	if (!outcome.staged)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "nothing is staged%s%s",
				       role ? " of " : "", role ? role : "");
	for (size_t i = 0; i < keys->count; i++) {
		if (!listed[i])
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s: it is no key of what is staged (its id is "
				"%.12s)",
				graft_signer_name(keys->list[i]),
				graft_signer_id(keys->list[i]));
		if (!graft_signer_signs(keys->list[i]))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"%s: a public key, which cannot sign",
				graft_signer_name(keys->list[i]));
	}
	*count_ret = outcome.added;
	return NULL;
}

struct graft_error *
graft_repo_sign_if_may(struct graft_repo *repo,
		       const struct graft_repo_keys *keys)
{
	GRAFT_FREE bool *listed = calloc(keys->count + 1, sizeof(*listed));
	struct outcome outcome = { .listed = listed };

	return listed ? sign_all(repo, NULL, keys, &outcome)
		      : graft_error_no_memory();
}

/** Find the staged role that says the same as what somebody signed elsewhere. */
GRAFT_MUST_CHECK static struct graft_error *
find_same(const struct graft_repo *repo, const void *bytes, size_t len,
	  struct graft_metadata **theirs_ret, struct graft_repo_role **ret)
{
	for (size_t i = 0; i < repo->role_count; i++) {
		GRAFT_CLEANUP(graft_metadata_freep)
		struct graft_metadata *theirs = NULL;
		struct graft_repo_role *role = repo->roles[i];
		const struct graft_metadata *ours = role->staged.metadata;
		if (!ours)
			continue;
		struct graft_error *err =
			graft_metadata_decode(role->type, bytes, len, &theirs);
		// A root is none of targets; what is neither is the same as nothing.
		if (err && graft_error_kind(err) == GRAFT_KIND_FAULT)
			return err;
		graft_error_free(err);
		if (err || theirs->canonical_len != ours->canonical_len ||
		    memcmp(theirs->canonical, ours->canonical,
			   ours->canonical_len) != 0)
			continue;
		*theirs_ret = GRAFT_TAKE(theirs);
		*ret = role;
		return NULL;
	}
	return graft_error_new(GRAFT_ERROR_DIFFERENT,
			       "it says something else than what is staged "
			       "here, or nothing is");
}

struct graft_error *
graft_repo_take_signatures(struct graft_repo *repo, const void *bytes,
			   size_t len, size_t *count_ret)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *theirs = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text signatures = { 0 };
	struct graft_repo_role *role = NULL;
	size_t present = 0;

	struct graft_error *err = find_same(repo, bytes, len, &theirs, &role);
	if (err)
		return err;
	const struct graft_repo_asked asked = graft_repo_ask(repo, role);
	err = graft_repo_put_present(&asked, role->staged.metadata, &signatures,
				     &present);
	if (!err)
		err = graft_repo_put_present(&asked, theirs, &signatures,
					     count_ret);
	if (err || !*count_ret)
		return err;
	return rewrite(repo, role, &signatures);
}
