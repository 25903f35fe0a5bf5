// SPDX-License-Identifier: Apache-2.0

#include "cmd/release.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/print.h"
#include "cmd/repo.h"
#include "cmd/usage.h"
#include "cmd/verb.h"
#include "release/release_print.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/** More than anybody has. */
	FLEET_MAX = 1000 * 1000 * 1000,
};

static const char usage[] =
	"usage: graft release make DIR SPEC FILE ... [--policy FILE] [--key KEY]\n"
	"                          [--inventory FILE|DIR --leaves-track N]\n"
	"       graft release check DIR [--policy FILE]\n"
	"       graft release list DIR\n"
	"       graft release show DIR ID [--json]\n"
	"       graft release sizes DIR [--fleet N] [--json]\n"
	"\n"
	"Make releases in a repository (graft repo) and look at them. A release names what it\n"
	"fixes, for which baseline, what it takes the place of, and the files (.graft, .deb)\n"
	"that bring it; the rules of the catalogue are checked when it is made and before it\n"
	"is published.\n"
	"\n"
	"  SPEC is a file of settings: id, line (baseline, hotpatch, out-of-band, cumulative),\n"
	"  date, level, classification, severity, title, cve, article, requires-baseline,\n"
	"  supersedes, cumulative, keeps-track, restart.\n"
	"\n"
	"      --policy FILE     its 'assurance' says how sure hotpatches must be\n"
	"      --inventory FILE  devices, to count those that would leave the hotpatch track;\n"
	"                        or the directory of graft compliance, with reports of hosts\n"
	"      --leaves-track N  so many are meant to\n"
	"      --fleet N         devices, for how many bytes they save\n"
	"\n"
	"Keys and the like are as for graft repo; graft-release(1) says more.\n";

/** Open the repository of a command line and load its releases. */
GRAFT_MUST_CHECK static struct graft_error *
load(const struct graft_repo_options *options, struct graft_catalogue *ret)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	const struct graft_repo_config config =
		graft_repo_action_config(options);
	struct graft_error *err = graft_repo_open(&config, &repo);

	return err ? err : graft_release_load(repo, ret);
}

GRAFT_MUST_CHECK static struct graft_error *
check(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_FREE struct graft_policy *policy = calloc(1, sizeof(*policy));
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	if (!policy)
		return graft_error_no_memory();
	struct graft_error *err = graft_release_policy(options, false, policy);
	if (!err)
		err = graft_repo_open(&config, &repo);
	return err ? err : graft_release_check_repo(repo, policy->proven);
}

GRAFT_MUST_CHECK static struct graft_error *
list(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = load(options, &catalogue);

	if (err)
		return err;
	graft_catalogue_print_list(&catalogue, &text);
	return graft_print_text(&text);
}

GRAFT_MUST_CHECK static struct graft_error *
show(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = load(options, &catalogue);

	if (err)
		return err;
	const struct graft_release *release =
		graft_catalogue_find(&catalogue, options->words[1]);
	if (!release)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: no such release",
				       options->words[1]);
	if (options->json)
		graft_release_encode(release, &text);
	else
		graft_release_print(&catalogue, release, &text);
	return graft_print_text(&text);
}

GRAFT_MUST_CHECK static struct graft_error *
sizes(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_catalogue_deinit)
	struct graft_catalogue catalogue = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	uint32_t fleet = 0;

	if (options->fleet &&
	    !graft_usage_number(options->fleet, FLEET_MAX, &fleet))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "--fleet %s: a number of devices up to "
				       "%d",
				       options->fleet, FLEET_MAX);
	struct graft_error *err = load(options, &catalogue);
	if (err)
		return err;
	if (options->json)
		graft_catalogue_print_sizes_json(&catalogue, fleet, &text);
	else
		graft_catalogue_print_sizes(&catalogue, fleet, &text);
	return graft_print_text(&text);
}

static const struct graft_repo_action actions[] = {
	{ "make", graft_release_action_make,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_ROLE |
		  GRAFT_REPO_OPTION_POLICY | GRAFT_REPO_OPTION_INVENTORY,
	  2, SIZE_MAX },
	{ "check", check, GRAFT_REPO_OPTION_POLICY, 1, 1 },
	{ "list", list, 0, 1, 1 },
	{ "show", show, GRAFT_REPO_OPTION_JSON, 2, 2 },
	{ "sizes", sizes, GRAFT_REPO_OPTION_JSON | GRAFT_REPO_OPTION_FLEET, 1,
	  1 },
};

struct graft_error *
graft_verb_release(int argc, char **argv, int *status_ret)
{
	return graft_repo_act(argc, argv, usage, actions,
			      sizeof(actions) / sizeof(*actions), status_ret);
}
