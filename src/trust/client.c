// SPDX-License-Identifier: Apache-2.0

#include "trust/client.h"

#include "base/vec.h"
#include "trust/client_model.h"
#include "trust/limits.h"
#include "trust/measure.h"

#include <string.h>

/** Make the error of a version that is older than what was seen. */
GRAFT_MUST_CHECK static struct graft_error *
older(const char *what, uint64_t new, uint64_t seen)
{
	return graft_error_new(GRAFT_ERROR_ROLLBACK,
			       "%s version %llu, where version %llu was seen "
			       "before",
			       what, (unsigned long long)new,
			       (unsigned long long)seen);
}

/** Check that a file has the version that is listed. */
GRAFT_MUST_CHECK static struct graft_error *
check_version(const struct graft_metadata *metadata,
	      const struct graft_node *listed)
{
	const uint64_t version = graft_metadata_file_version(listed);

	if (metadata->version == version)
		return NULL;
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "it is version %llu, where version %llu is "
			       "listed",
			       (unsigned long long)metadata->version,
			       (unsigned long long)version);
}

/** Get how many bytes of a file are asked for: what is listed, up to a limit. */
static uint64_t
most_bytes(const struct graft_node *listed, uint64_t max)
{
	const struct graft_node *length = graft_node_get(listed, "length");

	return length && (uint64_t)length->number < max
		       ? (uint64_t)length->number
		       : max;
}

/** Get the version that stands in front of a file's name. */
static uint64_t
version_in_name(const struct graft_client *client,
		const struct graft_node *listed)
{
	return client->root->consistent_snapshot
		       ? graft_metadata_file_version(listed)
		       : 0;
}

/** Compare a new timestamp with the one that was trusted. */
GRAFT_MUST_CHECK static struct graft_error *
check_timestamp(const struct graft_metadata *old,
		const struct graft_metadata *new)
{
	if (new->version < old->version)
		return older("it is", new->version, old->version);
	const uint64_t now = graft_metadata_file_version(
		graft_metadata_file(new, "snapshot"));
	const uint64_t before = graft_metadata_file_version(
		graft_metadata_file(old, "snapshot"));
	return now < before ? older("it lists snapshot", now, before) : NULL;
}

/** Section 5.4. */
GRAFT_MUST_CHECK static struct graft_error *
update_timestamp(struct graft_client *client)
{
	const struct graft_authority authority =
		graft_authority_of(client->root, GRAFT_METADATA_TIMESTAMP);
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file old = { .role = "timestamp",
					 .type = GRAFT_METADATA_TIMESTAMP };
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file new = { .role = "timestamp",
					 .type = GRAFT_METADATA_TIMESTAMP };
	bool same;

	struct graft_error *err = graft_client_load_if_good(client, &authority,
							    &old);
	if (!err)
		err = graft_client_fetch(client, 0, GRAFT_TRUST_TIMESTAMP_BYTES,
					 &new);
	if (err)
		return err;
	err = graft_client_verify(&authority, &new);
	// A new one of the same version is discarded; that is no error.
	same = !err && old.metadata &&
	       old.metadata->version == new.metadata->version;
	if (!err && old.metadata && !same)
		err = check_timestamp(old.metadata, new.metadata);
	if (!err)
		err = graft_client_check_time(client, same ? old.metadata
							   : new.metadata);
	if (err)
		return graft_client_say(&new, err);
	if (same) {
		client->timestamp = GRAFT_TAKE(old.metadata);
		return NULL;
	}
	err = graft_trust_store_write(client->store, "timestamp", new.bytes,
				      new.len);
	if (err)
		return err;
	client->timestamp = GRAFT_TAKE(new.metadata);
	return NULL;
}

/** See that nothing that a snapshot listed is gone or older. */
GRAFT_MUST_CHECK static struct graft_error *
check_snapshot(const struct graft_metadata *old,
	       const struct graft_metadata *new)
{
	const struct graft_node *at = graft_node_first(new->meta);
	const struct graft_node *key = graft_node_first(old->meta);
	uint32_t left = new->meta->count;

	// Both stand in the order of their names.
	for (uint32_t i = 0; i < old->meta->count; i++) {
		while (left && graft_node_compare(at, key) < 0) {
			at = graft_node_next(graft_node_next(at));
			left--;
		}
		if (!left || graft_node_compare(at, key) != 0)
			return graft_error_new(GRAFT_ERROR_ROLLBACK,
					       "it does not list %.100s any "
					       "more",
					       key->text);
		const uint64_t now =
			graft_metadata_file_version(graft_node_next(at));
		const uint64_t before =
			graft_metadata_file_version(graft_node_next(key));
		if (now < before) {
			struct graft_error *err = older("it is", now, before);
			return graft_error_prefix(err, "%.100s", key->text);
		}
		key = graft_node_next(graft_node_next(key));
	}
	return NULL;
}

/** Ask whether a file that was stored is the one that is listed now. */
GRAFT_MUST_CHECK static struct graft_error *
check_stored(const struct graft_client *client,
	     const struct graft_client_file *file,
	     const struct graft_node *listed)
{
	struct graft_error *err = check_version(file->metadata, listed);

	if (!err)
		err = graft_measure_bytes(listed, file->bytes, file->len);
	if (!err)
		err = graft_client_check_time(client, file->metadata);
	return err;
}

/** Check what was fetched: hashes, signatures, version. */
GRAFT_MUST_CHECK static struct graft_error *
check_fetched(const struct graft_authority *authority,
	      const struct graft_node *listed, struct graft_client_file *file)
{
	struct graft_error *err = graft_measure_bytes(listed, file->bytes,
						      file->len);

	if (!err)
		err = graft_client_verify(authority, file);
	if (!err)
		err = check_version(file->metadata, listed);
	return err;
}

