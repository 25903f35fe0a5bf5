// SPDX-License-Identifier: Apache-2.0

#include "update/repositories.h"

#include "base/vec.h"
#include "update/roots.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One repository. */
struct one {
	/** NULL: it was left. */
	struct graft_source *source;
	/** Why. */
	struct graft_error *why;
};

struct graft_repositories {
	struct graft_repositories_config config;
	struct one *list;
	/** As many: what each says. */
	struct graft_side *sides;
	struct graft_agreed agreed;
	/** Files that were checked; borrowed from releases. */
	const struct graft_release_form **checked;
	size_t checked_count;
	size_t checked_cap;
};

void
graft_repositories_close(struct graft_repositories *repositories)
{
	if (!repositories)
		return;
	graft_agreed_deinit(&repositories->agreed);
	for (size_t i = 0; i < repositories->config.count; i++) {
		if (repositories->sides)
			graft_catalogue_deinit(
				&repositories->sides[i].catalogue);
		if (!repositories->list)
			continue;
		graft_source_close(repositories->list[i].source);
		graft_error_free(repositories->list[i].why);
	}
	free(repositories->sides);
	free(repositories->list);
	free(repositories->checked);
	free(repositories);
}

/** Put the name before an error, where there are several. */
GRAFT_MUST_CHECK static struct graft_error *
name_it(const struct graft_repositories *repositories, size_t i,
	struct graft_error *err)
{
	return err && repositories->config.count > 1
		       ? graft_error_prefix(err, "repository %s",
					    repositories->config.names[i])
		       : err;
}

/**
 * Leave a repository that failed, if the others may go on without it.
 *
 * @param[in] err Taken.
 */
GRAFT_MUST_CHECK static struct graft_error *
leave(struct graft_repositories *repositories, size_t i,
      struct graft_error *err)
{
	const struct graft_repositories_config *config = &repositories->config;
	struct one *one = &repositories->list[i];

	// What is wrong with this machine is so with each.
	if (!config->agreement.first || config->count == 1 ||
	    graft_error_kind(err) == GRAFT_KIND_FAULT)
		return name_it(repositories, i, err);
	if (config->say)
		config->say(config->say_arg, config->names[i], err);
	graft_source_close(one->source);
	one->source = NULL;
	one->why = err;
	repositories->sides[i].left = true;
	return NULL;
}

/** Make the error of repositories of which none is left: that of the first. */
GRAFT_MUST_CHECK static struct graft_error *
check_any(const struct graft_repositories *repositories)
{
	for (size_t i = 0; i < repositories->config.count; i++) {
		if (repositories->list[i].source)
			return NULL;
	}
	const struct graft_error *why = repositories->list[0].why;
	return graft_error_new(graft_error_code(why),
			       "no repository can be asked; repository %s: %s",
			       repositories->config.names[0],
			       graft_error_message(why));
}

/** See that no two repositories are one: their agreement would be worth nothing. */
GRAFT_MUST_CHECK static struct graft_error *
check_several(const struct graft_repositories_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (graft_roots_are_one(config->sources[i].dir,
						config->sources[k].dir))
				return graft_error_new(
					GRAFT_ERROR_REFUSED,
					"the repositories %s and %s have the "
					"same root: they are one, and cannot "
					"agree with each other",
					config->names[k], config->names[i]);
		}
	}
	return NULL;
}

/** Say whether a directory is that of a repository of the configuration. */
static bool
is_configured(const struct graft_repositories_config *config, const char *dir)
{
	for (size_t i = 0; i < config->count; i++) {
		if (strcmp(config->sources[i].dir, dir) == 0)
			return true;
	}
	return false;
}

/**
 * See that a repository that was known by another name goes on there: what was trusted must not be
 * forgotten by a new name.
 */
GRAFT_MUST_CHECK static struct graft_error *
check_name(const struct graft_repositories_config *config, size_t i)
{
	const char *dir = config->sources[i].dir;

	for (size_t k = 0;
	     !graft_roots_are_trusted(dir) && k < config->known_dir_count; k++)
		if (!is_configured(config, config->known_dirs[k]) &&
		    graft_roots_have_file(config->known_dirs[k],
					  config->sources[i].trusted_root))
			return graft_error_new(
				GRAFT_ERROR_REFUSED,
				"the root of the repository %s is known "
				"already, by another name: so that what "
				"is trusted is not forgotten, mv %s %s",
				config->names[i], config->known_dirs[k], dir);
	return NULL;
}

struct graft_error *
graft_repositories_open(const struct graft_repositories_config *config,
			struct graft_repositories **ret)
{
	GRAFT_CLEANUP(graft_repositories_closep)
	struct graft_repositories *repositories = calloc(1,
							 sizeof(*repositories));

	if (!repositories)
		return graft_error_no_memory();
	repositories->config = *config;
	repositories->list = calloc(config->count + 1, sizeof(struct one));
	repositories->sides = calloc(config->count + 1,
				     sizeof(struct graft_side));
	if (!repositories->list || !repositories->sides)
		return graft_error_no_memory();
	struct graft_error *err = NULL;
	// What the administrator gave must be right, whoever can be asked.
	for (size_t i = 0; !err && i < config->count; i++) {
		repositories->sides[i].name = config->names[i];
		err = check_name(config, i);
		if (!err)
			err = graft_source_anchor(&config->sources[i]);
		err = name_it(repositories, i, err);
	}
	// And before anything is trusted under a name that is not its own.
	if (!err)
		err = check_several(config);
	for (size_t i = 0; !err && i < config->count; i++) {
		err = graft_source_open(&config->sources[i],
					&repositories->list[i].source);
		// Somebody else is at work: nobody's place is taken by that.
		if (err && graft_error_code(err) != GRAFT_ERROR_REFUSED)
			err = leave(repositories, i, err);
		else
			err = name_it(repositories, i, err);
	}
	if (!err)
		err = check_several(config);
	if (!err)
		err = check_any(repositories);
	if (err)
		return err;
	*ret = GRAFT_TAKE(repositories);
	return NULL;
}

