// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of `graft compliance` share. */

#ifndef GRAFT_CMD_COMPLIANCE_H
#define GRAFT_CMD_COMPLIANCE_H

#include "agent/config.h"
#include "base/error.h"
#include "base/text.h"
#include "compliance/compliance.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a command line says. Words are lent by argv. */
struct graft_compliance_options {
	const char *config;
	const char *output;
	const char *key;
	const char *name;
	const char *passphrase_file;
	/** -1: none. */
	int passphrase_fd;
	/** 0: as the configuration says. */
	uint32_t days;
	uint32_t late_days;
	bool replace;
	bool first_use;
	bool facts;
	bool json;
	/** What stands behind the action. */
	char **words;
	size_t word_count;
};

/** Does an action. */
typedef struct graft_error *
graft_compliance_action_fn(const struct graft_compliance_options *options,
			   int *status_ret);

/** `graft compliance report`: say where this host stands, signed. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_report(const struct graft_compliance_options *options,
			       int *status_ret);

/** `graft compliance key`: print the public key of this host; it is made if there is none. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_key(const struct graft_compliance_options *options,
			    int *status_ret);

/** `graft compliance collect`: put reports of several hosts into a bundle. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_collect(const struct graft_compliance_options *options,
				int *status_ret);

/** `graft compliance enroll`: trust the keys of hosts. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_enroll(const struct graft_compliance_options *options,
			       int *status_ret);

/** `graft compliance remove`: forget a host. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_remove(const struct graft_compliance_options *options,
			       int *status_ret);

/** `graft compliance import`: take what is good and new of a bundle. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_import(const struct graft_compliance_options *options,
			       int *status_ret);

/** `graft compliance status`: say where the fleet stands. */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_action_status(const struct graft_compliance_options *options,
			       int *status_ret);

/**
 * Append what this host says of itself, from `"facts"` on, as members of an object: where it stands, what it
 * has, should have and waits for, and what its processes run. No process is stopped.
 *
 * @param[in,out] text Gets `,"facts":{...}` and so on.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_put_host(struct graft_text *text);

/** What processes of this host run, in short. */
struct graft_compliance_run {
	/** None of them runs old code. */
	bool whole;
	/** So many hold a hotpatch. */
	size_t hotpatched;
};

/**
 * Append what processes of this host run: hotpatches, and old code.
 *
 * @param[in,out] text Gets `,"hotpatches":[...],"old_code":[...],"processes":{...},"left_out":N`.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_compliance_put_processes(struct graft_text *text,
			       struct graft_compliance_run *ret);

#endif /* GRAFT_CMD_COMPLIANCE_H */
