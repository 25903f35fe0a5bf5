// SPDX-License-Identifier: Apache-2.0

#include "agent/updater.h"

#include "agent/journal.h"
#include "agent/tool.h"
#include "agent/updates.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum {
	US_A_S = 1000 * 1000,
	/** Longest run: a slow line and large packages. */
	LIMIT_S = 6 * 3600,
	LOOK_MS = 500,
	/** How often it is seen whether an update waits for something, or nobody pauses any more. */
	STEP_S = 10,
	/** How often `graft restart go` is run while something waits; after each that failed twice as
	 * long is waited, so many times. */
	RESTART_S = 20,
	FAILURES_MAX = 5,
	SAID_LEN = 512,
	/** Longest time for which a server is left alone because it asks for it. */
	DAY_S = 24 * 3600,
};

struct updater {
	const struct graft_updater_options *options;
	/** What was said last: the same is not said again. */
	char said[SAID_LEN];
	/** The same of what repositories do not agree about. */
	char disagreed[SAID_LEN];
	/** On graft_clock_monotonic_us(): then `graft restart go` is run again. */
	uint64_t restart_us;
	/** When the next look is, as it was written down. */
	uint64_t told_us;
	/** How many of those runs failed since one did not. */
	unsigned int failures;
};

/** Say a text, unless it is what was said last of its kind. */
static void
say_text(struct updater *updater, char last[SAID_LEN], int priority,
	 const char text[SAID_LEN])
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	GRAFT_FREE struct graft_message *message = calloc(1, sizeof(*message));

	if (!message || strcmp(text, last) == 0)
		return;
	memcpy(last, text, SAID_LEN);
	if (!*text)
		return;
	graft_text_put_safe(&safe, text);
	message->kind = GRAFT_MESSAGE_LOG;
	message->priority = (uint8_t)priority;
	(void)snprintf(message->text, sizeof(message->text), "%s",
		       graft_text_str(&safe));
	graft_journal_put(updater->options->journal, message);
}

/** Say something, unless it was the last thing that was said. */
GRAFT_PRINTF(3)
static void
say(struct updater *updater, int priority, const char *fmt, ...)
{
	char text[SAID_LEN] = "";
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say_text(updater, updater->said, priority, text);
}

/** Get a text of a JSON object; "" without. */
static const char *
text_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/** Say what became of the files of a release that were not installed. */
static void
say_files(struct updater *updater, const cJSON *said)
{
	const cJSON *files = cJSON_GetObjectItemCaseSensitive(said, "files");
	const cJSON *file;

	cJSON_ArrayForEach(file, files)
	{
		const char *result = text_of(file, "result");
		if (strcmp(result, "refused") == 0 ||
		    strcmp(result, "partly") == 0)
			say(updater, LOG_WARNING, "release: %s: %s: %s",
			    text_of(file, "path"), result,
			    text_of(file, "why"));
	}
}

/**
 * Say which repositories were left, and what they do not agree about: one line, and not again as long
 * as it is the same.
 */
static void
say_repositories(struct updater *updater, const cJSON *said)
{
	char text[SAID_LEN] = "";
	const cJSON *one;
	size_t more = 0;

	cJSON_ArrayForEach(
		one, cJSON_GetObjectItemCaseSensitive(said, "repositories"))
	{
		const char *left = text_of(one, "left");
		if (*left && !*text)
			(void)snprintf(text, sizeof(text),
				       "release: repository %s is left: %s",
				       text_of(one, "name"), left);
		else
			more += *left != '\0';
	}
	cJSON_ArrayForEach(
		one, cJSON_GetObjectItemCaseSensitive(said, "disagreements"))
	{
		if (*text)
			more++;
		else
			(void)snprintf(
				text, sizeof(text),
				"release: %s%s: repository %s %s",
				text_of(one, "release"),
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
					one, "counts"))
					? ""
					: " does not count",
				text_of(one, "repository"),
				text_of(one, "what"));
	}
	const size_t len = strlen(text);
	if (more)
		(void)snprintf(text + len, sizeof(text) - len,
			       "; and %zu more (graft update --dry-run)", more);
	say_text(updater, updater->disagreed, LOG_WARNING, text);
}