struct graft_error *
graft_repositories_catalogue(struct graft_repositories *repositories,
			     const struct graft_catalogue **ret)
{
	const struct graft_repositories_config *config = &repositories->config;
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < config->count; i++) {
		struct graft_source *source = repositories->list[i].source;
		if (!source)
			continue;
		err = graft_source_catalogue(source,
					     &repositories->sides[i].catalogue);
		if (err)
			err = leave(repositories, i, err);
	}
	if (!err)
		err = check_any(repositories);
	if (!err)
		err = graft_agree(repositories->sides, config->count,
				  &config->agreement, &repositories->agreed);
	if (err)
		return err;
	*ret = &repositories->agreed.catalogue;
	return NULL;
}

const struct graft_agreed *
graft_repositories_agreed(const struct graft_repositories *repositories)
{
	return &repositories->agreed;
}

/** Get the side that a release of the catalogue is of. */
static size_t
side_of(const struct graft_repositories *repositories,
	const struct graft_release *release)
{
	const struct graft_agreed *agreed = &repositories->agreed;

	for (size_t i = 0; i < agreed->catalogue.count; i++) {
		if (agreed->catalogue.list[i] == release)
			return agreed->sides[i];
	}
	return repositories->config.count;
}

/** Say whether all must agree about a release. */
static bool
is_of_all(const struct graft_repositories *repositories,
	  const struct graft_release *release)
{
	const struct graft_agreement *agreement =
		&repositories->config.agreement;

	return repositories->config.count > 1 && !agreement->first &&
	       agreement->deciders[release->line] == SIZE_MAX;
}

struct graft_error *
graft_repositories_check(struct graft_repositories *repositories,
			 const struct graft_release *release,
			 const struct graft_release_form *form)
{
	const size_t own = side_of(repositories, release);
	struct graft_error *err = graft_vec_reserve(
		&repositories->checked, &repositories->checked_cap,
		repositories->checked_count + 1,
		sizeof(*repositories->checked));

	if (!err && own == repositories->config.count)
		err = graft_error_new(GRAFT_ERROR_REFUSED,
				      "%s is no release that counts",
				      release->id);
	// One that is asked alone shows when it is fetched.
	for (size_t i = 0; !err && is_of_all(repositories, release) &&
			   i < repositories->config.count;
	     i++)
		err = name_it(
			repositories, i,
			graft_source_lists(repositories->list[i].source, form));
	if (!err)
		repositories->checked[repositories->checked_count++] = form;
	return err;
}

/** Fetch a file from one repository. @param[in] own The release is of this one. */
GRAFT_MUST_CHECK static struct graft_error *
fetch_from(struct graft_source *source, bool own,
	   const struct graft_release_form *form, char **ret)
{
	struct graft_error *err = own ? NULL : graft_source_lists(source, form);

	return err ? err : graft_source_fetch(source, form, ret);
}

struct graft_error *
graft_repositories_fetch(struct graft_repositories *repositories,
			 const struct graft_release *release,
			 const struct graft_release_form *form, char **ret)
{
	const struct graft_repositories_config *config = &repositories->config;
	const size_t own = side_of(repositories, release);
	struct graft_error *err = NULL;
	size_t i = 0;

	while (i < repositories->checked_count &&
	       repositories->checked[i] != form)
		i++;
	if (i == repositories->checked_count)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s was not checked", form->path);
	size_t last = own;
	// Whose bytes they are is all the same: the release says what they must be.
	for (size_t n = 0; n < config->count; n++) {
		const size_t at = (own + n) % config->count;
		if (!repositories->list[at].source)
			continue;
		if (err && config->say)
			config->say(config->say_arg, config->names[last], err);
		graft_error_free(err);
		last = at;
		err = fetch_from(repositories->list[at].source, n == 0, form,
				 ret);
		if (!err || graft_error_kind(err) == GRAFT_KIND_FAULT)
			break;
	}
	return name_it(repositories, last, err);
}

size_t
graft_repositories_count(const struct graft_repositories *repositories)
{
	return repositories->config.count;
}

struct graft_repository_state
graft_repositories_state(const struct graft_repositories *repositories,
			 size_t i)
{
	const struct one *one = &repositories->list[i];

	return (struct graft_repository_state){
		.name = repositories->config.names[i],
		.url = one->source ? graft_source_url(one->source) : NULL,
		.why = one->why ? graft_error_message(one->why) : NULL,
	};
}

uint64_t
graft_repositories_bytes(const struct graft_repositories *repositories)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < repositories->config.count; i++) {
		if (repositories->list[i].source)
			bytes += graft_source_bytes(
				repositories->list[i].source);
	}
	return bytes;
}

struct graft_error *
graft_repositories_sweep(const struct graft_repositories *repositories)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < repositories->config.count; i++) {
		if (repositories->list[i].source)
			err = graft_source_sweep(repositories->list[i].source);
	}
	return err;
}

void
graft_repositories_tidy(const struct graft_repositories *repositories)
{
	for (size_t i = 0; i < repositories->config.count; i++) {
		if (repositories->list[i].source)
			graft_source_tidy(repositories->list[i].source);
	}
}
