// SPDX-License-Identifier: Apache-2.0

/** @file Policies and facts, as people and devices write them. */

#ifndef GRAFT_RELEASE_POLICY_H
#define GRAFT_RELEASE_POLICY_H

#include "base/error.h"
#include "base/text.h"
#include "release/eligible.h"

/**
 * Decode a policy (docs/decisions/eligibility.md has the keys).
 *
 * @param[in] text Untrusted settings, @p len bytes.
 * @param[in] file What errors call it.
 * @param[out] ret What it says, with defaults for the rest: the editions "enterprise" and
 * "server", amd64, all abilities, 64 MiB of space, any distribution and version.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT or #GRAFT_ERROR_LIMIT with the line.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_policy_parse(const char *text, size_t len, const char *file,
		   struct graft_policy *ret);

/**
 * Decode a policy for who knows from a catalogue what lives. As graft_policy_parse(), but it need
 * say neither "live-baseline" nor "latest".
 */
GRAFT_MUST_CHECK struct graft_error *
graft_policy_parse_beside(const char *text, size_t len, const char *file,
			  struct graft_policy *ret);

/**
 * Decode the facts of devices: a JSON object, or an array of them.
 *
 * @param[in] text Untrusted, @p len bytes with a NUL behind them.
 * @param[in] file What errors call it.
 * @param[out] ret New array that the caller frees.
 * @return NULL; #GRAFT_ERROR_BAD_INPUT that names the device and what is wrong.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_facts_parse(const char *text, size_t len, const char *file,
		  struct graft_facts **ret, size_t *count_ret);

/** Append the facts of a device as JSON: graft_facts_parse() reads them back. */
void
graft_facts_put_json(const struct graft_facts *facts, struct graft_text *text);

/** Read a version: "1.2" is 1 << 16 | 2. @return false: the word is none. */
bool
graft_version_read(const char *word, uint32_t *ret);

#endif /* GRAFT_RELEASE_POLICY_H */
