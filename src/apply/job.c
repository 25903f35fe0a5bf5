// SPDX-License-Identifier: Apache-2.0

#include "apply/job.h"

#include "proc/guardian.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	TEXT_MAX = 2048,
};

/** What the guardian is told. */
struct order {
	graft_job_fn fn;
	const void *ctx;
};

/** What it answers. */
struct answer {
	struct graft_switch_result result;
	bool failed;
	enum graft_error_code code;
	char text[TEXT_MAX];
};

static struct graft_error *
work(void *ctx, void *message, size_t size, size_t *len_ret)
{
	const struct order *order = ctx;
	struct answer answer = { .failed = false };

	assert(size == sizeof(answer));
	struct graft_error *err = order->fn(order->ctx, &answer.result);
	if (err) {
		answer.failed = true;
		answer.code = graft_error_code(err);
		(void)snprintf(answer.text, sizeof(answer.text), "%s",
			       graft_error_message(err));
		graft_error_free(err);
	}
	memcpy(message, &answer, sizeof(answer));
	*len_ret = sizeof(answer);
	return NULL;
}

struct graft_error *
graft_job_run(graft_job_fn fn, const void *ctx,
	      struct graft_switch_result *result, bool *killed_ret)
{
	struct order order = { .fn = fn, .ctx = ctx };
	struct answer answer = { .failed = false };
	size_t len = 0;

	// The work's own errors travel in the answer, so an error here means
	// that there was none.
	struct graft_error *err = graft_guardian_run(work, &order, &answer,
						     sizeof(answer), &len);
	*killed_ret = err != NULL;
	*result = answer.result;
	if (err || !answer.failed)
		return err;
	return graft_error_new(answer.code, "%s", answer.text);
}
