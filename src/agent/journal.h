// SPDX-License-Identifier: Apache-2.0

/** @file What graftd says to people: to the journal with fields, or as lines. */

#ifndef GRAFT_AGENT_JOURNAL_H
#define GRAFT_AGENT_JOURNAL_H

#include "agent/message.h"

#include <stdbool.h>

/** Say whether the journal listens: standard error leads to it. */
bool
graft_journal_listens(void);

/**
 * Say something.
 *
 * @param[in] journal As graft_journal_listens() says; else a line on standard error.
 * @param[in] message Of the kind LOG.
 */
void
graft_journal_put(bool journal, const struct graft_message *message);

#endif /* GRAFT_AGENT_JOURNAL_H */
