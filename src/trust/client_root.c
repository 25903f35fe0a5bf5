// SPDX-License-Identifier: Apache-2.0

#include "trust/client_model.h"
#include "trust/instant.h"
#include "trust/limits.h"

#include <string.h>

/** 2020-01-01: no machine that runs this program is there. */
#define CLOCK_MIN ((int64_t)1577836800)

struct graft_error *
graft_client_init(const char *dir, const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_trust_store_closep)
	struct graft_trust_store *store = NULL;
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *root = NULL;
	GRAFT_FREE uint8_t *there = NULL;
	size_t there_len;

	if (len > GRAFT_TRUST_ROOT_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a root of more than %d bytes",
				       GRAFT_TRUST_ROOT_BYTES);
	struct graft_error *err = graft_metadata_decode(GRAFT_METADATA_ROOT,
							bytes, len, &root);
	if (err)
		return err;
	const struct graft_authority own =
		graft_authority_of(root, GRAFT_METADATA_ROOT);
	err = graft_authority_check(&own, root);
	if (!err)
		err = graft_trust_store_open(dir, true, &store);
	if (err)
		return err;

	err = graft_trust_store_read(store, "root", GRAFT_TRUST_ROOT_BYTES,
				     &there, &there_len);
	if (err && graft_error_code(err) != GRAFT_ERROR_NOT_FOUND)
		return err;
	if (err) {
		graft_error_free(err);
		return graft_trust_store_write(store, "root", bytes, len);
	}
	if (there_len == len && memcmp(there, bytes, len) == 0)
		return NULL;
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "%s: another root is trusted there already: "
			       "remove the directory first, if it shall be "
			       "forgotten",
			       dir);
}

/** Load the root that is trusted since before. */
GRAFT_MUST_CHECK static struct graft_error *
load_root(struct graft_client *client)
{
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file file = { .role = "root",
					  .type = GRAFT_METADATA_ROOT };

	struct graft_error *err = graft_client_load(client, NULL, &file);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no root is trusted there: init it "
				       "with a root.json from a source that "
				       "you trust",
				       client->config.metadata_dir);
	}
	if (err && graft_error_kind(err) == GRAFT_KIND_INPUT) {
		struct graft_error *said = graft_error_new(
			graft_error_code(err),
			"root: %s: %s: what is trusted was damaged: remove the "
			"directory, and init it anew with a root.json from a "
			"source that you trust",
			file.place, graft_error_message(err));
		graft_error_free(err);
		return said;
	}
	if (err)
		return err;
	client->root = GRAFT_TAKE(file.metadata);
	return NULL;
}

struct graft_error *
graft_client_open(const struct graft_client_config *config,
		  struct graft_client **ret)
{
	char now[GRAFT_INSTANT_LEN];

	if (config->now < CLOCK_MIN) {
		graft_instant_print(config->now, now);
		return graft_error_new(GRAFT_ERROR_EXPIRED,
				       "the clock of this machine says %s, "
				       "which cannot be: set it, for what is "
				       "out of date cannot be told without it",
				       now);
	}
	GRAFT_CLEANUP(graft_client_closep)
	struct graft_client *client = calloc(1, sizeof(*client));
	if (!client)
		return graft_error_no_memory();
	client->config = *config;
	struct graft_error *err = graft_trust_store_open(config->metadata_dir,
							 false, &client->store);
	if (!err)
		err = load_root(client);
	if (err)
		return err;
	*ret = GRAFT_TAKE(client);
	return NULL;
}

void
graft_client_close(struct graft_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < client->role_count; i++) {
		free(client->roles[i].name);
		graft_metadata_free(client->roles[i].metadata);
	}
	free(client->roles);
	graft_metadata_free(client->root);
	graft_metadata_free(client->timestamp);
	graft_metadata_free(client->snapshot);
	graft_trust_store_close(client->store);
	free(client);
}

/**
 * Forget timestamp and snapshot if keys of theirs were taken away: who had such a key
 * may have made the versions so high that no honest one comes up to them. Before
 * the root is stored, so that a kill in between does not lose it.
 */
GRAFT_MUST_CHECK static struct graft_error *
forget_rotated(struct graft_client *client, const struct graft_metadata *new)
{
	if (!graft_authority_rotated(client->root, new,
				     GRAFT_METADATA_TIMESTAMP) &&
	    !graft_authority_rotated(client->root, new,
				     GRAFT_METADATA_SNAPSHOT))
		return NULL;
	struct graft_error *err = graft_trust_store_remove(client->store,
							   "timestamp");
	return err ? err : graft_trust_store_remove(client->store, "snapshot");
}

/** Check a root against the one before it, and itself. */
GRAFT_MUST_CHECK static struct graft_error *
check_root(struct graft_client *client, struct graft_client_file *file)
{
	const struct graft_authority before =
		graft_authority_of(client->root, GRAFT_METADATA_ROOT);

	struct graft_error *err = graft_client_verify(NULL, file);
	if (err)
		return err;
	err = graft_authority_check(&before, file->metadata);
	if (err)
		return graft_error_prefix(err, "by the root before it");
	if (file->metadata->version != client->root->version + 1)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"it is version %llu and not %llu",
			(unsigned long long)file->metadata->version,
			(unsigned long long)client->root->version + 1);
	return NULL;
}

/** Go on by one root. @return NULL also if there is none; @p more_ret says. */
GRAFT_MUST_CHECK static struct graft_error *
next_root(struct graft_client *client, bool *more_ret)
{
	GRAFT_CLEANUP(graft_client_file_deinit)
	struct graft_client_file file = { .role = "root",
					  .type = GRAFT_METADATA_ROOT };

	*more_ret = false;
	struct graft_error *err =
		graft_client_fetch(client, client->root->version + 1,
				   GRAFT_TRUST_ROOT_BYTES, &file);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return NULL;
	}
	if (err)
		return err;
	err = check_root(client, &file);
	if (err)
		return graft_client_say(&file, err);
	if (client->config.root_fn)
		err = client->config.root_fn(client->config.root_arg,
					     file.bytes, file.len);
	if (!err)
		err = forget_rotated(client, file.metadata);
	if (!err)
		err = graft_trust_store_write(client->store, "root", file.bytes,
					      file.len);
	if (err)
		return err;
	graft_metadata_free(client->root);
	client->root = GRAFT_TAKE(file.metadata);
	*more_ret = true;
	return NULL;
}

struct graft_error *
graft_client_update_root(struct graft_client *client)
{
	bool more = true;

	for (int i = 0; more; i++) {
		if (i == GRAFT_TRUST_ROOTS_MAX)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "root: %d new roots were taken, "
					       "and there are more: run it "
					       "again",
					       GRAFT_TRUST_ROOTS_MAX);
		struct graft_error *err = next_root(client, &more);
		if (err)
			return err;
	}
	struct graft_error *err = graft_client_check_time(client, client->root);
	return err ? graft_error_prefix(
			     err, "root: version %llu",
			     (unsigned long long)client->root->version)
		   : NULL;
}
