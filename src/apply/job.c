// SPDX-License-Identifier: Apache-2.0

#include "apply/job.h"

#include "apply/recover.h"
#include "proc/guardian.h"
#include "proc/hints.h"
#include "proc/sharers.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 2048,
	/** What was seen of so many files is sent back; more are seen again. */
	SIGHTINGS_MAX = 64,
};

/** What is to be done. */
struct order {
	struct graft_job *const *jobs;
	size_t count;
	struct graft_ledger *ledger;
	const struct graft_switch_limits *limits;
};

/** What it answers; the text of its error follows the last sighting. Only so much of
 * it is sent as there is: each page of a message costs a page fault on both sides. */
struct answer {
	struct graft_switch_result result;
	bool failed;
	enum graft_error_code code;
	/** When it looked at the numbers of processes last; graft_sharers_learn(). */
	pid_t seen;
	uint64_t seen_us;
	/** Where an injection found what it needs, so that the next guardian need not
	 * search. */
	struct graft_hint call;
	struct graft_hint restore;
	uint32_t sighting_count;
	uint32_t text_len;
	struct graft_sighting sightings[SIGHTINGS_MAX];
	char text[TEXT_MAX];
};

void
graft_job_free(struct graft_job *job)
{
	if (!job)
		return;
	graft_error_free(job->err);
	graft_entries_deinit(&job->entries);
	free(job->headers);
	if (job->ctx_free)
		job->ctx_free(job->ctx);
	free(job);
}

/** Take the process up, work on it, and let go of it. */
GRAFT_MUST_CHECK static struct graft_error *
carry_out(const struct graft_job *job, struct graft_switch_result *result)
{
	struct graft_error *err = graft_target_take_up(job->target);

	if (!err)
		err = job->fn(job->target, job->ctx, result);
	graft_target_detach(job->target);
	graft_target_lay_aside(job->target);
	return err;
}

/** Do one job. In the guardian. */
static struct graft_error *
work(void *ctx, size_t index, void *message, size_t size, size_t *len_ret)
{
	const struct order *order = ctx;
	const struct graft_job *job = order->jobs[index];
	// What is not sent need not be zeroes. Its text is sent from where it is.
	struct answer answer;
	memset(&answer, 0, offsetof(struct answer, sightings));
	const struct graft_sightings *sightings = order->limits->sightings;
	const struct graft_sharers *sharers = order->limits->sharers;
	size_t known = sightings ? sightings->count : 0;

	assert(size == sizeof(answer));
	struct graft_error *err = carry_out(job, &answer.result);
	if (order->limits->hints) {
		answer.call = order->limits->hints->call;
		answer.restore = order->limits->hints->restore;
	}
	if (sharers) {
		answer.seen = sharers->seen;
		answer.seen_us = sharers->seen_us;
	}
	for (size_t i = known; sightings && i < sightings->count &&
			       answer.sighting_count < SIGHTINGS_MAX;
	     i++)
		answer.sightings[answer.sighting_count++] = sightings->list[i];
	answer.failed = err != NULL;
	answer.code = err ? graft_error_code(err) : answer.code;
	const char *text = err ? graft_error_message(err) : "";
	answer.text_len = (uint32_t)strnlen(text, TEXT_MAX);
	// Those that are not there need not be sent.
	size_t len = offsetof(struct answer, sightings) +
		     answer.sighting_count * sizeof(answer.sightings[0]);
	memcpy(message, &answer, len);
	memcpy((char *)message + len, text, answer.text_len);
	*len_ret = len + answer.text_len;
	graft_error_free(err);
	return NULL;
}

/** Take what the guardian saw. To see it again is no failure. */
static void
take_sightings(const struct answer *answer, struct graft_sightings *sightings)
{
	for (uint32_t i = 0; i < answer->sighting_count && i < SIGHTINGS_MAX;
	     i++)
		graft_error_free(
			graft_sightings_keep(sightings, &answer->sightings[i]));
}

