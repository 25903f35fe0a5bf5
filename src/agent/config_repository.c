// SPDX-License-Identifier: Apache-2.0

#include "agent/config_repository.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** As releases call their lines (release/release.h), in that order. */
static const char *const lines[GRAFT_CONFIG_LINES] = { "baseline", "hotpatch",
						       "out-of-band",
						       "cumulative" };

/** Words for where packages come from. */
static const char *const origins[GRAFT_CONFIG_PACKAGES_COUNT] = {
	[GRAFT_CONFIG_PACKAGES_ANY] = "any",
	[GRAFT_CONFIG_PACKAGES_ARCHIVE] = "archive",
	[GRAFT_CONFIG_PACKAGES_REPOSITORY] = "repository",
};

void
graft_config_repositories_deinit(struct graft_config *config)
{
	for (size_t i = 0; i < config->repository_count; i++) {
		struct graft_config_repository *one = &config->repositories[i];
		for (size_t k = 0; k < one->url_count; k++)
			free(one->urls[k]);
	}
	for (size_t i = 0; i < config->root_count; i++)
		free(config->roots[i].path);
}

bool
graft_config_is_repository(const char *text)
{
	static const char *const schemes[] = { "https://", "http://",
					       "file:///" };
	size_t i = 0;

	while (i < 3 && strncmp(text, schemes[i], strlen(schemes[i])) != 0)
		i++;
	return i < 3 && text[strlen(schemes[i])] && !strpbrk(text, " \t?#@");
}

const char *
graft_config_split_name(const char *text, char between,
			char name[GRAFT_CONFIG_NAME_LEN])
{
	const size_t len = strspn(text,
				  "abcdefghijklmnopqrstuvwxyz0123456789-");
	const char *rest = text + len;

	(void)snprintf(name, GRAFT_CONFIG_NAME_LEN, "%s",
		       GRAFT_CONFIG_MAIN_NAME);
	if (!len || len >= GRAFT_CONFIG_NAME_LEN || text[0] == '-' ||
	    *rest != between)
		return text;
	memcpy(name, text, len);
	name[len] = '\0';
	rest++;
	return rest + strspn(rest, " \t");
}

size_t
graft_config_find_repository(const struct graft_config *config,
			     const char *name)
{
	size_t i = 0;

	while (i < config->repository_count &&
	       strcmp(config->repositories[i].name, name) != 0)
		i++;
	return i;
}

struct graft_error *
graft_config_take_repository(struct graft_config *config,
			     const struct graft_setting *setting)
{
	char name[GRAFT_CONFIG_NAME_LEN];
	const char *url = graft_config_split_name(setting->value, ' ', name);

	// Before an '@' there may be a password, which logs are not told.
	if (!graft_config_is_repository(url) && strchr(url, '@'))
		return graft_setting_wrong(
			setting,
			"%s: a URL without a user's name and password is "
			"expected: whatever is behind it is signed",
			setting->key);
	if (!graft_config_is_repository(url))
		return graft_setting_wrong(
			setting,
			"%s: '%.200s' is no URL that begins with https://, "
			"http:// or file:///",
			setting->key, url);
	const size_t i = graft_config_find_repository(config, name);
	struct graft_config_repository *one = &config->repositories[i];
	if (i == GRAFT_CONFIG_REPOSITORIES_MAX)
		return graft_setting_wrong(setting, "more than %d repositories",
					   GRAFT_CONFIG_REPOSITORIES_MAX);
	if (i == config->repository_count) {
		memset(one, 0, sizeof(*one));
		memcpy(one->name, name, sizeof(one->name));
		config->repository_count++;
	}
	if (one->url_count == GRAFT_CONFIG_MIRRORS_MAX)
		return graft_setting_wrong(setting,
					   "more than %d mirrors of %s",
					   GRAFT_CONFIG_MIRRORS_MAX, name);
	char *own = strdup(url);
	if (!own)
		return graft_error_no_memory();
	for (size_t len = strlen(own); len && own[len - 1] == '/'; len--)
		own[len - 1] = '\0';
	one->urls[one->url_count++] = own;
	return NULL;
}

/** Copy a name. */
static void
copy_name(char to[GRAFT_CONFIG_NAME_LEN], const char *name)
{
	(void)snprintf(to, GRAFT_CONFIG_NAME_LEN, "%s", name);
}

