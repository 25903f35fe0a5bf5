// SPDX-License-Identifier: Apache-2.0

#include "agent/config.h"

#include "agent/config_repository.h"
#include "base/file.h"
#include "base/settings.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
	INTERVAL_S = 300,
	INTERVAL_MAX_S = 24 * 3600,
	WATCH_S = 60,
	WATCH_MAX_S = 3600,
	UPDATE_S = 4 * 3600,
	UPDATE_MIN_S = 1,
	UPDATE_MAX_S = 30 * 24 * 3600,
	JITTER_S = 3600,
	/** As those of reports of compliance. */
	REPORT_DAYS = 14,
	REPORT_DAYS_MAX = 92,
	/** A path of a socket ends with a NUL in its address; unix(7). */
	SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
};

/** How a value is read. */
enum kind {
	KIND_RULE,
	KIND_SECONDS,
	KIND_NAME,
	KIND_PATH,
	KIND_SOCKET,
	KIND_SWITCH,
	/** The rest are taken by config_repository.h. */
	KIND_REPOSITORY,
	KIND_ROOT,
	KIND_AGREEMENT,
	KIND_DECIDER,
	KIND_DAYS,
	KIND_KEY,
	KIND_PACKAGES,
	KIND_PROXY,
	KIND_NO_PROXY,
};

/** A key and what it sets. */
struct key {
	const char *name;
	enum kind kind;
	enum graft_config_what what;
	bool exclude;
	/** Of the member of struct graft_config. */
	size_t offset;
	uint32_t min;
	uint32_t max;
};

static const struct key keys[] = {
	{ .name = "include-unit", .what = GRAFT_CONFIG_UNIT },
	{ .name = "exclude-unit", .what = GRAFT_CONFIG_UNIT, .exclude = true },
	{ .name = "include-user", .what = GRAFT_CONFIG_USER },
	{ .name = "exclude-user", .what = GRAFT_CONFIG_USER, .exclude = true },
	{ .name = "include-cgroup", .what = GRAFT_CONFIG_CGROUP },
	{ .name = "exclude-cgroup",
	  .what = GRAFT_CONFIG_CGROUP,
	  .exclude = true },
	{ .name = "interval",
	  .kind = KIND_SECONDS,
	  .offset = offsetof(struct graft_config, interval_s),
	  .min = 1,
	  .max = INTERVAL_MAX_S },
	{ .name = "watch",
	  .kind = KIND_SECONDS,
	  .offset = offsetof(struct graft_config, watch_s),
	  .max = WATCH_MAX_S },
	{ .name = "user",
	  .kind = KIND_NAME,
	  .offset = offsetof(struct graft_config, user) },
	{ .name = "socket",
	  .kind = KIND_SOCKET,
	  .offset = offsetof(struct graft_config, socket) },
	{ .name = "socket-group",
	  .kind = KIND_NAME,
	  .offset = offsetof(struct graft_config, socket_group) },
	{ .name = "metrics-file",
	  .kind = KIND_PATH,
	  .offset = offsetof(struct graft_config, metrics_file) },
	{ .name = "sync",
	  .kind = KIND_SWITCH,
	  .offset = offsetof(struct graft_config, sync) },
	{ .name = "before-main",
	  .kind = KIND_SWITCH,
	  .offset = offsetof(struct graft_config, before_main) },
	{ .name = "update",
	  .kind = KIND_SWITCH,
	  .offset = offsetof(struct graft_config, update) },
	{ .name = "update-interval",
	  .kind = KIND_SECONDS,
	  .offset = offsetof(struct graft_config, update_interval_s),
	  .min = UPDATE_MIN_S,
	  .max = UPDATE_MAX_S },
	{ .name = "update-jitter",
	  .kind = KIND_SECONDS,
	  .offset = offsetof(struct graft_config, update_jitter_s),
	  .max = UPDATE_MAX_S },
	{ .name = "repository", .kind = KIND_REPOSITORY },
	{ .name = "trusted-root", .kind = KIND_ROOT },
	{ .name = "agreement", .kind = KIND_AGREEMENT },
	{ .name = "decides", .kind = KIND_DECIDER },
	{ .name = "report-name",
	  .kind = KIND_NAME,
	  .offset = offsetof(struct graft_config, report_name) },
	{ .name = "report-key",
	  .kind = KIND_KEY,
	  .offset = offsetof(struct graft_config, report_key) },
	{ .name = "report-days",
	  .kind = KIND_DAYS,
	  .offset = offsetof(struct graft_config, report_days),
	  .min = 1,
	  .max = REPORT_DAYS_MAX },
	{ .name = "packages", .kind = KIND_PACKAGES },
	{ .name = "proxy",
	  .kind = KIND_PROXY,
	  .offset = offsetof(struct graft_config, proxy) },
	{ .name = "no-proxy",
	  .kind = KIND_NO_PROXY,
	  .offset = offsetof(struct graft_config, no_proxy) },
	{ .name = "proxy-password-file",
	  .kind = KIND_PATH,
	  .offset = offsetof(struct graft_config, proxy_password_file) },
};

