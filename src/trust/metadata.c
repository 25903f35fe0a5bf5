// SPDX-License-Identifier: Apache-2.0

#include "trust/metadata.h"

#include "trust/canonical.h"
#include "trust/instant.h"
#include "trust/limits.h"
#include "trust/shape.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[GRAFT_METADATA_ROOT] = "root",
	[GRAFT_METADATA_TIMESTAMP] = "timestamp",
	[GRAFT_METADATA_SNAPSHOT] = "snapshot",
	[GRAFT_METADATA_TARGETS] = "targets",
};

const char *
graft_metadata_type_name(enum graft_metadata_type type)
{
	return names[type];
}

void
graft_metadata_free(struct graft_metadata *metadata)
{
	if (!metadata)
		return;
	graft_document_free(metadata->document);
	free(metadata->canonical);
	free(metadata);
}

/** See that the file is of version 1 of the specification: "1.0", "1.0.31". */
GRAFT_MUST_CHECK static struct graft_error *
check_spec_version(const struct graft_node *signed_part)
{
	const struct graft_node *node;
	struct graft_error *err = graft_shape_take(signed_part, "spec_version",
						   GRAFT_NODE_STRING, &node);
	if (err)
		return err;
	if (strncmp(node->text, "1.", 2) != 0 && strcmp(node->text, "1") != 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "it is of another version of the "
				       "specification than 1.x: a newer "
				       "program is needed");
	return NULL;
}

/** See that a file is what it is asked for. */
GRAFT_MUST_CHECK static struct graft_error *
check_type(const struct graft_metadata *metadata)
{
	const struct graft_node *node;
	struct graft_error *err = graft_shape_take(
		metadata->signed_part, "_type", GRAFT_NODE_STRING, &node);
	if (err)
		return err;
	if (strcmp(node->text, names[metadata->type]) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its _type is not \"%s\"",
				       names[metadata->type]);
	return NULL;
}

/** Take what all types have. */
GRAFT_MUST_CHECK static struct graft_error *
decode_common(struct graft_metadata *metadata)
{
	const struct graft_node *node;

	struct graft_error *err = check_type(metadata);
	if (!err)
		err = check_spec_version(metadata->signed_part);
	if (!err)
		err = graft_shape_number(metadata->signed_part, "version", 1,
					 &metadata->version);
	if (!err)
		err = graft_shape_take(metadata->signed_part, "expires",
				       GRAFT_NODE_STRING, &node);
	if (err)
		return err;
	if (!graft_instant_parse(node->text, &metadata->expires))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"expires\" is no time like "
				       "2030-01-31T23:59:59Z");
	return NULL;
}

