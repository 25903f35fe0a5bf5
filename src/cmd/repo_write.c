// SPDX-License-Identifier: Apache-2.0

#include "cmd/repo.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/print.h"
#include "cmd/release.h"
#include "repo/limits.h"
#include "repo/status.h"
#include "trust/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct graft_repo_config
graft_repo_action_config(const struct graft_repo_options *options)
{
	return (struct graft_repo_config){
		.dir = options->words[0],
		.trusted_root = options->trusted_root,
		.now = (int64_t)time(NULL),
	};
}

/** Keys of a role of a command line. */
struct keys {
	struct graft_signer **list;
	struct graft_repo_keys keys;
};

static void
keys_deinit(struct keys *keys)
{
	free(keys->list);
}

GRAFT_MUST_CHECK static struct graft_error *
open_keys(struct graft_repo_options *options,
	  const struct graft_repo_words *words, const char *role,
	  struct keys *ret)
{
	struct graft_error *err = graft_repo_options_keys(
		options, words, role, &ret->list, &ret->keys.count);

	ret->keys.list = ret->list;
	return err;
}

/** Roles that a new repository has keys for. */
static const char *const role_names[] = { "root", "targets", "snapshot",
					  "timestamp", "bins" };

enum { ROLES = sizeof(role_names) / sizeof(*role_names) };

/** Keys of all roles. */
struct all_keys {
	struct keys roles[ROLES];
};

static void
all_keys_deinit(struct all_keys *all)
{
	for (size_t i = 0; i < ROLES; i++)
		keys_deinit(&all->roles[i]);
}

/** See that each word is for a role: "ROLE=...". */
GRAFT_MUST_CHECK static struct graft_error *
check_words(const struct graft_repo_words *words, const char *option)
{
	for (size_t i = 0; i < words->count; i++) {
		bool known = false;
		for (size_t k = 0; k < ROLES; k++) {
			const size_t len = strlen(role_names[k]);
			known |= strncmp(words->list[i], role_names[k], len) ==
					 0 &&
				 words->list[i][len] == '=';
		}
		if (!known)
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s %s: ROLE=..., and the roles are root, "
				"targets, snapshot, timestamp and bins",
				option, words->list[i]);
	}
	return NULL;
}

/** Read what is said of a role of a new repository. */
GRAFT_MUST_CHECK static struct graft_error *
read_role(struct graft_repo_options *options, const char *role,
	  uint32_t usual_days, struct keys *keys,
	  struct graft_repo_role_spec *ret)
{
	uint32_t threshold = 1;

	ret->days = usual_days;
	struct graft_error *err = open_keys(options, &options->keys, role,
					    keys);
	if (!err)
		err = graft_repo_options_number(
			&options->thresholds, role, "--threshold",
			GRAFT_REPO_SIGNERS_MAX, &threshold);
	if (!err)
		err = graft_repo_options_number(&options->days, role, "--days",
						GRAFT_REPO_DAYS_MAX,
						&ret->days);
	ret->threshold = threshold;
	ret->keys = keys->keys;
	return err;
}

/** Say what is staged now. */
GRAFT_MUST_CHECK static struct graft_error *
say_staged(struct graft_repo *repo, const struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_repo_print_staged(repo, options->role,
							  &text);

	return err ? err : graft_print_text(&text);
}

/** Say who signed what is staged, and who must still. */
GRAFT_MUST_CHECK static struct graft_error *
say_signed(struct graft_repo *repo, const struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put(&text, "\n");
	struct graft_error *err = graft_repo_print_signed(repo, options->role,
							  &text);
	return err ? err : graft_print_text(&text);
}

struct graft_error *
graft_repo_action_init(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(all_keys_deinit) struct all_keys all = { 0 };
	struct graft_repo_spec spec = { .bin_count = options->bins };
	struct graft_repo_config config = graft_repo_action_config(options);
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	const struct {
		struct graft_repo_role_spec *spec;
		uint32_t days;
	} roles[ROLES] = { { &spec.root, 365 },
			   { &spec.targets, 90 },
			   { &spec.snapshot, 14 },
			   { &spec.timestamp, 2 },
			   { &spec.bins, 90 } };

	struct graft_error *err = check_words(&options->keys, "--key");
	if (!err)
		err = check_words(&options->thresholds, "--threshold");
	if (!err)
		err = check_words(&options->days, "--days");
	for (size_t i = 0; !err && i < ROLES; i++)
		err = read_role(options, role_names[i], roles[i].days,
				&all.roles[i], roles[i].spec);
	if (!err)
		err = graft_repo_create(&config, &spec);
	if (!err)
		err = graft_repo_open(&config, &repo);
	return err ? err : say_staged(repo, options);
}

struct graft_error *
graft_repo_action_stage(struct graft_repo_options *options,
			graft_repo_stage_fn *fn)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	// Keys first: a wrong passphrase changes nothing.
	struct graft_error *err = open_keys(options, &options->keys, NULL,
					    &keys);
	if (!err)
		err = graft_repo_open(&config, &repo);
	// Else it would be built upon what somebody else staged, and signed unseen.
	if (!err)
		err = graft_repo_check_seen(repo, &keys.keys);
	if (!err)
		err = fn(repo, options);
	if (!err)
		err = graft_repo_sign_if_may(repo, &keys.keys);
	return err ? err : say_staged(repo, options);
}

GRAFT_MUST_CHECK static struct graft_error *
remove_targets(struct graft_repo *repo, struct graft_repo_options *options)
{
	return graft_repo_remove(repo, (const char *const *)options->words + 1,
				 options->word_count - 1);
}

struct graft_error *
graft_repo_action_remove(struct graft_repo_options *options)
{
	return graft_repo_action_stage(options, remove_targets);
}