enum { KEY_COUNT = sizeof(keys) / sizeof(*keys) };

/** What is being read. */
struct reading {
	struct graft_config *config;
	/** Rules that there is room for. */
	size_t room;
	/** The line of each key; 0: not yet. */
	size_t seen[KEY_COUNT];
};

void
graft_config_free(struct graft_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->rule_count; i++)
		free(config->rules[i].value);
	free(config->rules);
	graft_config_repositories_deinit(config);
	free(config->report_name);
	free(config->report_key);
	free(config->proxy);
	free(config->no_proxy);
	free(config->proxy_password_file);
	free(config->user);
	free(config->socket);
	free(config->socket_group);
	free(config->metrics_file);
	free(config);
}

GRAFT_MUST_CHECK static struct graft_error *
find_key(const struct graft_setting *setting, const struct key **ret)
{
	const char *names[KEY_COUNT];

	for (size_t i = 0; i < KEY_COUNT; i++) {
		names[i] = keys[i].name;
		if (strcmp(names[i], setting->key) == 0) {
			*ret = &keys[i];
			return NULL;
		}
	}
	return graft_setting_unknown(setting, names, KEY_COUNT);
}

GRAFT_MUST_CHECK static struct graft_error *
read_number(const struct graft_setting *setting, const struct key *key,
	    uint32_t *ret)
{
	const char *value = setting->value;
	uint64_t seconds = 0;
	size_t len = strlen(value);

	for (size_t i = 0; i < len && len <= 9; i++) {
		if (!isdigit((unsigned char)value[i]))
			len = 10;
		else
			seconds = seconds * 10 + (uint64_t)(value[i] - '0');
	}
	if (len > 9 || seconds < key->min || seconds > key->max)
		return graft_setting_wrong(
			setting, "%s: '%.40s' is no number of %s from %u to %u",
			key->name, value,
			key->kind == KIND_DAYS ? "days" : "seconds", key->min,
			key->max);
	*ret = (uint32_t)seconds;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_switch(const struct graft_setting *setting, bool *ret)
{
	const char *value = setting->value;

	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return graft_setting_wrong(
			setting, "%s: '%.40s' is neither 'yes' nor 'no'",
			setting->key, value);
	*ret = strcmp(value, "yes") == 0;
	return NULL;
}

/** Check a text of a kind. */
GRAFT_MUST_CHECK static struct graft_error *
check_text(const struct graft_setting *setting, const struct key *key)
{
	const char *value = setting->value;

	if (key->kind == KIND_PROXY)
		return graft_config_check_proxy(setting);
	if (key->kind == KIND_NO_PROXY)
		return graft_config_check_no_proxy(setting);
	bool path = key->kind == KIND_PATH || key->kind == KIND_SOCKET ||
		    (key->kind == KIND_RULE &&
		     key->what == GRAFT_CONFIG_CGROUP) ||
		    (key->kind == KIND_KEY &&
		     strncmp(value, "pkcs11:", strlen("pkcs11:")) != 0);
	bool name = key->kind == KIND_NAME ||
		    (key->kind == KIND_RULE && key->what == GRAFT_CONFIG_USER);

	if (path && value[0] != '/')
		return graft_setting_wrong(
			setting, "%s: '%.200s' does not begin with '/'",
			key->name, value);
	if (key->kind == KIND_SOCKET && strlen(value) > SOCKET_PATH_MAX)
		return graft_setting_wrong(
			setting, "%s: a path of a socket has at most %d bytes",
			key->name, (int)SOCKET_PATH_MAX);
	if (name && strpbrk(value, " \t:/,"))
		return graft_setting_wrong(setting, "%s: '%.200s' is no name",
					   key->name, value);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
add_rule(struct reading *reading, const struct graft_setting *setting,
	 const struct key *key)
{
	struct graft_config *config = reading->config;
	GRAFT_FREE char *own = strdup(setting->value);

	if (!own)
		return graft_error_no_memory();
	if (config->rule_count == GRAFT_CONFIG_RULES_MAX)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s: line %zu: more than %d lines say who is in or out",
			setting->file, setting->line, GRAFT_CONFIG_RULES_MAX);
	struct graft_error *err = graft_vec_reserve(
		&config->rules, &reading->room, config->rule_count + 1,
		sizeof(*config->rules));
	if (err)
		return err;
	config->rules[config->rule_count++] = (struct graft_config_rule){
		.what = key->what,
		.exclude = key->exclude,
		.value = GRAFT_TAKE(own),
		.line = setting->line,
	};
	return NULL;
}

/** Say whether a key may stand more than once. */
static bool
may_repeat(enum kind kind)
{
	return kind == KIND_RULE || kind == KIND_REPOSITORY ||
	       kind == KIND_ROOT || kind == KIND_DECIDER;
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	const struct key *key = NULL;
	struct graft_error *err = find_key(setting, &key);

	if (err)
		return err;
	size_t *first = &reading->seen[key - keys];
	void *member = (char *)reading->config + key->offset;
	if (*first && !may_repeat(key->kind))
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   key->name, *first);
	*first = setting->line;
	err = check_text(setting, key);
	if (err)
		return err;
	switch (key->kind) {
	case KIND_SECONDS:
	case KIND_DAYS:
		return read_number(setting, key, member);
	case KIND_SWITCH:
		return read_switch(setting, member);
	case KIND_RULE:
		return add_rule(reading, setting, key);
	case KIND_REPOSITORY:
		return graft_config_take_repository(reading->config, setting);
	case KIND_ROOT:
		return graft_config_take_root(reading->config, setting);
	case KIND_AGREEMENT:
		return graft_config_take_agreement(reading->config, setting);
	case KIND_DECIDER:
		return graft_config_take_decider(reading->config, setting);
	case KIND_PACKAGES:
		return graft_config_take_packages(reading->config, setting);
	default:
		free(*(char **)member);
		*(char **)member = strdup(setting->value);
		return *(char **)member ? NULL : graft_error_no_memory();
	}
}

