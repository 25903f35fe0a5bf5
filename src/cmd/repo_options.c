// SPDX-License-Identifier: Apache-2.0

#include "cmd/repo_options.h"

#include "base/cleanup.h"
#include "cmd/usage.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NUMBER_MAX = 1000000,
};

/** What each action takes. */
static const unsigned int ANY = 1U << 31;

static const struct option names[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "passphrase-file", required_argument, NULL, 'P' },
	{ "passphrase-fd", required_argument, NULL, 'F' },
	{ "trusted-root", required_argument, NULL, 'R' },
	{ "role", required_argument, NULL, 'r' },
	{ "add", required_argument, NULL, 'A' },
	{ "remove", required_argument, NULL, 'x' },
	{ "threshold", required_argument, NULL, 't' },
	{ "days", required_argument, NULL, 'd' },
	{ "bins", required_argument, NULL, 'b' },
	{ "as", required_argument, NULL, 'a' },
	{ "prefix", required_argument, NULL, 'p' },
	{ "custom", required_argument, NULL, 'c' },
	{ "paths", required_argument, NULL, 'o' },
	{ "terminating", no_argument, NULL, 'T' },
	{ "signatures", required_argument, NULL, 's' },
	{ "policy", required_argument, NULL, 'y' },
	{ "inventory", required_argument, NULL, 'i' },
	{ "leaves-track", required_argument, NULL, 'l' },
	{ "fleet", required_argument, NULL, 'f' },
	{ "timeout", required_argument, NULL, 'm' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/** Which of the options an action must allow. */
static unsigned int
group_of(int at)
{
	switch (at) {
	case 'k':
	case 'P':
	case 'F':
		return GRAFT_REPO_OPTION_KEY;
	case 'r':
		return GRAFT_REPO_OPTION_ROLE;
	case 'A':
		return GRAFT_REPO_OPTION_KEYS;
	case 't':
		return GRAFT_REPO_OPTION_KEYS | GRAFT_REPO_OPTION_INIT;
	case 'd':
		return GRAFT_REPO_OPTION_KEYS | GRAFT_REPO_OPTION_INIT |
		       GRAFT_REPO_OPTION_DAYS;
	case 'm':
		return GRAFT_REPO_OPTION_TIMEOUT;
	case 'b':
		return GRAFT_REPO_OPTION_INIT;
	case 'a':
	case 'p':
	case 'c':
		return GRAFT_REPO_OPTION_TARGET;
	case 'o':
	case 'T':
		return GRAFT_REPO_OPTION_PATHS;
	case 'x':
		return GRAFT_REPO_OPTION_REMOVE;
	case 's':
		return GRAFT_REPO_OPTION_SIGNATURES;
	case 'y':
		return GRAFT_REPO_OPTION_POLICY;
	case 'i':
	case 'l':
		return GRAFT_REPO_OPTION_INVENTORY;
	case 'f':
		return GRAFT_REPO_OPTION_FLEET;
	case 'j':
		return GRAFT_REPO_OPTION_JSON;
	default:
		return ANY;
	}
}

void
graft_repo_options_deinit(struct graft_repo_options *options)
{
	for (size_t i = 0; i < options->signer_count; i++)
		graft_signer_close(options->signers[i]);
	free(options->signers);
	graft_secrets_close(options->secrets);
	free(options->keys.list);
	free(options->add.list);
	free(options->thresholds.list);
	free(options->days.list);
	free(options->paths.list);
	free(options->remove.list);
	free(options->signatures.list);
}

/** Add a word. @return false: no memory. */
static bool
put(struct graft_repo_words *words, const char *word)
{
	const char **more = reallocarray(words->list, words->count + 1,
					 sizeof(*more));

	if (!more)
		return false;
	words->list = more;
	words->list[words->count++] = word;
	return true;
}

/** Find where the words of an option go; NULL: it has only one. */
static struct graft_repo_words *
words_of(int at, struct graft_repo_options *options)
{
	switch (at) {
	case 'k':
		return &options->keys;
	case 'A':
		return &options->add;
	case 'x':
		return &options->remove;
	case 't':
		return &options->thresholds;
	case 'd':
		return &options->days;
	case 'o':
		return &options->paths;
	case 's':
		return &options->signatures;
	default:
		return NULL;
	}
}

/** Find where the word of an option goes; NULL: it has none. */
static const char **
word_of(int at, struct graft_repo_options *options)
{
	switch (at) {
	case 'P':
		return &options->passphrase_file;
	case 'R':
		return &options->trusted_root;
	case 'r':
		return &options->role;
	case 'a':
		return &options->as;
	case 'p':
		return &options->prefix;
	case 'c':
		return &options->custom;
	case 'y':
		return &options->policy;
	case 'i':
		return &options->inventory;
	case 'l':
		return &options->leaves_track;
	case 'f':
		return &options->fleet;
	case 'm':
		return &options->timeout;
	default:
		return NULL;
	}
}

/** Take an option. @return What is wrong with it; NULL: nothing. */
static const char *
take(int at, struct graft_repo_options *options)
{
	struct graft_repo_words *words = words_of(at, options);
	const char **word = word_of(at, options);
	uint32_t number;

	if (words)
		return put(words, optarg) ? NULL : "out of memory";
	if (word) {
		*word = optarg;
		return NULL;
	}
	if (at == 'b')
		return graft_usage_number(optarg, NUMBER_MAX, &options->bins)
			       ? NULL
			       : "--bins takes a number";
	if (at == 'F') {
		if (!graft_usage_number(optarg, NUMBER_MAX, &number))
			return "--passphrase-fd takes a descriptor";
		options->passphrase_fd = (int)number;
		return NULL;
	}
	if (at == 'T')
		options->terminating = true;
	if (at == 'j')
		options->json = true;
	return NULL;
}

bool
graft_repo_options_parse(int argc, char **argv, const char *usage,
			 unsigned int allowed, struct graft_repo_options *ret,
			 int *status_ret)
{
	int index;

	*ret = (struct graft_repo_options){ .passphrase_fd = -1 };
	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":h", names, &index)) >= 0;) {
		if (at == 'h' || at == '?' || at == ':') {
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
		if (!(group_of(at) & (allowed | ANY))) {
			*status_ret = graft_usage_wrong(
				argv, "%s does not take --%s",
				argv[optind > 1 ? 1 : 0], names[index].name);
			return false;
		}
		const char *wrong = take(at, ret);
		if (wrong) {
			*status_ret = graft_usage_wrong(argv, "%s", wrong);
			return false;
		}
	}
	if (ret->passphrase_file && ret->passphrase_fd >= 0) {
		*status_ret = graft_usage_wrong(
			argv,
			"--passphrase-file and --passphrase-fd exclude each "
			"other");
		return false;
	}
	// The action is the first word.
	ret->words = argv + optind + 1;
	ret->word_count = argc > optind ? (size_t)(argc - optind - 1) : 0;
	return true;
}