/** Section 5.5. */
GRAFT_MUST_CHECK static struct graft_error *
update_snapshot(struct graft_client *client)
{
	const struct graft_node *listed = graft_metadata_file(client->timestamp,
							      "snapshot");
	const struct graft_authority authority =
		graft_authority_of(client->root, GRAFT_METADATA_SNAPSHOT);
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file old = { .role = "snapshot",
					 .type = GRAFT_METADATA_SNAPSHOT };
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file new = { .role = "snapshot",
					 .type = GRAFT_METADATA_SNAPSHOT };

	struct graft_error *err = graft_client_load_if_good(client, &authority,
							    &old);
	if (err)
		return err;
	if (old.metadata) {
		err = check_stored(client, &old, listed);
		if (!err) {
			client->snapshot = GRAFT_TAKE(old.metadata);
			return NULL;
		}
		graft_error_free(err);
	}
	err = graft_client_fetch(client, version_in_name(client, listed),
				 most_bytes(listed, GRAFT_TRUST_SNAPSHOT_BYTES),
				 &new);
	if (err)
		return err;
	err = check_fetched(&authority, listed, &new);
	if (!err && old.metadata)
		err = check_snapshot(old.metadata, new.metadata);
	if (!err)
		err = graft_client_check_time(client, new.metadata);
	if (err)
		return graft_client_say(&new, err);
	err = graft_trust_store_write(client->store, "snapshot", new.bytes,
				      new.len);
	if (err)
		return err;
	client->snapshot = GRAFT_TAKE(new.metadata);
	return NULL;
}

/** Keep a role that was verified, in the place of what was kept of it. */
GRAFT_MUST_CHECK static struct graft_error *
keep(struct graft_client *client, struct graft_client_file *file,
     const struct graft_metadata **ret)
{
	for (size_t i = 0; i < client->role_count; i++) {
		if (strcmp(client->roles[i].name, file->role) != 0)
			continue;
		graft_metadata_free(client->roles[i].metadata);
		*ret = client->roles[i].metadata = GRAFT_TAKE(file->metadata);
		return NULL;
	}
	struct graft_error *err = graft_vec_reserve(
		&client->roles, &client->role_cap, client->role_count + 1,
		sizeof(*client->roles));
	if (err)
		return err;
	struct graft_client_role *role = &client->roles[client->role_count];
	role->name = strdup(file->role);
	if (!role->name)
		return graft_error_no_memory();
	*ret = role->metadata = GRAFT_TAKE(file->metadata);
	client->role_count++;
	return NULL;
}

/** Find a role that was verified in this update, if this delegator agrees. */
GRAFT_MUST_CHECK static struct graft_error *
find_kept(const struct graft_client *client, const char *role,
	  const struct graft_authority *authority,
	  const struct graft_metadata **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < client->role_count; i++) {
		if (strcmp(client->roles[i].name, role) != 0)
			continue;
		struct graft_error *err = graft_authority_check(
			authority, client->roles[i].metadata);
		if (!err)
			*ret = client->roles[i].metadata;
		if (err && graft_error_kind(err) == GRAFT_KIND_FAULT)
			return err;
		graft_error_free(err);
	}
	return NULL;
}

/** Get a role from the repository. */
GRAFT_MUST_CHECK static struct graft_error *
fetch_targets(struct graft_client *client,
	      const struct graft_authority *authority,
	      const struct graft_node *listed, struct graft_client_file *file)
{
	struct graft_error *err = graft_client_fetch(
		client, version_in_name(client, listed),
		most_bytes(listed, GRAFT_TRUST_TARGETS_BYTES), file);
	if (err)
		return err;
	err = check_fetched(authority, listed, file);
	if (!err)
		err = graft_client_check_time(client, file->metadata);
	if (err)
		return graft_client_say(file, err);
	return graft_trust_store_write(client->store, file->role, file->bytes,
				       file->len);
}

struct graft_error *
graft_client_targets(struct graft_client *client, const char *role,
		     const struct graft_authority *authority,
		     const struct graft_metadata **ret)
{
	const struct graft_node *listed = graft_metadata_file(client->snapshot,
							      role);
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file old = { .role = role,
					 .type = GRAFT_METADATA_TARGETS };
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file new = old;

	if (!listed)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: the snapshot does not list it, so "
				       "it is not taken: tell the owner of the "
				       "repository",
				       role);
	struct graft_error *err = find_kept(client, role, authority, ret);
	if (err || *ret)
		return err;
	err = graft_client_load_if_good(client, authority, &old);
	if (err)
		return err;
	if (old.metadata) {
		err = check_stored(client, &old, listed);
		if (!err)
			return keep(client, &old, ret);
		graft_error_free(err);
	}
	err = fetch_targets(client, authority, listed, &new);
	return err ? err : keep(client, &new, ret);
}

struct graft_error *
graft_client_refresh(struct graft_client *client)
{
	const struct graft_metadata *targets;

	if (client->refreshed)
		return NULL;
	graft_metadata_free(GRAFT_TAKE(client->timestamp));
	graft_metadata_free(GRAFT_TAKE(client->snapshot));
	struct graft_error *err = graft_client_update_root(client);
	if (!err)
		err = update_timestamp(client);
	if (!err)
		err = update_snapshot(client);
	if (err)
		return err;
	const struct graft_authority authority =
		graft_authority_of(client->root, GRAFT_METADATA_TARGETS);
	err = graft_client_targets(client, "targets", &authority, &targets);
	if (err)
		return err;
	client->refreshed = true;
	return NULL;
}
