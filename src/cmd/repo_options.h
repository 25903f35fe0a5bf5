// SPDX-License-Identifier: Apache-2.0

/** @file The command line of `graft repo` and `graft release`, and the keys that it names. */

#ifndef GRAFT_CMD_REPO_OPTIONS_H
#define GRAFT_CMD_REPO_OPTIONS_H

#include "base/error.h"
#include "repo/repo.h"
#include "trust/secrets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Which options an action takes, beside --help and --trusted-root. */
enum graft_repo_option {
	/** --key, --passphrase-file, --passphrase-fd. */
	GRAFT_REPO_OPTION_KEY = 1,
	/** --role. */
	GRAFT_REPO_OPTION_ROLE = 2,
	/** --add, --threshold and --days of one role. */
	GRAFT_REPO_OPTION_KEYS = 4,
	/** --threshold and --days of several; --bins. */
	GRAFT_REPO_OPTION_INIT = 8,
	/** --as, --prefix and --custom. */
	GRAFT_REPO_OPTION_TARGET = 16,
	/** --paths and --terminating. */
	GRAFT_REPO_OPTION_PATHS = 32,
	/** --remove. */
	GRAFT_REPO_OPTION_REMOVE = 64,
	/** --signatures. */
	GRAFT_REPO_OPTION_SIGNATURES = 128,
	/** --json. */
	GRAFT_REPO_OPTION_JSON = 256,
	/** --policy. */
	GRAFT_REPO_OPTION_POLICY = 512,
	/** --inventory and --leaves-track. */
	GRAFT_REPO_OPTION_INVENTORY = 1024,
	/** --fleet. */
	GRAFT_REPO_OPTION_FLEET = 2048,
	/** --timeout. */
	GRAFT_REPO_OPTION_TIMEOUT = 4096,
	/** --days alone. */
	GRAFT_REPO_OPTION_DAYS = 8192,
};

/** Words that may stand several times. Lent by argv. */
struct graft_repo_words {
	const char **list;
	size_t count;
};

/** What a command line says. */
struct graft_repo_options {
	struct graft_repo_words keys;
	struct graft_repo_words add;
	struct graft_repo_words thresholds;
	struct graft_repo_words days;
	struct graft_repo_words paths;
	struct graft_repo_words remove;
	struct graft_repo_words signatures;
	const char *passphrase_file;
	/** -1: none. */
	int passphrase_fd;
	const char *trusted_root;
	const char *role;
	const char *as;
	const char *prefix;
	const char *custom;
	const char *policy;
	const char *inventory;
	const char *leaves_track;
	const char *fleet;
	const char *timeout;
	uint32_t bins;
	bool terminating;
	bool json;
	/** What stands behind the action; the first is the directory. */
	char **words;
	size_t word_count;
	/** Keys that were opened, and the names under which. */
	struct graft_signer **signers;
	size_t signer_count;
	struct graft_secrets *secrets;
};

/** Free what options own. Also their guard. */
void
graft_repo_options_deinit(struct graft_repo_options *options);

/**
 * Read a command line.
 *
 * @param[in] argv `argv[0]` is the verb, and the action stands behind it.
 * @param[in] usage Printed for --help.
 * @param[in] allowed #graft_repo_option, or-ed.
 * @param[out] ret Free with graft_repo_options_deinit(), whatever the result.
 * @param[out] status_ret Exit status, if the result is false.
 * @return false: there is nothing to do, the usage or what is wrong was printed.
 */
bool
graft_repo_options_parse(int argc, char **argv, const char *usage,
			 unsigned int allowed, struct graft_repo_options *ret,
			 int *status_ret);

/**
 * Open a key; the same name is opened once.
 *
 * @param[out] ret Belongs to the options.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_options_open(struct graft_repo_options *options, const char *name,
			struct graft_signer **ret);

/**
 * Open the keys of words.
 *
 * @param[in] role Only those of this role, which stands before a `=`; NULL: all, and
 * there is none before.
 * @param[out] list_ret New array, which the caller frees; the keys belong to the options.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_options_keys(struct graft_repo_options *options,
			const struct graft_repo_words *words, const char *role,
			struct graft_signer ***list_ret, size_t *count_ret);

/**
 * Read the number that words say.
 *
 * @param[in] role As above.
 * @param[in] option For errors.
 * @param[in,out] ret As it is, if they say none.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_repo_options_number(const struct graft_repo_words *words,
			  const char *role, const char *option, uint32_t max,
			  uint32_t *ret);

#endif /* GRAFT_CMD_REPO_OPTIONS_H */