/** Say what a run did. */
static void
say_update(struct updater *updater, const struct graft_tool *tool)
{
	cJSON *said = cJSON_ParseWithLength(graft_text_str(&tool->out),
					    tool->out.len);
	const cJSON *device = cJSON_GetObjectItemCaseSensitive(said, "device");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(said, "error");

	if (error)
		say(updater, LOG_WARNING, "release: %s",
		    text_of(error, "message"));
	else if (!device)
		say(updater, LOG_ERR, "graft update: %s %d, and no answer",
		    WIFSIGNALED(tool->status) ? "signal" : "exit status",
		    WIFSIGNALED(tool->status) ? WTERMSIG(tool->status)
					      : WEXITSTATUS(tool->status));
	else
		say(updater, LOG_NOTICE, "release: %s: %s%s",
		    text_of(device, "decision"), text_of(device, "target"),
		    cJSON_IsTrue(
			    cJSON_GetObjectItemCaseSensitive(said, "raised"))
			    ? ", which this device has now"
			    : "");
	if (device) {
		say_files(updater, said);
		say_repositories(updater, said);
	}
	cJSON_Delete(said);
}

/** Run graft, and wait for it. */
GRAFT_MUST_CHECK static struct graft_error *
run_tool(const struct updater *updater, const char *const *words,
	 struct graft_tool *tool)
{
	struct graft_error *err = graft_tool_start(tool, (char *const *)words,
						   updater->options->state_dir,
						   (uint64_t)LIMIT_S * US_A_S);

	while (!err && !graft_tool_step(tool)) {
		struct pollfd fd = { .fd = tool->fd, .events = POLLIN };
		(void)poll(&fd, 1, LOOK_MS);
	}
	return err;
}

static void
update(struct updater *updater)
{
	GRAFT_CLEANUP(graft_tool_deinit) struct graft_tool tool = { 0 };
	const char *const words[] = {
		updater->options->tool, "update", "--json", "--config",
		updater->options->path, NULL,
	};
	struct graft_error *err = run_tool(updater, words, &tool);

	if (err)
		say(updater, LOG_ERR, "%s", graft_error_message(err));
	else
		say_update(updater, &tool);
	graft_error_free(err);
}

/** Say whether somebody paused the daemon. */
static bool
is_paused(const struct updater *updater)
{
	GRAFT_FREE char *path = NULL;

	if (asprintf(&path, "%s/paused", updater->options->state_dir) < 0) {
		path = NULL;
		return true;
	}
	return access(path, F_OK) == 0;
}

/** Choose a number of microseconds up to so many seconds. */
static uint64_t
chance_us(uint32_t seconds)
{
	uint64_t number = 0;

	// Without chance it is merely less spread.
	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return seconds ? number % ((uint64_t)seconds * US_A_S) : 0;
}

/** Say what `graft restart` did. */
static void
say_restart(struct updater *updater, const struct graft_tool *tool)
{
	cJSON *said = cJSON_ParseWithLength(graft_text_str(&tool->out),
					    tool->out.len);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(said, "error");

	if (said && !error)
		updater->failures = 0;
	else if (updater->failures < FAILURES_MAX)
		updater->failures++;
	updater->restart_us = graft_clock_monotonic_us() +
			      ((uint64_t)RESTART_S << updater->failures) *
				      US_A_S;
	if (error)
		say(updater, LOG_WARNING, "restart: %s",
		    text_of(error, "message"));
	else if (*text_of(said, "done"))
		say(updater, LOG_NOTICE, "restart: %s", text_of(said, "done"));
	cJSON_Delete(said);
}

