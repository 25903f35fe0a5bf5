// SPDX-License-Identifier: Apache-2.0

// graft_build_set_state(), graft_build_set_before(), graft_build_set_changed(): what a
// header page says of its shadow.

#include "apply/build.h"

#include "base/clock.h"
#include "base/fault.h"

/** Write a state. @param[in] bits #GRAFT_HEADER_IMMEDIATE or 0. */
GRAFT_MUST_CHECK static struct graft_error *
put_state(struct graft_target *target, const struct graft_header *header,
	  enum graft_header_state state, uint64_t bits)
{
	uint8_t block[GRAFT_HEADER_STATE_SIZE];

	struct graft_error *err = graft_fault("state-write");
	if (err)
		return err;
	graft_header_state_encode(state, graft_clock_now_us() | bits, block);
	return graft_target_write(target, header->addr + GRAFT_HEADER_STATE_OFF,
				  block, sizeof(block));
}

struct graft_error *
graft_build_set_state(struct graft_target *target,
		      const struct graft_header *header,
		      enum graft_header_state state)
{
	return put_state(target, header, state, 0);
}

struct graft_error *
graft_build_set_before(struct graft_target *target,
		       const struct graft_header *header,
		       const struct graft_header_before *before)
{
	uint8_t block[GRAFT_HEADER_BEFORE_SIZE];

	if (header->version == 1)
		return NULL;
	struct graft_error *err = graft_fault("before-write");
	if (err)
		return err;
	graft_header_before_encode(before, block);
	return graft_target_write(target,
				  header->addr + GRAFT_HEADER_BEFORE_OFF, block,
				  sizeof(block));
}

struct graft_error *
graft_build_set_changed(struct graft_target *target,
			const struct graft_change *change, bool out)
{
	struct graft_error *err = NULL;

	if (change->to && out)
		err = graft_build_set_state(target, change->to,
					    GRAFT_HEADER_APPLIED);
	if (!err && change->from)
		err = graft_build_set_state(target, change->from,
					    GRAFT_HEADER_REVERTED);
	if (!err && change->to && !out)
		err = put_state(target, change->to, GRAFT_HEADER_APPLIED,
				change->immediate ? GRAFT_HEADER_IMMEDIATE : 0);
	return err;
}
