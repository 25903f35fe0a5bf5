// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "agent/updates.h"
#include "base/clock.h"
#include "base/env.h"
#include "base/file.h"
#include "base/settings.h"
#include "cmd/device.h"
#include "cmd/print.h"
#include "cmd/restart.h"
#include "cmd/verb.h"
#include "release/policy.h"
#include "trust/curl.h"
#include "trust/retry.h"
#include "update/last.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLICY_PATH "/etc/graft/policy.conf"

enum {
	/** As those of `graft repo mirror`, but there may be other mirrors. */
	TRIES = 4,
	PAUSE_US = 1000 * 1000,
	US_A_S = 1000 * 1000,
	PAUSE_MAX_US = 120 * 1000 * 1000,
	/** Exit statuses. */
	STATUS_NOTHING = 3,
	STATUS_REFUSED = 4,
	STATUS_SOME = 5,
};

void
graft_update_deinit(struct graft_update *update)
{
	for (size_t i = 0; i < update->file_count; i++)
		free(update->files[i].why);
	free(update->files);
	graft_cumulative_deinit(&update->cumulative);
	graft_choice_deinit(&update->choice);
	graft_repositories_close(update->repositories);
	graft_update_places_deinit(&update->places);
	graft_config_free(update->config);
}

/** Read the policy: what is said there about what lives is a bound, and need not be there. */
GRAFT_MUST_CHECK static struct graft_error *
read_policy(const char *path, struct graft_policy *ret)
{
	const char *from = path ? path : POLICY_PATH;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err =
		graft_file_read(from, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && !path && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_policy_parse_beside("", 0, from, ret);
	}
	return err ? err
		   : graft_policy_parse_beside((const char *)bytes, len, from,
					       ret);
}

/** Remove what is listed no more. That it cannot be removed keeps no fix from a device. */
static void
tidy_up(const struct graft_repositories *repositories)
{
	struct graft_error *err = graft_repositories_sweep(repositories);

	if (err)
		(void)fprintf(stderr,
			      "graft update: what is not needed stays: %s\n",
			      graft_error_message(err));
	graft_error_free(err);
}

/** Get the catalogue and decide. */
GRAFT_MUST_CHECK static struct graft_error *
decide(struct graft_update *update)
{
	GRAFT_FREE struct graft_policy *policy = calloc(1, sizeof(*policy));
	const struct graft_catalogue *catalogue;

	if (!policy)
		return graft_error_no_memory();
	struct graft_error *err = read_policy(update->options->policy, policy);
	if (!err)
		err = graft_device_look(&update->facts);
	if (!err)
		err = graft_repositories_catalogue(update->repositories,
						   &catalogue);
	if (!err && !update->options->dry_run)
		tidy_up(update->repositories);
	return err ? err
		   : graft_choose(catalogue, &update->facts, policy,
				  &update->choice);
}

/** Do what was decided. */
GRAFT_MUST_CHECK static struct graft_error *
act(struct graft_update *update)
{
	switch (update->choice.eligibility.decision) {
	case GRAFT_DECISION_HOTPATCH:
		return graft_update_take_hotpatch(update);
	case GRAFT_DECISION_BASELINE:
	case GRAFT_DECISION_CUMULATIVE:
		return graft_update_take_restart(update);
	default:
		return NULL;
	}
}

static int
exit_status(const struct graft_update *update)
{
	size_t fine = 0;

	switch (update->choice.eligibility.decision) {
	case GRAFT_DECISION_UP_TO_DATE:
		return STATUS_NOTHING;
	case GRAFT_DECISION_NOT_READY:
		return STATUS_REFUSED;
	default:
		break;
	}
	for (size_t i = 0; i < update->file_count; i++)
		fine += update->files[i].result < GRAFT_UPDATE_PARTLY;
	if (fine == update->file_count)
		return 0;
	for (size_t i = 0; i < update->file_count; i++)
		fine += update->files[i].result == GRAFT_UPDATE_PARTLY;
	return fine ? STATUS_SOME : STATUS_REFUSED;
}

