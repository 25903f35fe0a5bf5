// SPDX-License-Identifier: Apache-2.0

/** @file Imports of which it is known what they do with an address. */

#ifndef GRAFT_JUDGE_READERS_H
#define GRAFT_JUDGE_READERS_H

#include <stdbool.h>

/** Say whether an import reads what it is given and keeps nothing of it: it
 * compares, copies, measures or prints. */
bool
graft_import_only_reads(const char *name);

/** Say whether an import looks into the text that it is given, and answers by
 * it: it compares, searches, or makes a number of it. */
bool
graft_import_parses(const char *name);

/** Say whether an import has no parameters: what registers hold is left over. */
bool
graft_import_takes_nothing(const char *name);

#endif /* GRAFT_JUDGE_READERS_H */
