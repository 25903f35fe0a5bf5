// SPDX-License-Identifier: Apache-2.0

#include "release/catalogue.h"

#include "base/vec.h"
#include "release/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *id;
	const char *what;
	const char *mend;
} rules[] = {
#define GRAFT_CATALOGUE_RULE(symbol, id, what, mend) { id, what, mend },
#include "release/rules.def"
#undef GRAFT_CATALOGUE_RULE
};

struct graft_error *
graft_rule_broken(enum graft_rule rule, const struct graft_release *release,
		  const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return graft_error_new(GRAFT_ERROR_REFUSED, "%s: %s: %s (%s): %s",
			       release->id, rules[rule].id, text,
			       rules[rule].what, rules[rule].mend);
}

void
graft_catalogue_deinit(struct graft_catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->count; i++)
		graft_release_free(catalogue->list[i]);
	free(catalogue->list);
	*catalogue = (struct graft_catalogue){ 0 };
}

struct graft_error *
graft_catalogue_take(struct graft_catalogue *catalogue,
		     struct graft_release *release)
{
	struct graft_error *err = graft_vec_reserve(
		&catalogue->list, &catalogue->cap, catalogue->count + 1,
		sizeof(struct graft_release *));

	if (err) {
		graft_release_free(release);
		return err;
	}
	catalogue->list[catalogue->count++] = release;
	return NULL;
}

bool
graft_catalogue_is_path(const char *path)
{
	const char *suffix = strrchr(path, '.');

	return strncmp(path, GRAFT_RELEASE_PREFIX,
		       strlen(GRAFT_RELEASE_PREFIX)) == 0 &&
	       suffix && strcmp(suffix, ".json") == 0;
}

struct graft_error *
graft_catalogue_decode(struct graft_catalogue *catalogue, const char *path,
		       const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	GRAFT_FREE char *own = NULL;

	struct graft_error *err = graft_release_decode(bytes, len, &release);
	if (err)
		return graft_error_prefix(err, "%s", path);
	if (asprintf(&own, GRAFT_RELEASE_PREFIX "%s.json", release->id) < 0) {
		own = NULL;
		return graft_error_no_memory();
	}
	if (strcmp(own, path) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%s: it says that it is %s", path,
				       release->id);
	return graft_catalogue_take(catalogue, GRAFT_TAKE(release));
}

const struct graft_release *
graft_catalogue_find(const struct graft_catalogue *catalogue, const char *id)
{
	for (size_t i = 0; id && i < catalogue->count; i++) {
		if (strcmp(catalogue->list[i]->id, id) == 0)
			return catalogue->list[i];
	}
	return NULL;
}

bool
graft_catalogue_is_superseded(const struct graft_catalogue *catalogue,
			      const char *id)
{
	for (size_t i = 0; i < catalogue->count; i++) {
		if (graft_words_have(&catalogue->list[i]->supersedes, id))
			return true;
	}
	return false;
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp((*(struct graft_release *const *)a)->id,
		      (*(struct graft_release *const *)b)->id);
}

/** See that each id is there once, and that no release supersedes itself. */
GRAFT_MUST_CHECK static struct graft_error *
check_ids(struct graft_catalogue *catalogue)
{
	if (catalogue->count)
		qsort(catalogue->list, catalogue->count,
		      sizeof(struct graft_release *), compare_ids);
	for (size_t i = 1; i < catalogue->count; i++) {
		if (strcmp(catalogue->list[i - 1]->id,
			   catalogue->list[i]->id) == 0)
			return graft_rule_broken(GRAFT_RULE_IDENTITY,
						 catalogue->list[i],
						 "two releases are called so");
	}
	return NULL;
}

/** Get the index of a release. */
static size_t
index_of(const struct graft_catalogue *catalogue, const char *id)
{
	size_t low = 0;
	size_t high = catalogue->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(catalogue->list[middle]->id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/** See that the graph has no circle: what nothing in it supersedes is taken away, again and again. */
GRAFT_MUST_CHECK static struct graft_error *
check_acyclic(const struct graft_catalogue *catalogue)
{
	GRAFT_FREE size_t *by = calloc(catalogue->count + 1, sizeof(*by));
	GRAFT_FREE size_t *free_ones = calloc(catalogue->count + 1,
					      sizeof(*free_ones));
	size_t count = 0;

	if (!by || !free_ones)
		return graft_error_no_memory();
	for (size_t i = 0; i < catalogue->count; i++) {
		const struct graft_words *words =
			&catalogue->list[i]->supersedes;
		for (size_t k = 0; k < words->count; k++)
			by[index_of(catalogue, words->list[k])]++;
	}
	for (size_t i = 0; i < catalogue->count; i++) {
		if (!by[i])
			free_ones[count++] = i;
	}
	for (size_t at = 0; at < count; at++) {
		const struct graft_words *words =
			&catalogue->list[free_ones[at]]->supersedes;
		for (size_t k = 0; k < words->count; k++) {
			const size_t i = index_of(catalogue, words->list[k]);
			if (--by[i] == 0)
				free_ones[count++] = i;
		}
	}
	for (size_t i = 0; i < catalogue->count; i++) {
		if (by[i])
			return graft_rule_broken(GRAFT_RULE_CYCLE,
						 catalogue->list[i],
						 "it supersedes itself, "
						 "perhaps through others");
	}
	return NULL;
}

struct graft_error *
graft_catalogue_check(struct graft_catalogue *catalogue, bool proven)
{
	struct graft_error *err = check_ids(catalogue);

	for (size_t i = 0; !err && i < catalogue->count; i++)
		err = graft_rules_alone(catalogue->list[i], proven);
	for (size_t i = 0; !err && i < catalogue->count; i++)
		err = graft_rules_names(catalogue, catalogue->list[i]);
	// Only now is each id that somebody names known to be there.
	if (!err)
		err = check_acyclic(catalogue);
	for (size_t i = 0; !err && i < catalogue->count; i++)
		err = graft_rules_among(catalogue, catalogue->list[i]);
	return err;
}