/** Reach servers as the configuration says, whatever the environment does. */
GRAFT_MUST_CHECK static struct graft_error *
set_proxy(const struct graft_config *config, struct graft_curl *curl)
{
	const bool none = strcmp(config->proxy, "none") == 0;
	const struct graft_curl_proxy proxy = {
		.url = none ? NULL : config->proxy,
		.except = config->no_proxy,
		.password_file = config->proxy_password_file,
	};

	return graft_curl_set_proxy(curl, &proxy);
}

/**
 * Write down for graftd until when servers ask to be left alone: those without which it did not
 * go. Where another one served, one that is not well, or means no good, delays nobody.
 *
 * @param[in] why What went wrong; taken, and returned.
 */
GRAFT_MUST_CHECK static struct graft_error *
note_asked(const struct graft_retry *retry, struct graft_error *why)
{
	const uint64_t now_s = graft_clock_now_us() / US_A_S;
	struct graft_error *err = NULL;

	// A run that failed otherwise may not have asked anybody.
	if (retry->asked_s || !why)
		err = graft_updates_write_not_before(
			graft_env_state_dir(),
			why ? now_s + retry->asked_s : 0);
	if (!why)
		return err;
	graft_error_free(err);
	return why;
}

GRAFT_MUST_CHECK static struct graft_error *
run(struct graft_update *update)
{
	const struct graft_update_options *options = update->options;
	GRAFT_CLEANUP(graft_curl_closep) struct graft_curl *curl = NULL;
	struct graft_retry retry = { .tries = TRIES,
				     .pause_us = PAUSE_US,
				     .pause_max_us = PAUSE_MAX_US };
	bool confirmed;

	// A server that closes a connection shall be an error and no end.
	(void)signal(SIGPIPE, SIG_IGN);
	struct graft_error *err = graft_config_read(
		options->config ? options->config : GRAFT_CONFIG_PATH,
		!options->config, &update->config);
	if (!err)
		err = graft_curl_open(options->timeout_s, &curl);
	if (!err && update->config->proxy)
		err = set_proxy(update->config, curl);
	// What the device has is known only when an update that was restarted for is seen to.
	if (!err && !options->dry_run)
		err = graft_restart_confirm_if_restarted(&confirmed);
	if (err)
		return err;
	retry.inner = graft_curl_fetcher(curl);
	const struct graft_fetcher fetcher = graft_retry_fetcher(&retry);
	err = graft_update_open_source(update, &fetcher);
	if (!err)
		err = decide(update);
	if (!err)
		err = act(update);
	return options->dry_run ? err : note_asked(&retry, err);
}

/**
 * Remember what a look came to. What cannot be remembered is said, and changes nothing of it.
 *
 * @param[in] why It failed; NULL: it did not. Taken, and returned.
 */
GRAFT_MUST_CHECK static struct graft_error *
note(const struct graft_update *update, struct graft_error *why)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const int64_t now = (int64_t)time(NULL);
	struct graft_error *err = NULL;

	if (!why)
		err = graft_update_print_json(update, &text);
	if (!err)
		err = graft_update_last_note(why ? NULL : graft_text_str(&text),
					     why, now);
	if (err)
		(void)fprintf(stderr, "graft update: not remembered: %s\n",
			      graft_error_message(err));
	graft_error_free(err);
	return why;
}

struct graft_error *
graft_verb_update(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_update_options_deinit)
	struct graft_update_options options = { 0 };
	GRAFT_CLEANUP(graft_update_deinit) struct graft_update update = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	if (!graft_update_options_parse(argc, argv, &options, status_ret))
		return NULL;
	update.options = &options;
	struct graft_error *err = run(&update);
	if (!options.dry_run)
		err = note(&update, err);
	if (!err)
		err = options.json ? graft_update_print_json(&update, &text)
				   : graft_update_print(&update, &text);
	if (err)
		return err;
	*status_ret = exit_status(&update);
	return graft_print_text(&text);
}
