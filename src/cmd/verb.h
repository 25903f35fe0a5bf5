// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The verbs of `graft`: one file each, one table in main.c.
 *
 * A verb prints its answer on standard output, and in one line on standard error
 * what is wrong if it was called wrongly; an error that it returns is printed by main.c, which
 * ends with the error's exit status.
 */

#ifndef GRAFT_CMD_VERB_H
#define GRAFT_CMD_VERB_H

#include "base/error.h"

/** What a verb does with its arguments; `argv[0]` is the verb itself. */
typedef struct graft_error *
graft_verb_fn(int argc, char **argv, int *status_ret);

/** One verb. */
struct graft_verb {
	const char *name;
	/** A few words for the list of verbs. */
	const char *summary;
	graft_verb_fn *run;
};

/**
 * `graft diff`: compare two builds and make a hotpatch.
 *
 * @param[in] argv `argv[0]` is the verb.
 * @param[out] status_ret Exit status, if no error is returned.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_diff(int argc, char **argv, int *status_ret);

/** `graft show`: print what a hotpatch carries. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_show(int argc, char **argv, int *status_ret);

/** `graft verify`: check a hotpatch and its signature. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_verify(int argc, char **argv, int *status_ret);

/** `graft plan`: print what apply would do. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_plan(int argc, char **argv, int *status_ret);

/** `graft apply`: put a hotpatch into processes. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_apply(int argc, char **argv, int *status_ret);

/** `graft revert`: take a hotpatch out of processes. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_revert(int argc, char **argv, int *status_ret);

/** `graft status`: print who holds which hotpatch. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_status(int argc, char **argv, int *status_ret);

/** `graft recover`: end works that were cut off. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_recover(int argc, char **argv, int *status_ret);

/** `graft sync`: bring processes to the code that is on disk. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_sync(int argc, char **argv, int *status_ret);

/** `graft install`: bring memory and disk to a hotpatch's new build. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_install(int argc, char **argv, int *status_ret);

/** `graft rollback`: take the last change back, memory and disk. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_rollback(int argc, char **argv, int *status_ret);

/** `graft spare`: say whether hotpatches spare a service its restart. As
 * graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_spare(int argc, char **argv, int *status_ret);

/** `graft report`: print for scanners what is fixed. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_report(int argc, char **argv, int *status_ret);

/** `graft calendar`: show on which days releases come. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_calendar(int argc, char **argv, int *status_ret);

/** `graft daemon`: talk to graftd. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_daemon(int argc, char **argv, int *status_ret);

/** `graft eligible`: say in which form a device gets fixes. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_eligible(int argc, char **argv, int *status_ret);

/** `graft repo`: write a signed repository. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_repo(int argc, char **argv, int *status_ret);

/** `graft release`: make releases. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_release(int argc, char **argv, int *status_ret);

/** `graft update`: get the releases that this device should have. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_update(int argc, char **argv, int *status_ret);

/** `graft restart`: see to the restart that an update waits for. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_restart(int argc, char **argv, int *status_ret);

/** `graft compliance`: say where hosts stand. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_compliance(int argc, char **argv, int *status_ret);

/** `graft config`: check a configuration of graftd. As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_config(int argc, char **argv, int *status_ret);

/** `graft perf-map`: write names of carried code for perf(1). As graft_verb_diff(). */
GRAFT_MUST_CHECK struct graft_error *
graft_verb_perf_map(int argc, char **argv, int *status_ret);

#endif /* GRAFT_CMD_VERB_H */
