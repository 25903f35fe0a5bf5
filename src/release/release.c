// SPDX-License-Identifier: Apache-2.0

#include "release/release.h"

#include "base/utf8.h"
#include "base/vec.h"
#include "trust/instant.h"

#include <stdio.h>
#include <string.h>

const char *
graft_release_line_name(enum graft_release_line line)
{
	static const char *const names[] = { "baseline", "hotpatch",
					     "out-of-band", "cumulative" };

	return names[line];
}

const char *
graft_release_class_name(enum graft_release_class classification)
{
	static const char *const names[] = { "security", "bugfix", "feature" };

	return names[classification];
}

const char *
graft_release_severity_name(enum graft_release_severity severity)
{
	static const char *const names[] = { "critical", "important",
					     "moderate", "low", "none" };

	return names[severity];
}

const char *
graft_release_kind_name(enum graft_release_kind kind)
{
	static const char *const names[] = { "hotpatch", "delta", "package" };

	return names[kind];
}

bool
graft_release_is_hot(const struct graft_release *release)
{
	return release->line == GRAFT_RELEASE_HOTPATCH ||
	       (release->line == GRAFT_RELEASE_OUT_OF_BAND &&
		!release->restart);
}

int
graft_release_name_find(const char *word, const char *(*name)(unsigned int),
			unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(name(i), word) == 0)
			return (int)i;
	}
	return -1;
}

struct graft_error *
graft_release_new(struct graft_release **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL : graft_error_no_memory();
}

static void
words_deinit(struct graft_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->list[i]);
	free(words->list);
}

void
graft_release_free(struct graft_release *release)
{
	if (!release)
		return;
	for (size_t i = 0; i < release->form_count; i++)
		free(release->forms[i].path);
	for (size_t i = 0; i < release->package_count; i++) {
		free(release->packages[i].name);
		free(release->packages[i].old_version);
		free(release->packages[i].version);
	}
	for (size_t i = 0; i < release->module_count; i++) {
		free(release->modules[i].path);
		free(release->modules[i].old_build_id);
		free(release->modules[i].new_build_id);
		free(release->modules[i].verdict);
		free(release->modules[i].assurance);
	}
	words_deinit(&release->cves);
	words_deinit(&release->articles);
	words_deinit(&release->supersedes);
	free(release->forms);
	free(release->packages);
	free(release->modules);
	free(release->id);
	free(release->title);
	free(release->requires_baseline);
	free(release->cumulative);
	free(release);
}

struct graft_error *
graft_words_add(struct graft_words *words, const char *word)
{
	if (words->count == GRAFT_RELEASE_LIST_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "a list of more than %d",
				       GRAFT_RELEASE_LIST_MAX);
	struct graft_error *err = graft_vec_reserve(
		&words->list, &words->cap, words->count + 1, sizeof(char *));
	if (err)
		return err;
	words->list[words->count] = strdup(word);
	if (!words->list[words->count])
		return graft_error_no_memory();
	words->count++;
	return NULL;
}

bool
graft_words_have(const struct graft_words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strcmp(words->list[i], word) == 0)
			return true;
	}
	return false;
}

/** Say whether a word has the form of a pattern, in which 0 is any digit. */
static bool
fits(const char *word, const char *pattern)
{
	for (; *pattern; pattern++, word++) {
		if (*pattern == '0' ? *word < '0' || *word > '9'
				    : *word != *pattern)
			return false;
	}
	return !*word;
}

bool
graft_release_is_id(const char *word)
{
	return fits(word, "GP-0000-0000");
}

bool
graft_release_is_date(const char *word)
{
	char instant[GRAFT_INSTANT_LEN];
	int64_t seconds;

	if (!fits(word, "0000-00-00"))
		return false;
	(void)snprintf(instant, sizeof(instant), "%sT00:00:00Z", word);
	return graft_instant_parse(instant, &seconds);
}

bool
graft_release_is_cve(const char *word)
{
	return fits(word, "CVE-0000-0000") || fits(word, "CVE-0000-00000") ||
	       fits(word, "CVE-0000-000000") || fits(word, "CVE-0000-0000000");
}

bool
graft_release_is_package(const char *word)
{
	static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789+.:-";
	const size_t len = strlen(word);

	// Not an option, and not one that is to be removed ("name-").
	return len > 0 && len <= GRAFT_RELEASE_TEXT_MAX &&
	       strspn(word, all) == len && !strchr("+.:-", *word) &&
	       word[len - 1] != '-';
}

bool
graft_release_is_version(const char *word)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789+.:~-";
	const size_t len = strlen(word);

	return len > 0 && len <= GRAFT_RELEASE_TEXT_MAX &&
	       strspn(word, all) == len && !strchr("+.:~-", *word);
}

bool
graft_release_is_text(const char *word)
{
	const size_t len = strlen(word);

	return len > 0 && len <= GRAFT_RELEASE_TEXT_MAX &&
	       graft_utf8_printable(word, len);
}
