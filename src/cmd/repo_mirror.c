// SPDX-License-Identifier: Apache-2.0

#include "cmd/repo.h"

#include "base/cleanup.h"
#include "cmd/usage.h"
#include "repo/bundle.h"
#include "repo/limits.h"
#include "repo/mirror.h"
#include "trust/curl.h"
#include "trust/retry.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TIMEOUT_S = 20,
	TIMEOUT_MAX_S = 3600,
	TRIES = 6,
	PAUSE_US = 1000 * 1000,
	PAUSE_MAX_US = 120 * 1000 * 1000,
	/** Of the timestamp of a bundle. */
	BUNDLE_DAYS = 14,
};

static void
say(const struct graft_mirror_counts *counts)
{
	(void)printf("%zu targets, %zu of them new, %" PRIu64 " bytes\n",
		     counts->targets, counts->fetched, counts->bytes);
}

/** Read --timeout. */
GRAFT_MUST_CHECK static struct graft_error *
read_timeout(const char *text, uint32_t *ret)
{
	uint32_t value = TIMEOUT_S;

	if (text &&
	    (!graft_usage_number(text, TIMEOUT_MAX_S, &value) || value < 1))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "--timeout %s: from 1 to %d seconds",
				       text, TIMEOUT_MAX_S);
	*ret = value;
	return NULL;
}

struct graft_error *
graft_repo_action_mirror(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_curl_closep) struct graft_curl *curl = NULL;
	GRAFT_FREE char *url = strdup(options->words[0]);
	struct graft_retry retry = { .tries = TRIES,
				     .pause_us = PAUSE_US,
				     .pause_max_us = PAUSE_MAX_US };
	struct graft_mirror_counts counts;
	uint32_t timeout;

	if (!url)
		return graft_error_no_memory();
	while (*url && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	// A server that closes a connection shall be an error and no end.
	(void)signal(SIGPIPE, SIG_IGN);
	struct graft_error *err = read_timeout(options->timeout, &timeout);
	if (!err)
		err = graft_curl_open(timeout, &curl);
	if (err)
		return err;
	retry.inner = graft_curl_fetcher(curl);
	const struct graft_mirror_config config = {
		.dir = options->words[1],
		.trusted_root = options->trusted_root,
		.url = url,
		.fetcher = graft_retry_fetcher(&retry),
		.now = (int64_t)time(NULL),
	};
	err = graft_mirror_run(&config, &counts);
	if (!err)
		say(&counts);
	return err;
}

struct graft_error *
graft_repo_action_export(struct graft_repo_options *options)
{
	GRAFT_FREE struct graft_signer **list = NULL;
	struct graft_mirror_counts counts;
	struct graft_repo_keys keys = { 0 };
	uint32_t days = BUNDLE_DAYS;

	struct graft_error *err = graft_repo_options_number(
		&options->days, NULL, "--days", GRAFT_REPO_DAYS_MAX, &days);
	if (!err && options->days.count && !options->keys.count)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "--days is for a timestamp that is "
				      "signed: --key KEY");
	if (!err)
		err = graft_repo_options_keys(options, &options->keys, NULL,
					      &list, &keys.count);
	keys.list = list;
	if (!err)
		err = graft_bundle_export(options->words[0], &keys, days,
					  (int64_t)time(NULL),
					  options->words[1], &counts);
	if (!err)
		say(&counts);
	return err;
}

struct graft_error *
graft_repo_action_import(struct graft_repo_options *options)
{
	const struct graft_mirror_config config = {
		.dir = options->words[1],
		.trusted_root = options->trusted_root,
		.now = (int64_t)time(NULL),
	};
	struct graft_mirror_counts counts;

	struct graft_error *err =
		graft_bundle_import(&config, options->words[0], &counts);
	if (!err)
		say(&counts);
	return err;
}