/** Find the root of a repository. @return NULL: none is named. */
static const struct graft_config_root *
find_root(const struct graft_config *config, const char *name)
{
	for (size_t i = 0; i < config->root_count; i++) {
		if (strcmp(config->roots[i].name, name) == 0)
			return &config->roots[i];
	}
	return NULL;
}

const char *
graft_config_root_path(const struct graft_config *config, const char *name)
{
	const struct graft_config_root *root = find_root(config, name);

	return root ? root->path : NULL;
}

/** Add a root. */
GRAFT_MUST_CHECK static struct graft_error *
add_root(struct graft_config *config, const char *name, const char *path,
	 size_t line)
{
	struct graft_config_root *root = &config->roots[config->root_count];

	root->path = strdup(path);
	if (!root->path)
		return graft_error_no_memory();
	copy_name(root->name, name);
	root->line = line;
	config->root_count++;
	return NULL;
}

struct graft_error *
graft_config_take_root(struct graft_config *config,
		       const struct graft_setting *setting)
{
	char name[GRAFT_CONFIG_NAME_LEN];
	const char *path = graft_config_split_name(setting->value, ' ', name);
	const struct graft_config_root *there = find_root(config, name);

	if (path[0] != '/')
		return graft_setting_wrong(
			setting, "%s: '%.200s' does not begin with '/'",
			setting->key, path);
	if (there)
		return graft_setting_wrong(
			setting, "%s of %s stands in line %zu already",
			setting->key, name, there->line);
	if (config->root_count == GRAFT_CONFIG_REPOSITORIES_MAX)
		return graft_setting_wrong(setting, "more than %d roots",
					   GRAFT_CONFIG_REPOSITORIES_MAX);
	return add_root(config, name, path, setting->line);
}

struct graft_error *
graft_config_take_agreement(struct graft_config *config,
			    const struct graft_setting *setting)
{
	const bool first = strcmp(setting->value, "first") == 0;

	if (!first && strcmp(setting->value, "all") != 0)
		return graft_setting_wrong(
			setting, "%s: '%.40s' is neither 'all' nor 'first'",
			setting->key, setting->value);
	config->first = first;
	return NULL;
}

struct graft_error *
graft_config_take_decider(struct graft_config *config,
			  const struct graft_setting *setting)
{
	char name[GRAFT_CONFIG_NAME_LEN];
	const char *word = graft_config_split_name(setting->value, ' ', name);
	size_t i = 0;

	if (word == setting->value)
		return graft_setting_wrong(
			setting,
			"%s: '%.200s' is no name of a repository with a line "
			"of releases behind it",
			setting->key, setting->value);
	while (i < GRAFT_CONFIG_LINES && strcmp(lines[i], word) != 0)
		i++;
	if (i == GRAFT_CONFIG_LINES)
		return graft_setting_wrong(
			setting,
			"%s: '%.40s' is no line of releases; did you mean '%s'?",
			setting->key, word,
			graft_nearest_word(word, lines, GRAFT_CONFIG_LINES));
	if (*config->deciders[i].name)
		return graft_setting_wrong(
			setting, "who decides %s stands in line %zu already",
			word, config->deciders[i].line);
	copy_name(config->deciders[i].name, name);
	config->deciders[i].line = setting->line;
	return NULL;
}

struct graft_error *
graft_config_take_packages(struct graft_config *config,
			   const struct graft_setting *setting)
{
	unsigned int i = 0;

	while (i < GRAFT_CONFIG_PACKAGES_COUNT &&
	       strcmp(origins[i], setting->value) != 0)
		i++;
	if (i == GRAFT_CONFIG_PACKAGES_COUNT)
		return graft_setting_wrong(
			setting,
			"%s: '%.40s' is none of 'any', 'archive' and "
			"'repository'",
			setting->key, setting->value);
	config->packages = (enum graft_config_packages)i;
	return NULL;
}