/** Have what an update waits for done, if one does: it is cut off, or its restart is due or was made. */
static void
see_to_restart(struct updater *updater)
{
	GRAFT_CLEANUP(graft_tool_deinit) struct graft_tool tool = { 0 };
	const char *const words[] = {
		updater->options->tool, "restart", "go", "--json", NULL,
	};
	GRAFT_FREE char *path = NULL;

	if (graft_clock_monotonic_us() < updater->restart_us)
		return;
	if (asprintf(&path, "%s/restart/record", updater->options->state_dir) <
	    0) {
		path = NULL;
		return;
	}
	if (access(path, F_OK) < 0)
		return;
	struct graft_error *err = run_tool(updater, words, &tool);
	if (err)
		say(updater, LOG_ERR, "%s", graft_error_message(err));
	else
		say_restart(updater, &tool);
	graft_error_free(err);
}

/** Write down when the next look is, for who asks graftd. */
static void
tell_next(struct updater *updater, uint64_t due_us)
{
	const uint64_t now_us = graft_clock_monotonic_us();
	const uint64_t left_us = due_us > now_us ? due_us - now_us : 0;

	if (due_us == updater->told_us)
		return;
	updater->told_us = due_us;
	struct graft_error *err = graft_updates_write_next(
		updater->options->state_dir,
		(graft_clock_now_us() + left_us) / US_A_S);
	if (err)
		say(updater, LOG_WARNING, "%s", graft_error_message(err));
	graft_error_free(err);
}

/**
 * Compute when the next look is: not before a server that failed wants to be asked again, but no
 * server keeps a device from looking for longer than a day.
 *
 * @param[in] pause_us Until it otherwise would be.
 */
static uint64_t
choose_due(struct updater *updater, uint64_t pause_us)
{
	const uint64_t now_s = graft_clock_now_us() / US_A_S;
	const uint64_t at_s =
		graft_updates_read_not_before(updater->options->state_dir);
	uint64_t left_s = at_s > now_s ? at_s - now_s : 0;

	if (left_s > DAY_S)
		left_s = DAY_S;
	if (left_s * US_A_S > pause_us) {
		say(updater, LOG_NOTICE,
		    "release: a server asks to be left alone: no look before "
		    "%" PRIu64 " s have passed",
		    left_s);
		// Those that it sent away do not come back together.
		pause_us = left_s * US_A_S +
			   chance_us(updater->options->config->update_jitter_s);
	}
	return graft_clock_monotonic_us() + pause_us;
}

struct graft_error *
graft_updater_run(const struct graft_updater_options *options)
{
	GRAFT_FREE struct updater *updater = calloc(1, sizeof(*updater));
	const struct graft_config *config = options->config;

	if (!updater)
		return graft_error_no_memory();
	updater->options = options;
	if (prctl(PR_CAPBSET_READ, CAP_FOWNER, 0, 0, 0) == 0)
		say(updater, LOG_WARNING,
		    "release: this unit has not the rights that dpkg needs: "
		    "graftd(8), update.conf");
	// Maintainer scripts make files with the mask that they find.
	(void)umask(022);
	// Devices that start together do not ask together.
	uint64_t due_us = choose_due(updater,
				     chance_us(config->update_jitter_s));
	for (;;) {
		const bool paused = is_paused(updater);
		if (!paused)
			see_to_restart(updater);
		if (!paused && graft_clock_monotonic_us() >= due_us) {
			update(updater);
			due_us = choose_due(
				updater,
				(uint64_t)config->update_interval_s * US_A_S +
					chance_us(config->update_jitter_s));
		}
		tell_next(updater, due_us);
		const uint64_t now_us = graft_clock_monotonic_us();
		const uint64_t step_us = (uint64_t)STEP_S * US_A_S;
		const uint64_t left_us = due_us > now_us ? due_us - now_us : 0;
		graft_clock_sleep_us(paused || left_us > step_us ? step_us
								 : left_us);
	}
}
