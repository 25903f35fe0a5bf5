// SPDX-License-Identifier: Apache-2.0

#include "release/policy.h"

#include "base/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEBIBYTE = 1 << 20,
	SPACE = 64,
	SPACE_DIGITS = 6,
	VERSION_MAX = 0xffff,
};

enum key {
	KEY_EDITIONS,
	KEY_ARCHITECTURES,
	KEY_DISTRIBUTIONS,
	KEY_AGENT,
	KEY_ABILITIES,
	KEY_SPACE,
	KEY_LATEST,
	KEY_ASSURANCE,
	/** May stand as often as is needed. */
	KEY_LIVE_BASELINE,
	KEY_COUNT,
};
static const char *const keys[KEY_COUNT] = {
	"editions", "architectures", "distributions",
	"agent",    "abilities",     "space",
	"latest",   "assurance",     "live-baseline",
};

/** What is being read. */
struct reading {
	struct graft_policy *policy;
	size_t seen[KEY_COUNT];
};

bool
graft_version_read(const char *word, uint32_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return false;
	unsigned long major = strtoul(word, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return false;
	unsigned long minor = strtoul(end + 1, &end, 10);
	// What comes behind ("0.1-2", "0.1+git") is of the same version.
	if (major > VERSION_MAX || minor > VERSION_MAX ||
	    (*end && !strchr(".-+~", *end)))
		return false;
	*ret = (uint32_t)(major << 16 | minor);
	return true;
}

/** Cut the next word of a list off: "a, b". False at the end of the list. */
static bool
next_word(const char **at, const char **word, size_t *len)
{
	*at += strspn(*at, ", ");
	*word = *at;
	*len = strcspn(*at, ", ");
	*at += *len;
	return *len > 0;
}

GRAFT_MUST_CHECK static struct graft_error *
read_names(const struct graft_setting *setting, struct graft_names *ret)
{
	const char *at = setting->value;
	const char *word;
	size_t len;

	ret->count = 0;
	while (next_word(&at, &word, &len)) {
		if (ret->count == GRAFT_POLICY_NAMES_MAX ||
		    len >= GRAFT_FACT_LEN)
			return graft_setting_wrong(
				setting,
				"%s: at most %d names of at most %d bytes",
				setting->key, GRAFT_POLICY_NAMES_MAX,
				GRAFT_FACT_LEN - 1);
		memcpy(ret->names[ret->count].str, word, len);
		ret->names[ret->count++].str[len] = '\0';
	}
	// A list of nothing would mean everything.
	if (!ret->count)
		return graft_setting_wrong(setting, "%s: there is no name",
					   setting->key);
	for (size_t i = 0; i < ret->count; i++) {
		if (strcmp(ret->names[i].str, "any") != 0)
			continue;
		if (ret->count > 1)
			return graft_setting_wrong(setting,
						   "%s: 'any' stands alone",
						   setting->key);
		// It takes the default away.
		ret->count = 0;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_abilities(const struct graft_setting *setting, uint32_t *ret)
{
	struct graft_names names = { 0 };
	struct graft_error *err = read_names(setting, &names);
	const char *known[GRAFT_ABILITY_COUNT];

	for (unsigned i = 0; i < GRAFT_ABILITY_COUNT; i++)
		known[i] = graft_ability_name(i);
	*ret = 0;
	for (size_t n = 0; !err && n < names.count; n++) {
		unsigned i = 0;
		while (i < GRAFT_ABILITY_COUNT &&
		       strcmp(known[i], names.names[n].str) != 0)
			i++;
		if (i == GRAFT_ABILITY_COUNT)
			return graft_setting_wrong(
				setting, "%s: '%s'; did you mean '%s'?",
				setting->key, names.names[n].str,
				graft_nearest_word(names.names[n].str, known,
						   GRAFT_ABILITY_COUNT));
		*ret |= 1U << i;
	}
	return err;
}

GRAFT_MUST_CHECK static struct graft_error *
read_space(const struct graft_setting *setting, uint64_t *ret)
{
	size_t len = strspn(setting->value, "0123456789");

	if (!len || len > SPACE_DIGITS || setting->value[len])
		return graft_setting_wrong(setting,
					   "%s: a number of MiB such as '64'",
					   setting->key);
	*ret = strtoull(setting->value, NULL, 10) * MEBIBYTE;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_level(const struct graft_setting *setting, const char *word,
	   graft_level *ret)
{
	return graft_level_read(word, ret)
		       ? NULL
		       : graft_setting_wrong(
				 setting,
				 "%s: '%.20s' is no level such as '2026-10' or '2026-10.1'",
				 setting->key, word);
}

/** Read a baseline and, behind it, the newest hotpatch for it. */
GRAFT_MUST_CHECK static struct graft_error *
read_baseline(struct graft_policy *policy, const struct graft_setting *setting)
{
	struct graft_live_baseline baseline = { 0 };
	struct graft_names names = { 0 };
	struct graft_error *err = read_names(setting, &names);
	size_t at = 0;

	if (!err && names.count != 1 && names.count != 2)
		err = graft_setting_wrong(
			setting,
			"%s: a level, and behind it the newest hotpatch for it",
			setting->key);
	if (!err)
		err = read_level(setting, names.names[0].str, &baseline.level);
	baseline.newest = baseline.level;
	if (!err && names.count == 2)
		err = read_level(setting, names.names[1].str, &baseline.newest);
	if (!err && baseline.newest < baseline.level)
		err = graft_setting_wrong(
			setting, "%s: its newest hotpatch is older than it",
			setting->key);
	if (!err && policy->baseline_count == GRAFT_POLICY_BASELINES_MAX)
		err = graft_setting_wrong(setting,
					  "more than %d baselines live",
					  GRAFT_POLICY_BASELINES_MAX);
	if (err)
		return err;
	while (at < policy->baseline_count &&
	       policy->baselines[at].level < baseline.level)
		at++;
	if (at < policy->baseline_count &&
	    policy->baselines[at].level == baseline.level)
		return graft_setting_wrong(setting, "%s: it stands there twice",
					   setting->key);
	memmove(&policy->baselines[at + 1], &policy->baselines[at],
		(policy->baseline_count - at) * sizeof(baseline));
	policy->baselines[at] = baseline;
	policy->baseline_count++;
	return NULL;
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	struct graft_policy *policy = reading->policy;
	size_t key = 0;

	while (key < KEY_COUNT && strcmp(keys[key], setting->key) != 0)
		key++;
	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	if (reading->seen[key] && key != KEY_LIVE_BASELINE)
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   setting->key, reading->seen[key]);
	reading->seen[key] = setting->line;
	switch ((enum key)key) {
	case KEY_EDITIONS:
		return read_names(setting, &policy->editions);
	case KEY_ARCHITECTURES:
		return read_names(setting, &policy->architectures);
	case KEY_DISTRIBUTIONS:
		return read_names(setting, &policy->distributions);
	case KEY_AGENT:
		return graft_version_read(setting->value, &policy->agent)
			       ? NULL
			       : graft_setting_wrong(
					 setting,
					 "%s: '%.20s' is no version such as '0.1'",
					 setting->key, setting->value);
	case KEY_ABILITIES:
		return read_abilities(setting, &policy->abilities);
	case KEY_SPACE:
		return read_space(setting, &policy->space);
	case KEY_LATEST:
		return read_level(setting, setting->value, &policy->latest);
	case KEY_ASSURANCE:
		policy->proven = strcmp(setting->value, "proven") == 0;
		return policy->proven || strcmp(setting->value, "inferred") == 0
			       ? NULL
			       : graft_setting_wrong(
					 setting, "%s: 'proven' or 'inferred'",
					 setting->key);
	default:
		return read_baseline(policy, setting);
	}
}

struct graft_error *
graft_policy_parse_beside(const char *text, size_t len, const char *file,
			  struct graft_policy *ret)
{
	struct graft_policy policy = {
		.editions = { { { "enterprise" }, { "server" } }, 2 },
		.architectures = { { { "amd64" } }, 1 },
		.abilities = (1U << GRAFT_ABILITY_COUNT) - 1,
		.space = (uint64_t)SPACE * MEBIBYTE,
	};
	struct reading reading = { .policy = &policy };
	struct graft_error *err = graft_settings_each(text, len, file, take,
						      &reading);
	graft_level newest = 0;

	for (size_t i = 0; i < policy.baseline_count; i++) {
		if (policy.baselines[i].newest > newest)
			newest = policy.baselines[i].newest;
	}
	if (!err && policy.latest && policy.latest < newest)
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s: latest: %s is older than what hotpatches bring, %s",
			file, graft_level_write(policy.latest).str,
			graft_level_write(newest).str);
	if (!err && !policy.latest)
		policy.latest = newest;
	if (!err)
		*ret = policy;
	return err;
}

struct graft_error *
graft_policy_parse(const char *text, size_t len, const char *file,
		   struct graft_policy *ret)
{
	struct graft_policy policy;
	struct graft_error *err = graft_policy_parse_beside(text, len, file,
							    &policy);

	if (!err && !policy.latest)
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s: there is neither 'live-baseline' nor 'latest': nothing can be decided",
			file);
	if (!err)
		*ret = policy;
	return err;
}