/** Take what became of one job. In the tool. */
static void
take(void *ctx, size_t index, struct graft_error *err, bool dead,
     const void *message, size_t len)
{
	const struct order *order = ctx;
	const struct answer *answer = message;
	struct graft_job *job = order->jobs[index];

	(void)dead;
	(void)len;
	// The job's own errors travel in the answer, so an error here means that
	// there was none.
	job->killed = err != NULL;
	job->err = err;
	if (err)
		return;
	job->result = answer->result;
	take_sightings(answer, order->limits->sightings);
	if (order->limits->sharers)
		graft_sharers_learn(order->limits->sharers, answer->seen,
				    answer->seen_us);
	if (order->limits->hints) {
		order->limits->hints->call = answer->call;
		order->limits->hints->restore = answer->restore;
	}
	if (answer->failed)
		job->err = graft_error_new(
			answer->code, "%.*s", (int)answer->text_len,
			(const char *)&answer
				->sightings[answer->sighting_count]);
}

/** Write the intents. */
static struct graft_error *
begin(void *ctx)
{
	const struct order *order = ctx;
	char boot_id[GRAFT_BOOT_ID_SIZE];

	graft_entries_boot_id(boot_id);
	for (size_t i = 0; i < order->count; i++) {
		struct graft_job *job = order->jobs[i];
		struct graft_entries_who who = job->who;
		who.boot_id = boot_id;
		struct graft_error *err = graft_entries_begin(
			order->ledger, &who, job->verb, job->headers,
			job->header_count, &job->entries);
		if (err)
			return err;
	}
	return NULL;
}

static bool
is_open(const struct graft_job *job)
{
	return job->killed || job->result.unsettled;
}

/** Write the outcomes of those that are known. */
static struct graft_error *
conclude(void *ctx)
{
	const struct order *order = ctx;

	for (size_t i = 0; i < order->count; i++) {
		struct graft_job *job = order->jobs[i];
		char note[96] = "";
		if (job->result.immediate)
			(void)snprintf(
				note, sizeof(note),
				"--immediate: %u threads stayed in old code",
				job->result.stayed);
		if (!is_open(job))
			job->err = graft_entries_conclude(
				order->ledger, &job->entries,
				job->result.pause_us, note, job->err);
	}
	return NULL;
}

/** Tell all that have no error of their own. @param[in] err Taken. */
static void
fail_all(const struct order *order, struct graft_error *err)
{
	for (size_t i = 0; err && i < order->count; i++) {
		struct graft_job *job = order->jobs[i];
		if (!job->err)
			job->err = graft_error_new(graft_error_code(err), "%s",
						   graft_error_message(err));
	}
	graft_error_free(err);
}

void
graft_jobs_run(struct graft_job *const *jobs, size_t count,
	       struct graft_ledger *ledger,
	       const struct graft_switch_limits *limits)
{
	struct order order = {
		.jobs = jobs,
		.count = count,
		.ledger = ledger,
		.limits = limits,
	};
	const struct graft_guardian_work all = {
		.fn = work,
		.take = take,
		.ctx = &order,
		.count = count,
		.size = sizeof(struct answer),
	};

	if (!count)
		return;
	// A single entry is a transaction of its own.
	bool several = count > 1 || jobs[0]->header_count > 1;
	struct graft_error *err = several ? graft_ledger_together(ledger, true,
								  begin, &order)
					  : begin(&order);
	if (err) {
		fail_all(&order, err);
		return;
	}
	// To have the intents on disk may have taken so long that what was seen of the host
	// says nothing any more, and each process would be compared with all others. That
	// it cannot be seen means just that.
	if (limits->sharers)
		graft_error_free(graft_sharers_keep(limits->sharers));
	graft_guardian_run_all(&all);
	err = several ? graft_ledger_together(ledger, false, conclude, &order)
		      : conclude(&order);
	fail_all(&order, err);
	for (size_t i = 0; i < count; i++) {
		if (is_open(jobs[i]))
			jobs[i]->err = graft_recover_after_kill(
				ledger, jobs[i]->who.pid, jobs[i]->err);
	}
}
