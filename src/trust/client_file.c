// SPDX-License-Identifier: Apache-2.0

#include "trust/client_model.h"
#include "trust/escape.h"
#include "trust/instant.h"
#include "trust/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
graft_client_file_deinit(struct graft_client_file *file)
{
	free(file->place);
	free(file->bytes);
	graft_metadata_free(file->metadata);
}

/** Say what to do about an error; NULL if it says so itself. */
static const char *
advice(enum graft_error_code code)
{
	switch (code) {
	case GRAFT_ERROR_BAD_INPUT:
		return "it is damaged, or of another state of the repository: "
		       "try again later, or another mirror";
	case GRAFT_ERROR_BAD_SIGNATURE:
		return "it was not made by whom the repository trusts: try "
		       "another mirror, or tell the owner of the repository";
	case GRAFT_ERROR_ROLLBACK:
		return "the mirror serves old files: try another one";
	case GRAFT_ERROR_LIMIT:
		return "it is not what this repository needs: try another "
		       "mirror";
	case GRAFT_ERROR_NOT_FOUND:
		return "the mirror is not complete: try again later, or "
		       "another one";
	case GRAFT_ERROR_UNREACHABLE:
		return "see whether network and mirror work, and try again";
	default:
		return NULL;
	}
}

struct graft_error *
graft_client_say(const struct graft_client_file *file, struct graft_error *err)
{
	const char *what = advice(graft_error_code(err));

	if (!what)
		return graft_error_prefix(err, "%s: %s", file->role,
					  file->place);
	struct graft_error *said = graft_error_new(
		graft_error_code(err), "%s: %s: %s: %s", file->role,
		file->place, graft_error_message(err), what);
	graft_error_free(err);
	return said;
}

GRAFT_MUST_CHECK static struct graft_error *
url_of(const char *base, uint64_t version, const char *role, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text url = { 0 };
	size_t len = strlen(base);

	graft_text_put(&url, base);
	if (!len || base[len - 1] != '/')
		graft_text_put(&url, "/");
	if (version)
		graft_text_printf(&url, "%" PRIu64 ".", version);
	graft_escape_component(&url, role);
	graft_text_put(&url, ".json");
	return graft_text_take(&url, ret);
}

struct graft_error *
graft_client_fetch(struct graft_client *client, uint64_t version, uint64_t max,
		   struct graft_client_file *file)
{
	struct graft_error *err = url_of(client->config.metadata_url, version,
					 file->role, &file->place);
	if (err)
		return err;
	err = graft_fetch_whole(&client->config.fetcher, file->place, max,
				&file->bytes, &file->len);
	return err ? graft_client_say(file, err) : NULL;
}

struct graft_error *
graft_client_verify(const struct graft_authority *authority,
		    struct graft_client_file *file)
{
	struct graft_error *err = graft_metadata_decode(
		file->type, file->bytes, file->len, &file->metadata);
	if (err)
		return err;
	struct graft_authority own = { 0 };
	if (!authority) {
		own = graft_authority_of(file->metadata, file->type);
		authority = &own;
	}
	err = graft_authority_check(authority, file->metadata);
	if (!err)
		err = graft_metadata_check_role(file->metadata, file->role);
	if (err) {
		graft_metadata_free(file->metadata);
		file->metadata = NULL;
	}
	return err;
}

struct graft_error *
graft_client_load(struct graft_client *client,
		  const struct graft_authority *authority,
		  struct graft_client_file *file)
{
	static const uint64_t max[] = {
		[GRAFT_METADATA_ROOT] = GRAFT_TRUST_ROOT_BYTES,
		[GRAFT_METADATA_TIMESTAMP] = GRAFT_TRUST_TIMESTAMP_BYTES,
		[GRAFT_METADATA_SNAPSHOT] = GRAFT_TRUST_SNAPSHOT_BYTES,
		[GRAFT_METADATA_TARGETS] = GRAFT_TRUST_TARGETS_BYTES,
	};
	struct graft_error *err;

	if (asprintf(&file->place, "%s/%s.json",
		     graft_trust_store_path(client->store), file->role) < 0) {
		file->place = NULL;
		return graft_error_no_memory();
	}
	err = graft_trust_store_read(client->store, file->role, max[file->type],
				     &file->bytes, &file->len);
	if (!err)
		err = graft_client_verify(authority, file);
	return err;
}

struct graft_error *
graft_client_load_if_good(struct graft_client *client,
			  const struct graft_authority *authority,
			  struct graft_client_file *file)
{
	struct graft_error *err = graft_client_load(client, authority, file);

	if (err && graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	graft_error_free(err);
	return NULL;
}

struct graft_error *
graft_client_check_time(const struct graft_client *client,
			const struct graft_metadata *metadata)
{
	char expires[GRAFT_INSTANT_LEN];
	char now[GRAFT_INSTANT_LEN];

	if (metadata->expires > client->config.now)
		return NULL;
	graft_instant_print(metadata->expires, expires);
	graft_instant_print(client->config.now, now);
	return graft_error_new(
		GRAFT_ERROR_EXPIRED,
		"it expired at %s, and the clock of this machine "
		"says %s: if the clock is right, the mirror is "
		"out of date: try another one, or tell the owner "
		"of the repository; if not, set the clock",
		expires, now);
}
