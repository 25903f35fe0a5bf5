// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What `graft sync` knows: who runs old code, what belongs together, and what becomes of
 * each.
 *
 * Files of one source package, or of none in one root, are a *group*: an upgrade brought
 * them together, so a process gets all of what it maps of them in one stop, or none.
 */

#ifndef GRAFT_CMD_SYNC_STATE_H
#define GRAFT_CMD_SYNC_STATE_H

#include "base/error.h"
#include "base/text.h"
#include "host/held.h"
#include "host/old_code.h"
#include "host/package.h"
#include "host/unit.h"
#include "patch/patch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What becomes of a process, as to one group. */
enum graft_sync_action {
	/** Another file, the same code. */
	GRAFT_SYNC_SAME,
	/** It was hotpatched before. */
	GRAFT_SYNC_BEFORE,
	/** It is hotpatched now; with --dry-run: it would be. */
	GRAFT_SYNC_DONE,
	/** It needs a restart. */
	GRAFT_SYNC_RESTART,
	/** It could be hotpatched, but not now. */
	GRAFT_SYNC_REFUSED,
	/** It has ended meanwhile. */
	GRAFT_SYNC_GONE,
};

/** Files that go together. */
struct graft_sync_group {
	/** In graft_packages::packages; NULL: of no package that is known. */
	const struct graft_package *package;
	struct graft_root root;
	/** One module for each file that was compared. */
	/** Of no package: only root may change what its files lead to. */
	bool of_root;
	struct graft_patch *patch;
};

/** A process and a group of which it has old files. */
struct graft_sync_item {
	/** Indexes. */
	size_t process;
	size_t group;
	enum graft_sync_action action;
	/** Why, of a restart or a refusal: "R-02 struct x: ...". Owned. */
	char *why;
	/** Of what is hotpatched: the id, what was switched, and for how long. */
	char id[GRAFT_PATCH_ID_LEN + 1];
	uint32_t functions;
	uint64_t pause_us;
};

/**
 * A hotpatch in a process whose file is what lies on disk: it was applied before the
 * upgrade came, or the upgrade was taken back.
 */
struct graft_sync_ahead {
	pid_t pid;
	char comm[16];
	char id[GRAFT_PATCH_ID_LEN + 1];
	/** Path of the module in the process. Owned. */
	char *module;
};

/** All of it. Zeroed: nothing was looked at. */
struct graft_sync {
	bool dry_run;
	/** Nobody looks on: what was taken out by hand stays out. */
	bool unattended;
	/** Who is meant. */
	pid_t *pids;
	size_t pid_count;
	struct graft_old_code *code;
	/** For each process. */
	struct graft_unit *units;
	struct graft_packages *packages;
	/** dpkg did not answer: no file has a package. */
	bool no_packages;
	/** For each file: its group; the module of its group's patch, or SIZE_MAX. */
	size_t *group_of;
	size_t *module_of;
	struct graft_sync_group *groups;
	size_t group_count;
	struct graft_sync_item *items;
	size_t item_count;
	struct graft_sync_ahead *ahead;
	size_t ahead_count;
	/** Who holds files other than code that an upgrade replaced, and for each process
	 * there its unit; NULL: nobody was asked. */
	struct graft_held *held;
	struct graft_unit *held_units;
};

/** Free what a sync owns, and zero it. Also its guard. */
void
graft_sync_deinit(struct graft_sync *sync);

/** Get the path of the first file that an item is about. */
const char *
graft_sync_first_path(const struct graft_sync *sync,
		      const struct graft_sync_item *item);

/**
 * Put the files into groups, and make an item for each process and group.
 *
 * @param[in,out] sync Has its code, units and packages.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_make_groups(struct graft_sync *sync);

/**
 * Give a file its verdict.
 *
 * @param[in,out] sync With groups.
 * @param[in] verdict A hotpatch of one module. Taken: its module moves to the group's.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_take_verdict(struct graft_sync *sync, size_t file,
			struct graft_patch *verdict);

/** Get the verdict of a file; NULL: it could not be compared. */
const struct graft_patch_module *
graft_sync_module(const struct graft_sync *sync, size_t file);

/**
 * Decide what the verdicts alone decide: which items need a restart, and which have
 * nothing to do. The others are #GRAFT_SYNC_DONE, to be done.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_decide(struct graft_sync *sync);

struct graft_options;

/**
 * Find who runs old code, what belongs together, and what the verdicts are.
 *
 * @param[in,out] sync Zeroed but for graft_sync::dry_run and graft_sync::unattended.
 * @param[in] options Whom to look at.
 * @param[in] earlier An earlier look, of which the packages are taken over if it was about
 * the same files; zeroed: there was none.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if nobody is in the unit or control group that
 * was named; #GRAFT_ERROR_TARGET_GONE if a process that was named is not there.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_find(struct graft_sync *sync, const struct graft_options *options,
		const struct graft_sync *earlier);

/** Find the hotpatches that are ahead of the disk, in all processes that are meant. */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_find_ahead(struct graft_sync *sync);

/** Find out which items were done before, by looking into their processes. */
void
graft_sync_find_done(struct graft_sync *sync);

/**
 * Do what is to be done, or with --dry-run see whether it can be: items that are
 * #GRAFT_SYNC_DONE before may be others afterwards. The hotpatches that are applied are
 * kept in the state directory, under hotpatches/.
 *
 * @param[in] wait_us How long to wait for threads, in microseconds.
 * @return NULL; an error of ours, not of a process.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_do(struct graft_sync *sync, uint64_t wait_us);

/**
 * Find and do, and look again until nobody new appears: who was forked by a process before
 * its turn came, and whose file was replaced meanwhile. Of those that are named one look is
 * all.
 *
 * @param[in,out] sync Zeroed.
 * @return As graft_sync_find().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_run(const struct graft_options *options, struct graft_sync *sync);

/** Append what was found and done as tables. @param[in] color Of a terminal. */
void
graft_sync_print_text(const struct graft_sync *sync, bool color,
		      struct graft_text *text);

/** Append it as one JSON object and a newline. */
GRAFT_MUST_CHECK struct graft_error *
graft_sync_print_json(const struct graft_sync *sync, struct graft_text *text);

/** Get the word for an action, as JSON has it: "hotpatched". Static. */
const char *
graft_sync_action_name(const struct graft_sync *sync,
		       enum graft_sync_action action);

/** Say whether what stands for a file lies in our own root, where root alone may change it. */
bool
graft_sync_is_of_root(const struct graft_old_file *file);

/**
 * Say whether root alone has decided what code a group gets: so it is of each of its files,
 * and none is known only of processes of other user namespaces. Whoever else may choose it
 * chooses for the processes that he has it mapped in, and for no others.
 */
bool
graft_sync_is_trusted(const struct graft_sync *sync, size_t group);

#endif /* GRAFT_CMD_SYNC_STATE_H */