GRAFT_MUST_CHECK static struct graft_error *
make_defaults(struct graft_config **ret)
{
	GRAFT_CLEANUP(graft_config_freep)
	struct graft_config *config = calloc(1, sizeof(*config));

	if (!config)
		return graft_error_no_memory();
	config->interval_s = INTERVAL_S;
	config->watch_s = WATCH_S;
	config->sync = true;
	config->update_interval_s = UPDATE_S;
	config->update_jitter_s = JITTER_S;
	config->report_days = REPORT_DAYS;
	config->user = strdup("graft");
	config->socket = strdup("/run/graft/graftd.sock");
	config->socket_group = strdup("graft");
	if (!config->user || !config->socket || !config->socket_group)
		return graft_error_no_memory();
	*ret = GRAFT_TAKE(config);
	return NULL;
}

struct graft_error *
graft_config_parse(const char *text, size_t len, const char *name,
		   struct graft_config **ret)
{
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	struct graft_error *err = make_defaults(&config);
	struct reading reading = { .config = config };

	if (!err)
		err = graft_settings_each(text, len, name, take, &reading);
	if (!err)
		err = graft_config_end_repositories(config, name);
	if (err)
		return err;
	*ret = GRAFT_TAKE(config);
	return NULL;
}

struct graft_error *
graft_config_read(const char *path, bool optional, struct graft_config **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && optional && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_config_parse("", 0, path, ret);
	}
	return err ? err
		   : graft_config_parse((const char *)bytes, len, path, ret);
}

static void
print_rule(const struct graft_config_rule *rule, struct graft_text *text)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (keys[i].kind == KIND_RULE && keys[i].what == rule->what &&
		    keys[i].exclude == rule->exclude)
			graft_text_printf(text, "%s = %s\n", keys[i].name,
					  rule->value);
	}
}

void
graft_config_print(const struct graft_config *config, struct graft_text *text)
{
	for (size_t i = 0; i < config->rule_count; i++)
		print_rule(&config->rules[i], text);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key *key = &keys[i];
		const void *member = (const char *)config + key->offset;
		switch (key->kind) {
		case KIND_RULE:
			break;
		case KIND_REPOSITORY:
			graft_config_print_repositories(config, text);
			break;
		case KIND_ROOT:
		case KIND_AGREEMENT:
		case KIND_DECIDER:
		case KIND_PACKAGES:
			break;
		case KIND_SECONDS:
		case KIND_DAYS:
			graft_text_printf(text, "%s = %u\n", key->name,
					  *(const uint32_t *)member);
			break;
		case KIND_SWITCH:
			graft_text_printf(text, "%s = %s\n", key->name,
					  *(const bool *)member ? "yes" : "no");
			break;
		default:
			if (*(char *const *)member)
				graft_text_printf(text, "%s = %s\n", key->name,
						  *(char *const *)member);
			break;
		}
	}
}
