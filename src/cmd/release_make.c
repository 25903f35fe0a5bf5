// SPDX-License-Identifier: Apache-2.0

#include "cmd/release.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/settings.h"
#include "cmd/repo.h"
#include "release/policy.h"
#include "release/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_PATH "/etc/graft/policy.conf"

struct graft_error *
graft_release_policy(const struct graft_repo_options *options, bool needed,
		     struct graft_policy *ret)
{
	const char *path = options->policy ? options->policy : POLICY_PATH;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);
	if (err && !needed && !options->policy &&
	    graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		*ret = (struct graft_policy){ 0 };
		return NULL;
	}
	return err ? err
		   : graft_policy_parse((const char *)bytes, len, path, ret);
}

/** Read the specification and the files. */
GRAFT_MUST_CHECK static struct graft_error *
read_release(struct graft_repo_options *options, struct graft_release **ret)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	const char *spec = options->words[1];
	size_t len;

	struct graft_error *err =
		graft_file_read(spec, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);
	if (!err)
		err = graft_release_spec_parse((const char *)bytes, len, spec,
					       &release);
	if (!err)
		err = graft_release_take_files(release, options->words + 2,
					       options->word_count - 2);
	if (!err)
		err = graft_release_count_leaving(options, release);
	if (err)
		return err;
	*ret = GRAFT_TAKE(release);
	return NULL;
}

/** Stage a release and its files. */
GRAFT_MUST_CHECK static struct graft_error *
stage_files(struct graft_repo *repo, const struct graft_repo_options *options,
	    const struct graft_release *release, const struct graft_text *json)
{
	GRAFT_FREE struct graft_repo_target *targets =
		calloc(release->form_count + 1, sizeof(*targets));
	GRAFT_FREE char *path = NULL;

	if (!targets)
		return graft_error_no_memory();
	if (asprintf(&path, GRAFT_RELEASE_PREFIX "%s.json", release->id) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	for (size_t i = 0; i < release->form_count; i++)
		targets[i] = (struct graft_repo_target){
			.file = options->words[2 + i],
			.path = release->forms[i].path,
		};
	targets[release->form_count] = (struct graft_repo_target){
		.bytes = json->str, .len = json->len, .path = path
	};
	return graft_repo_add(repo, options->role, targets,
			      release->form_count + 1);
}

/** Check a release among the others, and stage it. */
GRAFT_MUST_CHECK static struct graft_error *
make(struct graft_repo *repo, struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text json = { 0 };
	GRAFT_FREE struct graft_policy *policy = calloc(1, sizeof(*policy));
	struct graft_release *release = NULL;

	if (!policy)
		return graft_error_no_memory();
	struct graft_error *err = graft_release_policy(options, false, policy);
	if (!err)
		err = graft_release_load(repo, &catalogue);
	if (!err)
		err = read_release(options, &release);
	if (!err)
		err = graft_catalogue_take(&catalogue, release);
	if (!err)
		err = graft_catalogue_check(&catalogue, policy->proven);
	if (err)
		return err;
	graft_release_encode(release, &json);
	if (json.failed)
		return graft_error_no_memory();
	// Whoever reads it is as strict.
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *again = NULL;
	err = graft_release_decode(json.str, json.len, &again);
	return err ? err : stage_files(repo, options, release, &json);
}

struct graft_error *
graft_release_action_make(struct graft_repo_options *options)
{
	return graft_repo_action_stage(options, make);
}