/** See that each signature has an id of its own and something that may be one. */
GRAFT_MUST_CHECK static struct graft_error *
check_signatures(const struct graft_node *signatures)
{
	const struct graft_node *keyids[GRAFT_TRUST_SIGNATURES_MAX];
	const struct graft_node *sig;

	if (signatures->count > GRAFT_TRUST_SIGNATURES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d signatures",
				       GRAFT_TRUST_SIGNATURES_MAX);
	const struct graft_node *at = graft_node_first(signatures);
	for (uint32_t i = 0; i < signatures->count; i++) {
		struct graft_error *err = graft_shape_take(
			at, "keyid", GRAFT_NODE_STRING, &keyids[i]);
		if (!err)
			err = graft_shape_take(at, "sig", GRAFT_NODE_STRING,
					       &sig);
		if (err)
			return graft_error_prefix(err, "a signature");
		for (uint32_t k = 0; k < i; k++) {
			if (graft_node_compare(keyids[k], keyids[i]) == 0)
				return graft_error_new(
					GRAFT_ERROR_BAD_INPUT,
					"two signatures of one keyid");
		}
		at = graft_node_next(at);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
decode_root(struct graft_metadata *metadata)
{
	const struct graft_node *signed_part = metadata->signed_part;
	const struct graft_node *role;

	struct graft_error *err =
		graft_shape_bool(signed_part, "consistent_snapshot",
				 &metadata->consistent_snapshot);
	if (!err)
		err = graft_shape_keys(signed_part, &metadata->keys);
	if (!err)
		err = graft_shape_take(signed_part, "roles", GRAFT_NODE_OBJECT,
				       &metadata->roles);
	for (int i = 0; !err && i < GRAFT_METADATA_TYPES; i++) {
		err = graft_shape_take(metadata->roles, names[i],
				       GRAFT_NODE_OBJECT, &role);
		if (err)
			break;
		err = graft_shape_role(role);
		if (err)
			err = graft_error_prefix(err, "role %s", names[i]);
	}
	return err;
}

/** Decode the files of a timestamp or snapshot. */
GRAFT_MUST_CHECK static struct graft_error *
decode_meta(struct graft_metadata *metadata)
{
	struct graft_error *err = graft_shape_take(metadata->signed_part,
						   "meta", GRAFT_NODE_OBJECT,
						   &metadata->meta);
	if (!err)
		err = graft_shape_files(metadata->meta);
	if (err)
		return err;
	if (metadata->type == GRAFT_METADATA_TIMESTAMP &&
	    !graft_metadata_file(metadata, "snapshot"))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "\"meta\" has no snapshot.json");
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
decode_targets(struct graft_metadata *metadata)
{
	const struct graft_node *delegations =
		graft_node_get(metadata->signed_part, "delegations");

	struct graft_error *err = graft_shape_take(metadata->signed_part,
						   "targets", GRAFT_NODE_OBJECT,
						   &metadata->targets);
	if (!err)
		err = graft_shape_targets(metadata->targets);
	if (err || !delegations)
		return err;
	err = graft_shape_keys(delegations, &metadata->keys);
	if (!err)
		err = graft_shape_take(delegations, "roles", GRAFT_NODE_ARRAY,
				       &metadata->roles);
	if (!err)
		err = graft_shape_delegations(metadata->roles);
	return err ? graft_error_prefix(err, "\"delegations\"") : NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
decode_signed(struct graft_metadata *metadata)
{
	struct graft_error *err = decode_common(metadata);
	if (err)
		return err;
	switch (metadata->type) {
	case GRAFT_METADATA_ROOT:
		return decode_root(metadata);
	case GRAFT_METADATA_TARGETS:
		return decode_targets(metadata);
	default:
		return decode_meta(metadata);
	}
}

struct graft_error *
graft_metadata_decode(enum graft_metadata_type type, const void *bytes,
		      size_t len, struct graft_metadata **ret)
{
	GRAFT_CLEANUP(graft_metadata_freep)
	struct graft_metadata *metadata = calloc(1, sizeof(*metadata));
	if (!metadata)
		return graft_error_no_memory();
	metadata->type = type;

	struct graft_error *err = graft_document_parse(bytes, len,
						       &metadata->document);
	if (err)
		return err;
	const struct graft_node *root = graft_document_root(metadata->document);
	err = graft_shape_take(root, "signatures", GRAFT_NODE_ARRAY,
			       &metadata->signatures);
	if (!err)
		err = check_signatures(metadata->signatures);
	if (!err)
		err = graft_shape_take(root, "signed", GRAFT_NODE_OBJECT,
				       &metadata->signed_part);
	if (!err)
		err = decode_signed(metadata);
	if (!err)
		err = graft_canonical_make(metadata->signed_part,
					   &metadata->canonical,
					   &metadata->canonical_len);
	if (err)
		return err;
	*ret = GRAFT_TAKE(metadata);
	return NULL;
}

struct graft_error *
graft_metadata_check_role(const struct graft_metadata *metadata,
			  const char *role)
{
	const struct graft_node *said = graft_node_get(metadata->signed_part,
						       GRAFT_METADATA_ROLE_KEY);

	if (metadata->type != GRAFT_METADATA_TARGETS || !said ||
	    (said->kind == GRAFT_NODE_STRING && strcmp(said->text, role) == 0))
		return NULL;
	return graft_error_new(
		GRAFT_ERROR_BAD_INPUT,
		"it says that it is of role %.100s, and not %s",
		said->kind == GRAFT_NODE_STRING ? said->text : "?", role);
}

const struct graft_node *
graft_metadata_file(const struct graft_metadata *metadata, const char *role)
{
	size_t len = strlen(role);
	const struct graft_node *key = graft_node_first(metadata->meta);

	for (uint32_t i = 0; i < metadata->meta->count; i++) {
		const struct graft_node *file = graft_node_next(key);
		if (key->len == len + strlen(".json") &&
		    memcmp(key->text, role, len) == 0 &&
		    strcmp(key->text + len, ".json") == 0)
			return file;
		key = graft_node_next(file);
	}
	return NULL;
}

uint64_t
graft_metadata_file_version(const struct graft_node *file)
{
	return (uint64_t)graft_node_get(file, "version")->number;
}