struct graft_error *
graft_repo_options_open(struct graft_repo_options *options, const char *name,
			struct graft_signer **ret)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; i < options->signer_count; i++) {
		if (strcmp(graft_signer_name(options->signers[i]), name) == 0) {
			*ret = options->signers[i];
			return NULL;
		}
	}
	if (!options->secrets)
		err = graft_secrets_open(options->passphrase_file,
					 options->passphrase_fd,
					 &options->secrets);
	if (err)
		return err;
	struct graft_signer **more = reallocarray(
		options->signers, options->signer_count + 1, sizeof(*more));
	if (!more)
		return graft_error_no_memory();
	options->signers = more;
	err = graft_signer_open(name, options->secrets,
				&more[options->signer_count]);
	if (err)
		return err;
	*ret = more[options->signer_count++];
	return NULL;
}

/** Get the value of a word that is for a role; NULL if it is for another one. */
static const char *
value_for(const char *word, const char *role)
{
	const size_t len = role ? strlen(role) : 0;

	if (!role)
		return word;
	return strncmp(word, role, len) == 0 && word[len] == '='
		       ? word + len + 1
		       : NULL;
}

struct graft_error *
graft_repo_options_keys(struct graft_repo_options *options,
			const struct graft_repo_words *words, const char *role,
			struct graft_signer ***list_ret, size_t *count_ret)
{
	GRAFT_FREE struct graft_signer **list = calloc(words->count + 1,
						       sizeof(*list));
	size_t count = 0;

	if (!list)
		return graft_error_no_memory();
	for (size_t i = 0; i < words->count; i++) {
		const char *name = value_for(words->list[i], role);
		struct graft_error *err =
			name ? graft_repo_options_open(options, name,
						       &list[count])
			     : NULL;
		if (err)
			return err;
		count += name != NULL;
	}
	*list_ret = GRAFT_TAKE(list);
	*count_ret = count;
	return NULL;
}

struct graft_error *
graft_repo_options_number(const struct graft_repo_words *words,
			  const char *role, const char *option, uint32_t max,
			  uint32_t *ret)
{
	for (size_t i = 0; i < words->count; i++) {
		const char *text = value_for(words->list[i], role);
		uint32_t number;
		if (!text)
			continue;
		if (!graft_usage_number(text, NUMBER_MAX, &number) ||
		    number < 1 || number > max)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "%s %s: a number from 1 to %u",
					       option, words->list[i], max);
		*ret = number;
	}
	return NULL;
}
