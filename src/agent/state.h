// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What graftd tells of itself: numbers, and the hotpatches in quarantine. One
 * structure, and its faces.
 */

#ifndef GRAFT_AGENT_STATE_H
#define GRAFT_AGENT_STATE_H

#include "base/error.h"
#include "base/text.h"
#include "ledger/quarantine.h"

#include <stddef.h>
#include <stdint.h>

struct cJSON;

enum {
	/** Hotpatches in quarantine that are told of; there may be more. */
	GRAFT_AGENT_HELD_MAX = 64,
};

/** What graftd tells of itself. All zeroes: nothing is known. */
struct graft_agent_state {
#define GRAFT_AGENT_NUMBER(name, metric, type, text) uint64_t name;
#include "agent/state.def"
#undef GRAFT_AGENT_NUMBER
	/** Hotpatches in quarantine. */
	struct graft_quarantine_entry held[GRAFT_AGENT_HELD_MAX];
	size_t held_count;
};

/** Append the state in the text format of Prometheus. */
void
graft_agent_state_put_metrics(const struct graft_agent_state *state,
			      struct graft_text *text);

/** Make the state a JSON object. @return New object; NULL: out of memory. */
struct cJSON *
graft_agent_state_to_json(const struct graft_agent_state *state);

#endif /* GRAFT_AGENT_STATE_H */
