// SPDX-License-Identifier: Apache-2.0

#include "apply/job.h"

#include "proc/guardian.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
	TEXT_MAX = 2048,
	/** What was seen of so many files is sent back; more are seen again. */
	SIGHTINGS_MAX = 64,
};

/** What the guardian is told. */
struct order {
	graft_job_fn fn;
	const void *ctx;
	struct graft_sightings *sightings;
};

/** What it answers. */
struct answer {
	struct graft_switch_result result;
	bool failed;
	enum graft_error_code code;
	char text[TEXT_MAX];
	uint32_t sighting_count;
	struct graft_sighting sightings[SIGHTINGS_MAX];
};

static struct graft_error *
work(void *ctx, void *message, size_t size, size_t *len_ret)
{
	const struct order *order = ctx;
	struct answer answer = { .failed = false };
	size_t known = order->sightings ? order->sightings->count : 0;

	assert(size == sizeof(answer));
	struct graft_error *err = order->fn(order->ctx, &answer.result);
	if (err) {
		answer.failed = true;
		answer.code = graft_error_code(err);
		(void)snprintf(answer.text, sizeof(answer.text), "%s",
			       graft_error_message(err));
		graft_error_free(err);
	}
	for (size_t i = known;
	     order->sightings && i < order->sightings->count &&
	     answer.sighting_count < SIGHTINGS_MAX;
	     i++)
		answer.sightings[answer.sighting_count++] =
			order->sightings->list[i];
	memcpy(message, &answer, sizeof(answer));
	// Those that are not there need not be sent.
	*len_ret = offsetof(struct answer, sightings) +
		   answer.sighting_count * sizeof(answer.sightings[0]);
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

struct graft_error *
graft_job_run(graft_job_fn fn, const void *ctx,
	      struct graft_sightings *sightings,
	      struct graft_switch_result *result, bool *killed_ret)
{
	struct order order = { .fn = fn, .ctx = ctx, .sightings = sightings };
	struct answer answer = { .failed = false };
	size_t len = 0;

	// The work's own errors travel in the answer, so an error here means
	// that there was none.
	struct graft_error *err = graft_guardian_run(work, &order, &answer,
						     sizeof(answer), &len);
	*killed_ret = err != NULL;
	*result = answer.result;
	take_sightings(&answer, sightings);
	if (err || !answer.failed)
		return err;
	return graft_error_new(answer.code, "%s", answer.text);
}
