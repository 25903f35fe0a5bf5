// SPDX-License-Identifier: Apache-2.0

#include "plan/hold.h"

#include "proc/peek.h"

#include <string.h>

void
graft_hold_remember(struct graft_hold *hold, const struct graft_header *header)
{
	if (!header->redirect_count)
		return;
	const struct graft_header_redirect *redirect = &header->redirects[0];
	*hold = (struct graft_hold){
		.addr = header->addr,
		.len = header->len,
		.jump_addr = redirect->entry + redirect->skip,
	};
	memcpy(hold->id, header->id, GRAFT_PATCH_ID_LEN);
	memcpy(hold->jump, redirect->jump, sizeof(hold->jump));
}

bool
graft_hold_is_here(const struct graft_hold *hold, pid_t pid, const char *id)
{
	uint8_t begin[GRAFT_HEADER_BEGIN_SIZE];
	uint8_t live[GRAFT_JUMP_SIZE];
	enum graft_header_state state;
	struct graft_header page = { .addr = hold->addr, .len = hold->len };

	if (!hold->addr || strcmp(hold->id, id) != 0)
		return false;
	memcpy(page.id, hold->id, sizeof(hold->id));
	return graft_peek(pid, hold->addr, begin, sizeof(begin)) &&
	       graft_header_begins(begin, &page, &state) &&
	       state == GRAFT_HEADER_APPLIED &&
	       graft_peek(pid, hold->jump_addr, live, sizeof(live)) &&
	       memcmp(live, hold->jump, sizeof(live)) == 0;
}
