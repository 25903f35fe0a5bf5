// SPDX-License-Identifier: Apache-2.0

#include "cmd/outcome.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/vec.h"
#include "cmd/failure.h"
#include "cmd/remedy.h"
#include "report/quote.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Exit statuses that belong to the verbs. */
enum {
	STATUS_DONE = 0,
	STATUS_NOTHING = 3,
	STATUS_REFUSED = 4,
	STATUS_SOME = 5,
};

enum {
	/** Remedies that are said; there are not as many. */
	REMEDIES_MAX = 64,
};

void
graft_outcomes_deinit(struct graft_outcomes *outcomes)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		graft_error_free(outcomes->items[i].err);
		free(outcomes->items[i].detail);
	}
	free(outcomes->items);
	*outcomes = (struct graft_outcomes){ 0 };
}

struct graft_error *
graft_outcomes_take(struct graft_outcomes *outcomes,
		    struct graft_outcome *outcome)
{
	struct graft_error *err = graft_vec_reserve(
		&outcomes->items, &outcomes->room, outcomes->count + 1,
		sizeof(*outcomes->items));
	if (err) {
		graft_error_free(outcome->err);
		free(outcome->detail);
	} else {
		outcomes->items[outcomes->count++] = *outcome;
	}
	*outcome = (struct graft_outcome){ 0 };
	return err;
}

/** Say whether it was so already. */
static bool
is_nothing(const struct graft_error *err)
{
	return graft_error_code(err) == GRAFT_ERROR_ALREADY_APPLIED ||
	       graft_error_code(err) == GRAFT_ERROR_NOT_APPLIED;
}

bool
graft_outcome_is_refused(const struct graft_outcome *outcome)
{
	return outcome->err && !is_nothing(outcome->err);
}

int
graft_outcomes_status(const struct graft_outcomes *outcomes)
{
	size_t done = 0;
	size_t failed = 0;
	int status = STATUS_REFUSED;

	for (size_t i = 0; i < outcomes->count; i++) {
		const struct graft_error *err = outcomes->items[i].err;
		if (!err || outcomes->items[i].stays)
			done++;
		if (!graft_outcome_is_refused(&outcomes->items[i]))
			continue;
		failed++;
		if (status == STATUS_REFUSED &&
		    graft_error_kind(err) != GRAFT_KIND_REFUSAL)
			status = graft_error_status(graft_error_code(err));
	}
	if (failed)
		return done ? STATUS_SOME : status;
	return done ? STATUS_DONE : STATUS_NOTHING;
}

/** Get what an error says, without the process that it begins with and that is
 * named before it. */
static const char *
message_of(const struct graft_outcome *outcome)
{
	const char *message = graft_error_message(outcome->err);
	char name[64];
	int len = snprintf(name, sizeof(name), "process %d (%s) ",
			   (int)outcome->pid, outcome->comm);
	size_t skip = len > 0 && (size_t)len < sizeof(name) ? (size_t)len : 0;

	return skip && strncmp(message, name, skip) == 0 ? message + skip
							 : message;
}

static void
print_one(const struct graft_outcome *outcome, const char *done,
	  const char *verb, bool pauses)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	bool color = graft_env_color(outcome->err ? STDERR_FILENO
						  : STDOUT_FILENO);

	graft_text_printf(&text, "pid %d", (int)outcome->pid);
	if (outcome->comm[0]) {
		graft_text_put(&text, " (");
		graft_text_put_safe(&text, outcome->comm);
		graft_text_put(&text, ")");
	}
	graft_text_put(&text, ": ");
	if (outcome->err) {
		graft_text_put_safe(&text, message_of(outcome));
		(void)fflush(stdout);
		(void)fprintf(stderr, "graft %s: %s%s%s\n", verb,
			      color ? "\033[31m" : "", graft_text_str(&text),
			      color ? "\033[0m" : "");
		return;
	}
	graft_text_printf(&text, "%s%s%s, %u function%s",
			  color ? "\033[32m" : "", done, color ? "\033[0m" : "",
			  outcome->functions,
			  outcome->functions == 1 ? "" : "s");
	if (pauses)
		graft_text_printf(&text, ", stood still for %.3f ms",
				  (double)outcome->pause_us / 1000);
	if (outcome->tries > 1)
		graft_text_printf(&text, ", %u tries", outcome->tries);
	if (outcome->stayed)
		graft_text_printf(
			&text,
			", %u thread%s %s in the old function until the call there ends",
			outcome->stayed, outcome->stayed == 1 ? "" : "s",
			outcome->stayed == 1 ? "stays" : "stay");
	(void)printf("%s\n", graft_text_str(&text));
	if (outcome->detail)
		(void)fputs(outcome->detail, stdout);
}

