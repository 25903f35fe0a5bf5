// SPDX-License-Identifier: Apache-2.0

#include "repo/online.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "repo/limits.h"
#include "repo/signing.h"
#include "trust/instant.h"

#include <string.h>

enum {
	/** Days of those that do not say. */
	SNAPSHOT_DAYS = 14,
	TIMESTAMP_DAYS = 2,
	DAY_S = 24 * 60 * 60,
};

void
graft_repo_online_deinit(struct graft_repo_online *online)
{
	graft_text_deinit(&online->bytes);
}

/** Append what is said of a file: version, length, hash. */
GRAFT_MUST_CHECK static struct graft_error *
put_file(const struct graft_repo_file *file, struct graft_text *out)
{
	uint8_t hash[GRAFT_SHA256_LEN];
	char digits[2 * GRAFT_SHA256_LEN + 1];
	struct graft_error *err = graft_sha256(file->bytes, file->len, hash);

	if (err)
		return err;
	graft_hex_encode(hash, sizeof(hash), digits);
	graft_text_printf(out,
			  "{\"hashes\":{\"sha256\":\"%s\"},\"length\":%zu,"
			  "\"version\":%llu}",
			  digits, file->len,
			  (unsigned long long)file->metadata->version);
	return NULL;
}

/** Append an object with its members in order, as they are read. */
GRAFT_MUST_CHECK static struct graft_error *
put_in_order(const struct graft_text *object, struct graft_text *out)
{
	GRAFT_CLEANUP(graft_document_freep)
	struct graft_document *document = NULL;

	if (object->failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_document_parse(object->str, object->len,
						       &document);
	if (!err)
		graft_json_put_node(out, graft_document_root(document));
	return err;
}

/** Append what a snapshot says of all roles. */
GRAFT_MUST_CHECK static struct graft_error *
put_roles(const struct graft_repo *repo, bool staged, struct graft_text *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_text *out = &text;

	graft_text_put(out, "{");
	for (size_t i = GRAFT_REPO_TARGETS; i < repo->role_count; i++) {
		const struct graft_repo_role *role = repo->roles[i];
		const struct graft_repo_file *file =
			staged && role->staged.metadata ? &role->staged
							: &role->live;
		if (!file->metadata)
			continue;
		graft_text_printf(out,
				  "%s\"%s.json\":", out->len > 1 ? "," : "",
				  role->name);
		struct graft_error *err = put_file(file, out);
		if (err)
			return err;
	}
	graft_text_put(out, "}");
	return put_in_order(out, ret);
}

/** Write what is to be signed. */
static void
put_signed(const struct graft_repo *repo, const struct graft_repo_state *state,
	   enum graft_metadata_type type, uint64_t version, const char *meta,
	   struct graft_text *out)
{
	const char *name = graft_metadata_type_name(type);
	const bool timestamp = type == GRAFT_METADATA_TIMESTAMP;
	const uint32_t days =
		timestamp && state->timestamp_days
			? state->timestamp_days
			: graft_repo_days(
				  graft_node_get(state->root->roles, name),
				  timestamp ? TIMESTAMP_DAYS : SNAPSHOT_DAYS);

	graft_text_printf(out, "{\"_type\":\"%s\",\"expires\":", name);
	graft_repo_put_expiry(out, repo->now, days);
	graft_text_printf(out,
			  ",\"meta\":%s,\"spec_version\":\"1.0.31\","
			  "\"version\":%llu}",
			  meta, (unsigned long long)version);
}

/** Sign it, and see that as many keys as the root asks for did. */
GRAFT_MUST_CHECK static struct graft_error *
seal(const struct graft_metadata *root, enum graft_metadata_type type,
     const char *signed_part, const struct graft_repo_keys *keys,
     struct graft_text *out)
{
	const struct graft_authority authority = graft_authority_of(root, type);
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text bare = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text signatures = { 0 };
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *metadata = NULL;
	size_t count;

	graft_repo_wrap(&bare, "", signed_part);
	if (bare.failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_metadata_decode(type, bare.str,
							bare.len, &metadata);
	if (!err)
		err = graft_repo_put_signatures(&authority, keys, metadata,
						&signatures, &count);
	if (err)
		return err;
	if (signatures.failed)
		return graft_error_no_memory();
	graft_repo_wrap(out, graft_text_str(&signatures), signed_part);
	if (out->failed)
		return graft_error_no_memory();
	graft_metadata_free(GRAFT_TAKE(metadata));
	err = graft_metadata_decode(type, out->str, out->len, &metadata);
	if (!err)
		err = graft_authority_check(&authority, metadata);
	return err ? graft_error_prefix(err, "%s (--key FILE of its keys)",
					graft_metadata_type_name(type))
		   : NULL;
}

struct graft_error *
graft_repo_read_online(const struct graft_repo *repo,
		       enum graft_metadata_type type, uint64_t version,
		       const struct graft_metadata *root,
		       struct graft_repo_file *ret)
{
	const struct graft_authority authority = graft_authority_of(root, type);
	GRAFT_FREE char *path = NULL;
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file file = { 0 };
	struct graft_error *err =
		type == GRAFT_METADATA_TIMESTAMP
			? graft_repo_path(repo, &path,
					  "public/metadata/timestamp.json")
			: graft_repo_path(repo, &path,
					  "public/metadata/%llu.snapshot.json",
					  (unsigned long long)version);

	if (!err)
		err = graft_repo_read(path, type, &file);
	if (!err)
		err = graft_authority_check(&authority, file.metadata);
	if (err && graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	graft_error_free(err);
	if (err)
		return NULL;
	*ret = file;
	file = (struct graft_repo_file){ 0 };
	return NULL;
}

/** Make the error of a version with which somebody else made all later ones old. */
GRAFT_MUST_CHECK static struct graft_error *
not_ours(enum graft_metadata_type type, uint64_t version)
{
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s version %llu is none of ours, and clients that saw it "
		"take no other one: somebody has the online keys. graft repo "
		"rotate snapshot and timestamp with other keys",
		graft_metadata_type_name(type), (unsigned long long)version);
}

/** Say whether clients forget both online files with the next root. */
static bool
forgotten(const struct graft_repo_state *state)
{
	return !state->root_before ||
	       graft_authority_rotated(state->root_before, state->root,
				       GRAFT_METADATA_SNAPSHOT) ||
	       graft_authority_rotated(state->root_before, state->root,
				       GRAFT_METADATA_TIMESTAMP);
}

/** Say whether the live snapshot says what a new one would, and for long enough. */
static bool
still_good(const struct graft_repo *repo, const struct graft_metadata *root,
	   const struct graft_metadata *snapshot, const char *meta)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };
	const uint32_t days = graft_repo_days(
		graft_node_get(root->roles, "snapshot"), SNAPSHOT_DAYS);

	graft_json_put_node(&said, snapshot->meta);
	return strcmp(graft_text_str(&said), meta) == 0 &&
	       snapshot->expires - repo->now > (int64_t)days * DAY_S / 2;
}

