// SPDX-License-Identifier: Apache-2.0

#include "agent/often.h"

bool
graft_often_take(struct graft_often *often, uint32_t who, unsigned more,
		 uint64_t now_us)
{
	struct graft_often_count *place = &often->counts[0];

	for (int i = 0; i < GRAFT_OFTEN_ROOM; i++) {
		struct graft_often_count *count = &often->counts[i];
		if (count->since_us && count->who == who) {
			place = count;
			break;
		}
		if (count->since_us < place->since_us)
			place = count;
	}
	if (!place->since_us || place->who != who ||
	    now_us - place->since_us >= often->within_us)
		*place = (struct graft_often_count){ .who = who,
						     .since_us = now_us };
	if (place->count >= often->most)
		return false;
	place->count += more;
	return true;
}