/** Print what would help, once however many were refused for it. */
static void
print_remedies(const struct graft_outcomes *outcomes, const char *verb)
{
	const char *said[REMEDIES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < outcomes->count && count < REMEDIES_MAX; i++) {
		const struct graft_error *err = outcomes->items[i].err;
		char rule[GRAFT_REMEDY_RULE_LEN];
		size_t k = 0;
		if (!graft_outcome_is_refused(&outcomes->items[i]))
			continue;
		const char *text = graft_remedy_for(err);
		while (k < count && said[k] != text)
			k++;
		if (!*text || k < count)
			continue;
		said[count++] = text;
		graft_remedy_rule(err, rule);
		(void)fprintf(stderr, "graft %s: help: %s%s%s\n", verb, rule,
			      *rule ? ": " : "", text);
	}
}

void
graft_outcomes_print_refused(const struct graft_outcomes *outcomes,
			     const char *verb)
{
	for (size_t i = 0; i < outcomes->count; i++) {
		if (outcomes->items[i].err)
			print_one(&outcomes->items[i], "", verb, false);
	}
	print_remedies(outcomes, verb);
}

void
graft_outcomes_print(const struct graft_outcomes *outcomes, const char *done,
		     const char *verb, bool pauses)
{
	for (size_t i = 0; i < outcomes->count; i++)
		print_one(&outcomes->items[i], done, verb, pauses);
	print_remedies(outcomes, verb);
}

static bool
add_outcome(cJSON *list, const struct graft_outcome *outcome, const char *done)
{
	const char *result = done;
	cJSON *item = cJSON_CreateObject();

	if (outcome->err)
		result = is_nothing(outcome->err) ? "nothing-to-do" : "refused";
	if (outcome->err &&
	    graft_error_kind(outcome->err) != GRAFT_KIND_REFUSAL)
		result = "failed";
	return item && cJSON_AddItemToArray(list, item) &&
	       cJSON_AddNumberToObject(item, "pid", outcome->pid) &&
	       graft_report_add_string(item, "comm", outcome->comm) &&
	       cJSON_AddStringToObject(item, "result", result) &&
	       cJSON_AddNumberToObject(item, "functions", outcome->functions) &&
	       cJSON_AddNumberToObject(item, "pause_us",
				       (double)outcome->pause_us) &&
	       cJSON_AddNumberToObject(item, "tries", outcome->tries) &&
	       cJSON_AddNumberToObject(item, "stayed", outcome->stayed) &&
	       (!outcome->err ||
		graft_failure_add(
			item, outcome->err,
			graft_error_status(graft_error_code(outcome->err))));
}

struct graft_error *
graft_outcomes_print_json(const struct graft_outcomes *outcomes, const char *id,
			  const char *done, struct graft_text *text)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root && cJSON_AddStringToObject(root, "id", id);
	cJSON *list = ok ? cJSON_AddArrayToObject(root, "processes") : NULL;

	ok = list != NULL;
	for (size_t i = 0; ok && i < outcomes->count; i++)
		ok = add_outcome(list, &outcomes->items[i], done);
	return graft_report_take_json(root, ok, text);
}