struct graft_error *
graft_repo_make_snapshot(struct graft_repo *repo,
			 const struct graft_repo_state *state,
			 const struct graft_repo_keys *keys, bool unless_good,
			 struct graft_repo_online *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text meta = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file live = { 0 };
	uint64_t last = graft_repo_highest(repo, "snapshot", UINT64_MAX);

	if (last >= GRAFT_REPO_VERSION_MAX && !forgotten(state))
		return not_ours(GRAFT_METADATA_SNAPSHOT, last);
	last = graft_repo_highest(repo, "snapshot", GRAFT_REPO_VERSION_MAX);
	struct graft_error *err = put_roles(repo, state->staged, &meta);
	if (!err && meta.failed)
		err = graft_error_no_memory();
	if (!err && unless_good && last)
		err = graft_repo_read_online(repo, GRAFT_METADATA_SNAPSHOT,
					     last, state->root, &live);
	if (err)
		return err;
	ret->version = last;
	if (live.metadata &&
	    still_good(repo, state->root, live.metadata, meta.str))
		return NULL;
	ret->version = last + 1;
	put_signed(repo, state, GRAFT_METADATA_SNAPSHOT, ret->version, meta.str,
		   &said);
	return said.failed ? graft_error_no_memory()
			   : seal(state->root, GRAFT_METADATA_SNAPSHOT,
				  said.str, keys, &ret->bytes);
}

/** Find the version of the next timestamp. */
GRAFT_MUST_CHECK static struct graft_error *
next_timestamp(const struct graft_repo *repo,
	       const struct graft_repo_state *state, uint64_t *ret)
{
	GRAFT_CLEANUP(graft_repo_file_deinit)
	struct graft_repo_file live = { 0 };

	*ret = 1;
	if (!state->root_before)
		return NULL;
	// Signed by the keys before, if they are about to be others.
	struct graft_error *err = graft_repo_read_online(
		repo, GRAFT_METADATA_TIMESTAMP, 0, state->root_before, &live);
	if (err)
		return err;
	const bool plausible = live.metadata &&
			       live.metadata->version < GRAFT_REPO_VERSION_MAX;
	if (plausible)
		*ret = live.metadata->version + 1;
	if (plausible || forgotten(state))
		return NULL;
	if (live.metadata)
		return not_ours(GRAFT_METADATA_TIMESTAMP,
				live.metadata->version);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "public/metadata/timestamp.json is missing or "
			       "damaged, so that nobody knows its version: put "
			       "a copy in its place, or rotate its key");
}

struct graft_error *
graft_repo_make_timestamp(struct graft_repo *repo,
			  const struct graft_repo_state *state,
			  const struct graft_repo_keys *keys,
			  const struct graft_repo_file *snapshot,
			  struct graft_repo_online *ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text meta = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text said = { 0 };

	struct graft_error *err = next_timestamp(repo, state, &ret->version);
	if (err)
		return err;
	graft_text_put(&meta, "{\"snapshot.json\":");
	err = put_file(snapshot, &meta);
	if (err)
		return err;
	graft_text_put(&meta, "}");
	put_signed(repo, state, GRAFT_METADATA_TIMESTAMP, ret->version,
		   graft_text_str(&meta), &said);
	return meta.failed || said.failed
		       ? graft_error_no_memory()
		       : seal(state->root, GRAFT_METADATA_TIMESTAMP, said.str,
			      keys, &ret->bytes);
}
