// SPDX-License-Identifier: Apache-2.0

#include "cmd/repo.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/print.h"
#include "repo/status.h"

#include <stdio.h>

/** Print something of a repository. */
GRAFT_MUST_CHECK static struct graft_error *
print(const struct graft_repo_options *options,
      struct graft_error *(*fn)(struct graft_repo *repo,
				struct graft_text *out))
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	struct graft_error *err = graft_repo_open(&config, &repo);
	if (!err)
		err = fn(repo, &text);
	return err ? err : graft_print_text(&text);
}

struct graft_error *
graft_repo_action_status(struct graft_repo_options *options)
{
	return print(options, options->json ? graft_repo_print_json
					    : graft_repo_print_text);
}

struct graft_error *
graft_repo_action_list(struct graft_repo_options *options)
{
	return print(options, graft_repo_print_targets);
}