/** Read what is said of the one role that an action is about. */
GRAFT_MUST_CHECK static struct graft_error *
read_numbers(const struct graft_repo_options *options, uint32_t *threshold,
	     uint32_t *days)
{
	struct graft_error *err = graft_repo_options_number(
		&options->thresholds, NULL, "--threshold",
		GRAFT_REPO_SIGNERS_MAX, threshold);

	return err ? err
		   : graft_repo_options_number(&options->days, NULL, "--days",
					       GRAFT_REPO_DAYS_MAX, days);
}

GRAFT_MUST_CHECK static struct graft_error *
delegate(struct graft_repo *repo, struct graft_repo_options *options)
{
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	uint32_t threshold = 1;
	struct graft_repo_delegation delegation = {
		.name = options->words[1],
		.patterns = options->paths.list,
		.pattern_count = options->paths.count,
		.terminating = options->terminating,
		.spec = { .days = 90 },
	};

	if (!delegation.pattern_count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "which targets? --paths PATTERN");
	struct graft_error *err = open_keys(options, &options->add, NULL,
					    &keys);
	if (!err)
		err = read_numbers(options, &threshold, &delegation.spec.days);
	delegation.spec.threshold = threshold;
	delegation.spec.keys = keys.keys;
	return err ? err : graft_repo_delegate(repo, &delegation);
}

struct graft_error *
graft_repo_action_delegate(struct graft_repo_options *options)
{
	return graft_repo_action_stage(options, delegate);
}

GRAFT_MUST_CHECK static struct graft_error *
rotate(struct graft_repo *repo, struct graft_repo_options *options)
{
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	uint32_t threshold = 0;
	struct graft_repo_rotation rotation = {
		.remove = options->remove.list,
		.remove_count = options->remove.count,
	};

	struct graft_error *err = open_keys(options, &options->add, NULL,
					    &keys);
	if (!err)
		err = read_numbers(options, &threshold, &rotation.days);
	if (err)
		return err;
	rotation.threshold = threshold;
	rotation.add = keys.keys;
	if (!rotation.add.count && !rotation.remove_count &&
	    !rotation.threshold && !rotation.days)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "what is to be another? --add, "
				       "--remove, --threshold, --days");
	return graft_repo_rotate(repo, options->words[1], &rotation);
}

struct graft_error *
graft_repo_action_rotate(struct graft_repo_options *options)
{
	return graft_repo_action_stage(options, rotate);
}

/** Take the signatures of files that somebody signed elsewhere. */
GRAFT_MUST_CHECK static struct graft_error *
take_signatures(struct graft_repo *repo, const struct graft_repo_words *files)
{
	for (size_t i = 0; i < files->count; i++) {
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len;
		size_t count;
		struct graft_error *err = graft_file_read(
			files->list[i], GRAFT_TRUST_TARGETS_BYTES, &bytes,
			&len);
		if (err)
			return err;
		err = graft_repo_take_signatures(repo, bytes, len, &count);
		if (!err && !count)
			err = graft_error_new(GRAFT_ERROR_BAD_SIGNATURE,
					      "no signature in it is good, "
					      "asked for and new");
		if (err)
			return graft_error_prefix(err, "%s", files->list[i]);
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
sign(struct graft_repo *repo, struct graft_repo_options *options)
{
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	size_t count;

	struct graft_error *err = take_signatures(repo, &options->signatures);
	if (!err && options->keys.count)
		err = open_keys(options, &options->keys, NULL, &keys);
	if (err || !options->keys.count)
		return err;
	return graft_repo_sign(repo, options->role, &keys.keys, &count);
}

struct graft_error *
graft_repo_action_sign(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	if (!options->keys.count && !options->signatures.count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "with what? --key KEY, or --signatures "
				       "FILE");
	struct graft_error *err = graft_repo_open(&config, &repo);
	// What is signed is seen before somebody types a passphrase for it.
	if (!err)
		err = say_staged(repo, options);
	if (!err && (fflush(stdout) != 0 || ferror(stdout)))
		err = graft_error_os(errno, "show what is staged, so nothing "
					    "was signed");
	if (!err)
		err = sign(repo, options);
	return err ? err : say_signed(repo, options);
}

GRAFT_MUST_CHECK static struct graft_error *
renew(struct graft_repo *repo, struct graft_repo_options *options)
{
	return graft_repo_renew(repo, options->role);
}

struct graft_error *
graft_repo_action_refresh(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	struct graft_repo_config config = graft_repo_action_config(options);

	if (options->role)
		return graft_repo_action_stage(options, renew);
	config.live_only = true;
	struct graft_error *err = open_keys(options, &options->keys, NULL,
					    &keys);
	if (!err)
		err = graft_repo_open(&config, &repo);
	return err ? err : graft_repo_refresh(repo, &keys.keys);
}

struct graft_error *
graft_repo_action_publish(struct graft_repo_options *options)
{
	GRAFT_CLEANUP(graft_repo_closep) struct graft_repo *repo = NULL;
	GRAFT_CLEANUP(keys_deinit) struct keys keys = { 0 };
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	struct graft_error *err = open_keys(options, &options->keys, NULL,
					    &keys);
	if (!err)
		err = graft_repo_open(&config, &repo);
	// Releases that break a rule go out in no way.
	if (!err)
		err = graft_release_check_repo(repo, false);
	return err ? err : graft_repo_publish(repo, &keys.keys);
}

struct graft_error *
graft_repo_action_reset(struct graft_repo_options *options)
{
	const struct graft_repo_config config =
		graft_repo_action_config(options);

	return graft_repo_reset(&config, options->role);
}
