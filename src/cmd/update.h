// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of `graft update` share. */

#ifndef GRAFT_CMD_UPDATE_H
#define GRAFT_CMD_UPDATE_H

#include "agent/config.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/text.h"
#include "release/choose.h"
#include "update/cumulative.h"
#include "update/repositories.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a command line says. Words are lent by argv. */
struct graft_update_options {
	const char *config;
	/** Instead of those of the configuration; ends without `/`. Owned; NULL: none. */
	char *from;
	const char *trusted_root;
	/** Of which repository they are. */
	char from_name[GRAFT_CONFIG_NAME_LEN];
	char trusted_root_name[GRAFT_CONFIG_NAME_LEN];
	const char *policy;
	/** Seconds. */
	uint32_t timeout_s;
	uint32_t wait_s;
	bool dry_run;
	bool json;
};

/** What became of a file of a release. */
enum graft_update_result {
	/** It would be fetched. */
	GRAFT_UPDATE_WANTED,
	GRAFT_UPDATE_INSTALLED,
	/** Nothing was to be done. */
	GRAFT_UPDATE_ALREADY,
	/** Its package is not installed on this device. */
	GRAFT_UPDATE_NOT_HERE,
	/** The disk has it, some processes have not. */
	GRAFT_UPDATE_PARTLY,
	GRAFT_UPDATE_REFUSED,
	GRAFT_UPDATE_RESULTS,
};

/** A file of a release, and what became of it. */
struct graft_update_file {
	/** Borrowed from the catalogue. */
	const struct graft_release_form *form;
	enum graft_update_result result;
	/** Why, where it was refused; owned, or NULL. */
	char *why;
};

enum {
	/** Repositories that a device ever knew. */
	GRAFT_UPDATE_KNOWN_MAX = 64,
};

/** Where repositories are, and what is kept of them. */
struct graft_update_places {
	struct graft_source_config sources[GRAFT_CONFIG_REPOSITORIES_MAX];
	/** Lent by the configuration. */
	const char *names[GRAFT_CONFIG_REPOSITORIES_MAX];
	size_t count;
	/** Owned, both. */
	char *dirs[GRAFT_CONFIG_REPOSITORIES_MAX];
	char *known[GRAFT_UPDATE_KNOWN_MAX];
	size_t known_count;
};

/** Free what places own. */
void
graft_update_places_deinit(struct graft_update_places *places);

/** An update. All zeroes is one that has not begun. */
struct graft_update {
	const struct graft_update_options *options;
	struct graft_config *config;
	struct graft_facts facts;
	struct graft_update_places places;
	struct graft_repositories *repositories;
	struct graft_choice choice;
	struct graft_update_file *files;
	size_t file_count;
	/** What a release that restarts changes. */
	struct graft_cumulative cumulative;
	/** Its packages are there, and the host is to be restarted. */
	bool waits;
	/** The level was written down. */
	bool raised;
};

/** Free what an update owns. Also its guard. */
void
graft_update_deinit(struct graft_update *update);

/**
 * Read a command line.
 *
 * @param[out] ret Free its words with graft_update_options_deinit(), whatever the result.
 * @return false: there is nothing to do, the usage or what is wrong was printed.
 */
bool
graft_update_options_parse(int argc, char **argv,
			   struct graft_update_options *ret, int *status_ret);

/** Free what options own. Also their guard. */
void
graft_update_options_deinit(struct graft_update_options *options);

/** Open the repositories that command line and configuration name. */
GRAFT_MUST_CHECK struct graft_error *
graft_update_open_source(struct graft_update *update,
			 const struct graft_fetcher *fetcher);

/** Get the word for a result: "installed". Static. */
const char *
graft_update_result_name(enum graft_update_result result);

/**
 * Fetch the files of the hotpatch that was chosen, have each installed, and write down the
 * level if all of them are.
 *
 * What cannot be installed is noted, and the others are all the same.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_take_hotpatch(struct graft_update *update);

/**
 * Bring the packages of the releases that were chosen, and which restart, to this host; the restart is
 * left to `graft restart`.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_update_take_restart(struct graft_update *update);

/** Print what was decided and done. */
GRAFT_MUST_CHECK struct graft_error *
graft_update_print(const struct graft_update *update, struct graft_text *text);

/** The same as JSON. */
GRAFT_MUST_CHECK struct graft_error *
graft_update_print_json(const struct graft_update *update,
			struct graft_text *text);

#endif /* GRAFT_CMD_UPDATE_H */
