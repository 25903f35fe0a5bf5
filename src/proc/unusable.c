// SPDX-License-Identifier: Apache-2.0

#include "proc/unusable.h"

#include "base/text.h"
#include "proc/waiting.h"

static const char *const reason_text[GRAFT_UNUSABLE_COUNT] = {
	[GRAFT_UNUSABLE_NOT_RUNNING] = "does not run",
	[GRAFT_UNUSABLE_NOT_STOPPED] = "did not stop in time",
	[GRAFT_UNUSABLE_NOT_CALM] =
		"is in a restartable sequence, or in 32-bit code",
	[GRAFT_UNUSABLE_NO_REGISTERS] = "has registers that cannot be read",
	[GRAFT_UNUSABLE_NO_ROOM] = "has no room on its stack",
	[GRAFT_UNUSABLE_NOT_WRITTEN] = "has a stack that cannot be written",
	[GRAFT_UNUSABLE_FILTER_READ] =
		"has a seccomp filter that cannot be read",
	[GRAFT_UNUSABLE_FILTER_DEADLY] =
		"has a seccomp filter that could kill it",
	[GRAFT_UNUSABLE_SHADOW_STACK] =
		"has a shadow stack, which forbids the way back from a call",
};

void
graft_unusable_note(struct graft_unusable *unusable,
		    enum graft_unusable_reason reason, pid_t tid)
{
	struct graft_unusable_threads *threads = &unusable->threads[reason];
	if (threads->count++ == 0)
		threads->tid = tid;
}

struct graft_error *
graft_unusable_say(const struct graft_unusable *unusable,
		   const struct graft_target *target)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	for (int i = 0; i < GRAFT_UNUSABLE_COUNT; i++) {
		const struct graft_unusable_threads *threads =
			&unusable->threads[i];
		if (threads->count == 0)
			continue;
		const char *between = text.len > 0 ? "; " : "";
		char waits[128] = "";
		if (i == GRAFT_UNUSABLE_NOT_STOPPED)
			graft_waiting_look(target->pid, threads->tid, waits,
					   sizeof(waits));
		if (threads->count == 1)
			graft_text_printf(&text, "%sthread %d %s%s", between,
					  threads->tid, reason_text[i], waits);
		else
			graft_text_printf(
				&text, "%sthread %d, as %zu others, %s%s",
				between, threads->tid, threads->count - 1,
				reason_text[i], waits);
	}
	return graft_error_new(GRAFT_ERROR_REFUSED,
			       "no thread of process %d (%s) can make a system "
			       "call for us: %s",
			       target->pid, target->comm,
			       text.len > 0 ? graft_text_str(&text)
					    : "it has none");
}