struct graft_error *
graft_config_check_proxy(const struct graft_setting *setting)
{
	static const char *const schemes[] = { "http://", "https://" };
	const char *value = setting->value;
	size_t i = 0;

	if (strcmp(value, "none") == 0)
		return NULL;
	while (i < 2 && strncmp(value, schemes[i], strlen(schemes[i])) != 0)
		i++;
	// What may be a password is not repeated.
	if (i == 2 || !value[strlen(schemes[i])] ||
	    strpbrk(value + strlen(schemes[i]), " \t?#@/"))
		return graft_setting_wrong(
			setting,
			"%s: neither 'none' nor http://HOST:PORT or "
			"https://HOST:PORT, without a user's name: that is "
			"for proxy-password-file",
			setting->key);
	return NULL;
}

struct graft_error *
graft_config_check_no_proxy(const struct graft_setting *setting)
{
	const char *value = setting->value;

	if (strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789-_.:[]*/, ") != strlen(value))
		return graft_setting_wrong(
			setting,
			"%s: '%.200s' is no list of hosts with ',' between",
			setting->key, value);
	return NULL;
}

/** Make the error of a name that no repository has. */
GRAFT_MUST_CHECK static struct graft_error *
unknown_name(const char *file, size_t line, const char *key, const char *name)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "%s: line %zu: %s: no repository is called %s",
			       file, line, key, name);
}

/** Give each repository its root. */
GRAFT_MUST_CHECK static struct graft_error *
fill_roots(struct graft_config *config)
{
	struct graft_error *err = NULL;

	// The first root of all may be needed without a line that says from where.
	if (!find_root(config, GRAFT_CONFIG_MAIN_NAME))
		err = add_root(config, GRAFT_CONFIG_MAIN_NAME,
			       GRAFT_CONFIG_ROOT_PATH, 0);
	for (size_t i = 0; !err && i < config->repository_count; i++) {
		const char *name = config->repositories[i].name;
		char path[GRAFT_CONFIG_NAME_LEN + 32];
		(void)snprintf(path, sizeof(path), "/etc/graft/root-%s.json",
			       name);
		if (!find_root(config, name))
			err = add_root(config, name, path, 0);
	}
	return err;
}

struct graft_error *
graft_config_end_repositories(struct graft_config *config, const char *file)
{
	for (size_t i = 0; i < config->root_count; i++) {
		const struct graft_config_root *root = &config->roots[i];
		if (strcmp(root->name, GRAFT_CONFIG_MAIN_NAME) != 0 &&
		    graft_config_find_repository(config, root->name) ==
			    config->repository_count)
			return unknown_name(file, root->line, "trusted-root",
					    root->name);
	}
	for (size_t i = 0; i < GRAFT_CONFIG_LINES; i++) {
		const struct graft_config_decider *one = &config->deciders[i];
		if (*one->name &&
		    graft_config_find_repository(config, one->name) ==
			    config->repository_count)
			return unknown_name(file, one->line, "decides",
					    one->name);
	}
	if (config->update && !config->repository_count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: update = yes, and no repository is "
				       "named",
				       file);
	if (!config->proxy && (config->no_proxy || config->proxy_password_file))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: no-proxy and proxy-password-file "
				       "are for a proxy, and none is named",
				       file);
	return fill_roots(config);
}

/** Append a name, unless it is the one that need not be said. */
static void
put_name(const char *name, struct graft_text *text)
{
	if (strcmp(name, GRAFT_CONFIG_MAIN_NAME) != 0)
		graft_text_printf(text, "%s ", name);
}

void
graft_config_print_repositories(const struct graft_config *config,
				struct graft_text *text)
{
	for (size_t i = 0; i < config->repository_count; i++) {
		const struct graft_config_repository *one =
			&config->repositories[i];
		for (size_t k = 0; k < one->url_count; k++) {
			graft_text_put(text, "repository = ");
			put_name(one->name, text);
			graft_text_printf(text, "%s\n", one->urls[k]);
		}
	}
	for (size_t i = 0; i < config->root_count; i++) {
		graft_text_put(text, "trusted-root = ");
		put_name(config->roots[i].name, text);
		graft_text_printf(text, "%s\n", config->roots[i].path);
	}
	graft_text_printf(text, "agreement = %s\n",
			  config->first ? "first" : "all");
	graft_text_printf(text, "packages = %s\n", origins[config->packages]);
	for (size_t i = 0; i < GRAFT_CONFIG_LINES; i++) {
		if (*config->deciders[i].name)
			graft_text_printf(text, "decides = %s %s\n",
					  config->deciders[i].name, lines[i]);
	}
}
