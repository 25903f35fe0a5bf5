// SPDX-License-Identifier: Apache-2.0

// Which repositories command line and configuration name, and where what they are trusted for lies.

#include "cmd/update.h"

#include "base/env.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void
graft_update_places_deinit(struct graft_update_places *places)
{
	for (size_t i = 0; i < GRAFT_CONFIG_REPOSITORIES_MAX; i++)
		free(places->dirs[i]);
	for (size_t i = 0; i < places->known_count; i++)
		free(places->known[i]);
}

/** Say that a mirror failed and the next one is asked. */
static void
say_mirror(void *arg, const char *url, const struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	(void)arg;
	graft_text_put_safe(&text, graft_error_message(err));
	(void)fprintf(stderr, "graft update: %s is left: %s\n", url,
		      graft_text_str(&text));
}

/** The same of a repository. */
static void
say_repository(void *arg, const char *name, const struct graft_error *err)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text url = { 0 };

	graft_text_printf(&url, "repository %s", name);
	say_mirror(arg, graft_text_str(&url), err);
}

/** Make the path of the directory of a repository. */
GRAFT_MUST_CHECK static struct graft_error *
make_dir(const char *name, char **ret)
{
	const char *state = graft_env_state_dir();
	const int len = strcmp(name, GRAFT_CONFIG_MAIN_NAME) == 0
				? asprintf(ret, "%s/releases", state)
				: asprintf(ret, "%s/repositories/%s", state,
					   name);

	if (len >= 0)
		return NULL;
	*ret = NULL;
	return graft_error_no_memory();
}

/** Note a directory of which something is known, perhaps. */
GRAFT_MUST_CHECK static struct graft_error *
note_known(struct graft_update_places *places, const char *name)
{
	if (places->known_count == GRAFT_UPDATE_KNOWN_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "more than %d repositories were known "
				       "here",
				       GRAFT_UPDATE_KNOWN_MAX);
	struct graft_error *err = make_dir(name,
					   &places->known[places->known_count]);
	places->known_count += !err;
	return err;
}

/** List the directories of all repositories that were ever known. */
GRAFT_MUST_CHECK static struct graft_error *
list_known(struct graft_update_places *places)
{
	GRAFT_FREE char *path = NULL;
	char name[GRAFT_CONFIG_NAME_LEN];

	if (asprintf(&path, "%s/repositories", graft_env_state_dir()) < 0) {
		path = NULL;
		return graft_error_no_memory();
	}
	struct graft_error *err = note_known(places, GRAFT_CONFIG_MAIN_NAME);
	DIR *dir = opendir(path);
	while (!err && dir) {
		const struct dirent *entry = readdir(dir);
		if (!entry)
			break;
		const size_t len = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || len >= sizeof(name))
			continue;
		memcpy(name, entry->d_name, len + 1);
		err = note_known(places, name);
	}
	if (dir)
		(void)closedir(dir);
	return err;
}

/** Add a repository. */
GRAFT_MUST_CHECK static struct graft_error *
add(struct graft_update *update, const char *name, char *const *urls,
    size_t url_count, const struct graft_fetcher *fetcher)
{
	const struct graft_update_options *options = update->options;
	struct graft_update_places *places = &update->places;
	const size_t i = places->count;
	const bool given = options->trusted_root &&
			   strcmp(options->trusted_root_name, name) == 0;
	struct graft_error *err = make_dir(name, &places->dirs[i]);

	if (err)
		return err;
	places->names[i] = name;
	places->sources[i] = (struct graft_source_config){
		.dir = places->dirs[i],
		.trusted_root = given ? options->trusted_root
				      : graft_config_root_path(update->config,
							       name),
		.urls = urls,
		.url_count = url_count,
		.fetcher = *fetcher,
		.now = (int64_t)time(NULL),
		.say = say_mirror,
	};
	places->count++;
	return NULL;
}

/** See that what the command line names is there. */
GRAFT_MUST_CHECK static struct graft_error *
check_options(const struct graft_update *update)
{
	const struct graft_update_options *options = update->options;
	const struct graft_config *config = update->config;
	const size_t count = config->repository_count;
	const char *names[] = {
		options->from ? options->from_name : NULL,
		options->trusted_root ? options->trusted_root_name : NULL,
	};

	if (!count && !options->from)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "no repository is known: repository = "
				       "URL in %s, or --from URL",
				       options->config ? options->config
						       : GRAFT_CONFIG_PATH);
	for (size_t i = 0; i < 2; i++) {
		const bool main_alone = !count && names[i] &&
					strcmp(names[i],
					       GRAFT_CONFIG_MAIN_NAME) == 0;
		if (names[i] && !main_alone &&
		    graft_config_find_repository(config, names[i]) == count)
			return graft_error_new(
				GRAFT_ERROR_NOT_FOUND,
				"%s: no repository is called %s: NAME=%s",
				i ? "--trusted-root" : "--from", names[i],
				i ? "FILE" : "URL");
	}
	return NULL;
}

/** Read the say that each has out of the configuration. */
static struct graft_agreement
read_agreement(const struct graft_config *config)
{
	struct graft_agreement agreement = { .first = config->first };

	for (size_t i = 0; i < GRAFT_RELEASE_LINES; i++) {
		const char *name = config->deciders[i].name;
		agreement.deciders[i] =
			*name ? graft_config_find_repository(config, name)
			      : SIZE_MAX;
	}
	return agreement;
}

struct graft_error *
graft_update_open_source(struct graft_update *update,
			 const struct graft_fetcher *fetcher)
{
	const struct graft_update_options *options = update->options;
	const struct graft_config *config = update->config;
	struct graft_update_places *places = &update->places;
	struct graft_error *err = check_options(update);

	for (size_t i = 0; !err && i < config->repository_count; i++) {
		const struct graft_config_repository *one =
			&config->repositories[i];
		const bool given = options->from &&
				   strcmp(options->from_name, one->name) == 0;
		err = given ? add(update, one->name, &options->from, 1, fetcher)
			    : add(update, one->name, one->urls, one->url_count,
				  fetcher);
	}
	if (!err && !config->repository_count)
		err = add(update, GRAFT_CONFIG_MAIN_NAME, &options->from, 1,
			  fetcher);
	if (!err)
		err = list_known(places);
	if (err)
		return err;
	const struct graft_repositories_config several = {
		.sources = places->sources,
		.names = places->names,
		.count = places->count,
		.agreement = read_agreement(config),
		.say = say_repository,
		.known_dirs = (const char *const *)places->known,
		.known_dir_count = places->known_count,
	};
	return graft_repositories_open(&several, &update->repositories);
}
