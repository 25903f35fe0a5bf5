// SPDX-License-Identifier: Apache-2.0

#include "repo/repo.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "repo/names.h"
#include "repo/repo_model.h"

#include <string.h>

struct graft_error *
graft_repo_each_found(const struct graft_repo *repo, const char *prefix,
		      graft_repo_found_fn *fn, void *arg)
{
	for (size_t i = GRAFT_REPO_TARGETS; i < repo->role_count; i++) {
		const struct graft_metadata *metadata =
			graft_repo_current(repo->roles[i]);
		uint32_t left = metadata ? metadata->targets->count : 0;
		const struct graft_node *key =
			left ? graft_node_first(metadata->targets) : NULL;
		for (; left > 0; left--) {
			const struct graft_node *target = graft_node_next(key);
			const struct graft_node *hash = graft_node_get(
				graft_node_get(target, "hashes"), "sha256");
			struct graft_error *err = NULL;
			if (strncmp(key->text, prefix, strlen(prefix)) == 0)
				err = fn(arg, key->text,
					 (uint64_t)graft_node_get(target,
								  "length")
						 ->number,
					 hash ? hash->text : "");
			if (err)
				return err;
			key = graft_node_next(target);
		}
	}
	return NULL;
}

struct graft_error *
graft_repo_read_target(const struct graft_repo *repo, const char *path,
		       const char *sha256, uint64_t max, uint8_t **bytes_ret,
		       size_t *len_ret)
{
	static const char *const places[] = { "staged/targets",
					      "public/targets" };
	char digits[2 * GRAFT_SHA256_LEN + 1];
	uint8_t hash[GRAFT_SHA256_LEN];
	GRAFT_FREE char *name = NULL;

	struct graft_error *err = graft_repo_path_check(path);
	if (!err)
		err = graft_repo_hashed_name(path, sha256, &name);
	if (err)
		return err;
	for (size_t i = 0; i < 2; i++) {
		GRAFT_FREE char *file = NULL;
		GRAFT_FREE uint8_t *bytes = NULL;
		err = graft_repo_path(repo, &file, "%s/%s", places[i], name);
		if (!err)
			err = graft_file_read(file, max, &bytes, len_ret);
		if (!err)
			err = graft_sha256(bytes, *len_ret, hash);
		if (err && i == 0 &&
		    graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
			graft_error_free(err);
			continue;
		}
		if (err)
			return err;
		graft_hex_encode(hash, sizeof(hash), digits);
		if (strcmp(digits, sha256) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s: it is not what was signed",
					       file);
		*bytes_ret = GRAFT_TAKE(bytes);
		return NULL;
	}
	return err;
}
