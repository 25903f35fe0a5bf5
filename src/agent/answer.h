// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What graft answers when graftd runs it, decoded from its JSON.
 *
 * The tool is ours, but it read files and processes of others: its answer is bounded and
 * every member that is used must be there and be what it is to be.
 */

#ifndef GRAFT_AGENT_ANSWER_H
#define GRAFT_AGENT_ANSWER_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "ledger/quarantine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	/** Bytes of an answer; processes of one. */
	GRAFT_ANSWER_BYTES_MAX = 16 << 20,
	GRAFT_ANSWER_ITEMS_MAX = 100000,
	GRAFT_ANSWER_BUILD_ID_MAX = 64,
};

/** What became of a process. */
enum graft_answer_result {
	/** Nothing was to be done, or it was done before. */
	GRAFT_ANSWER_NOTHING,
	GRAFT_ANSWER_DONE,
	/** Only a restart helps. */
	GRAFT_ANSWER_RESTART,
	/** Not now. */
	GRAFT_ANSWER_REFUSED,
	/** It holds the hotpatch, as `graft status` has it. */
	GRAFT_ANSWER_HOLDS,
};

/** One process, and one hotpatch or package of it. */
struct graft_answer_item {
	pid_t pid;
	enum graft_answer_result result;
	/** Id of the hotpatch, or "". */
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** Why, of a restart or a refusal; else NULL. Owned. */
	char *why;
};

/** What graft said of processes. */
struct graft_answer {
	struct graft_answer_item *items;
	size_t count;
};

/** One file that a hotpatch is for. */
struct graft_answer_module {
	uint8_t build_id[GRAFT_ANSWER_BUILD_ID_MAX];
	size_t build_id_len;
	struct graft_quarantine_change change;
	/** Where it was found when the hotpatch was made. Owned. */
	char *path;
	/** The name by which it is needed; NULL: it has none. Owned. */
	char *soname;
};

/** What `graft show` says of a hotpatch. */
struct graft_answer_patch {
	char id[GRAFT_QUARANTINE_ID_LEN + 1];
	/** Those that can be hotpatched. */
	struct graft_answer_module *modules;
	size_t count;
};

/** Free an answer. NULL is a no-op. */
void
graft_answer_free(struct graft_answer *answer);
GRAFT_DEFINE_CLEANUP(struct graft_answer, graft_answer_free)

/** Free what a patch owns, and zero it. Also its guard. */
void
graft_answer_patch_deinit(struct graft_answer_patch *patch);

/**
 * Decode what `graft sync --json` prints.
 *
 * @param[in] text Untrusted, @p len bytes.
 * @param[out] ret New; free with graft_answer_free().
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT; if the tool
 * says that it failed, #GRAFT_ERROR_REFUSED with its message.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_answer_parse_sync(const char *text, size_t len,
			struct graft_answer **ret);

/** Decode what `graft apply --json` and `graft revert --json` print. As
 * graft_answer_parse_sync(). */
GRAFT_MUST_CHECK struct graft_error *
graft_answer_parse_outcomes(const char *text, size_t len,
			    struct graft_answer **ret);

/** Decode what `graft status --json` prints: an item for each hotpatch that is
 * applied. As graft_answer_parse_sync(). */
GRAFT_MUST_CHECK struct graft_error *
graft_answer_parse_status(const char *text, size_t len,
			  struct graft_answer **ret);

/**
 * Decode what `graft show --json` prints.
 *
 * @param[out] ret Filled; free with graft_answer_patch_deinit().
 * @return As graft_answer_parse_sync().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_answer_parse_show(const char *text, size_t len,
			struct graft_answer_patch *ret);

#endif /* GRAFT_AGENT_ANSWER_H */
