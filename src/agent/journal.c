// SPDX-License-Identifier: Apache-2.0

// The journal takes fields besides the text: who reads it can ask for those of one
// process or hotpatch.
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "agent/journal.h"

#include "base/env.h"

#include <stdio.h>
#include <systemd/sd-journal.h>

bool
graft_journal_listens(void)
{
	return graft_env_get(GRAFT_ENV_JOURNAL_STREAM) != NULL;
}

void
graft_journal_put(bool journal, const struct graft_message *message)
{
	if (!journal) {
		(void)fprintf(stderr, "graftd: %s\n", message->text);
		return;
	}
	if (message->id[0])
		(void)sd_journal_send("MESSAGE=%s", message->text,
				      "PRIORITY=%d", message->priority,
				      "SYSLOG_IDENTIFIER=graftd",
				      "GRAFT_PID=%u", message->pid,
				      "GRAFT_HOTPATCH=%s", message->id, NULL);
	else
		(void)sd_journal_send("MESSAGE=%s", message->text,
				      "PRIORITY=%d", message->priority,
				      "SYSLOG_IDENTIFIER=graftd",
				      "GRAFT_PID=%u", message->pid, NULL);
}
