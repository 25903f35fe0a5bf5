// SPDX-License-Identifier: Apache-2.0

#include "release/spec.h"

#include "base/settings.h"

#include <string.h>

/** The keys. */
enum key {
	KEY_ID,
	KEY_LINE,
	KEY_DATE,
	KEY_LEVEL,
	KEY_CLASSIFICATION,
	KEY_SEVERITY,
	KEY_TITLE,
	KEY_CVE,
	KEY_ARTICLE,
	KEY_REQUIRES_BASELINE,
	KEY_SUPERSEDES,
	KEY_CUMULATIVE,
	KEY_KEEPS_TRACK,
	KEY_RESTART,
	KEY_COUNT,
};

static const char *const keys[] = {
	[KEY_ID] = "id",
	[KEY_LINE] = "line",
	[KEY_DATE] = "date",
	[KEY_LEVEL] = "level",
	[KEY_CLASSIFICATION] = "classification",
	[KEY_SEVERITY] = "severity",
	[KEY_TITLE] = "title",
	[KEY_CVE] = "cve",
	[KEY_ARTICLE] = "article",
	[KEY_REQUIRES_BASELINE] = "requires-baseline",
	[KEY_SUPERSEDES] = "supersedes",
	[KEY_CUMULATIVE] = "cumulative",
	[KEY_KEEPS_TRACK] = "keeps-track",
	[KEY_RESTART] = "restart",
};

/** A specification that is being read. */
struct reading {
	struct graft_release *release;
	/** In which line each key stood first; 0: in none. */
	size_t seen[KEY_COUNT];
};

GRAFT_MUST_CHECK static struct graft_error *
take_text(const struct graft_setting *setting, bool (*is)(const char *),
	  const char *like, char **ret)
{
	if (!is(setting->value))
		return graft_setting_wrong(setting, "%s: not like '%s'",
					   setting->key, like);
	*ret = strdup(setting->value);
	return *ret ? NULL : graft_error_no_memory();
}

/** Take one word of a list, which none may be in twice. */
GRAFT_MUST_CHECK static struct graft_error *
take_word(const struct graft_setting *setting, const char *word,
	  struct graft_words *ret)
{
	return graft_words_have(ret, word)
		       ? graft_setting_wrong(setting,
					     "%s: '%.60s' stands there twice",
					     setting->key, word)
		       : graft_words_add(ret, word);
}

/** Take words with `,` between. */
GRAFT_MUST_CHECK static struct graft_error *
take_words(const struct graft_setting *setting, bool (*is)(const char *),
	   const char *like, struct graft_words *ret)
{
	char copy[GRAFT_SETTING_VALUE_MAX + 1];
	char *rest = copy;

	memcpy(copy, setting->value, strlen(setting->value) + 1);
	for (char *word; (word = strsep(&rest, ","));) {
		word += strspn(word, " \t");
		for (size_t len = strlen(word);
		     len && strchr(" \t", word[len - 1]); len--)
			word[len - 1] = '\0';
		if (!is(word))
			return graft_setting_wrong(
				setting, "%s: '%.60s' is not like '%s'",
				setting->key, word, like);
		struct graft_error *err = take_word(setting, word, ret);
		if (err)
			return err;
	}
	return NULL;
}

/** Take one of some words. */
GRAFT_MUST_CHECK static struct graft_error *
take_name(const struct graft_setting *setting,
	  const char *(*name)(unsigned int), unsigned int count,
	  unsigned int *ret)
{
	const char *known[8];
	const int found = graft_release_name_find(setting->value, name, count);

	if (found >= 0) {
		*ret = (unsigned int)found;
		return NULL;
	}
	for (unsigned int i = 0; i < count; i++)
		known[i] = name(i);
	return graft_setting_wrong(
		setting, "%s: '%.60s'; did you mean '%s'?", setting->key,
		setting->value,
		graft_nearest_word(setting->value, known, count));
}

GRAFT_MUST_CHECK static struct graft_error *
take_bool(const struct graft_setting *setting, bool *ret)
{
	*ret = strcmp(setting->value, "yes") == 0;
	return *ret || strcmp(setting->value, "no") == 0
		       ? NULL
		       : graft_setting_wrong(setting, "%s: 'yes' or 'no'",
					     setting->key);
}

GRAFT_MUST_CHECK static struct graft_error *
take_date(const struct graft_setting *setting, struct graft_release *release)
{
	if (!graft_release_is_date(setting->value))
		return graft_setting_wrong(
			setting, "%s: no day like '2026-11-10'", setting->key);
	memcpy(release->date, setting->value, GRAFT_RELEASE_DATE_LEN);
	return NULL;
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	struct graft_release *release = reading->release;
	static const char id[] = "GP-2026-0042";
	size_t key = 0;

	while (key < KEY_COUNT && strcmp(keys[key], setting->key) != 0)
		key++;
	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	if (reading->seen[key] && key != KEY_CVE && key != KEY_ARTICLE)
		return graft_setting_wrong(setting,
					   "%s stands in line %zu already",
					   setting->key, reading->seen[key]);
	reading->seen[key] = setting->line;
	switch ((enum key)key) {
	case KEY_ID:
		return take_text(setting, graft_release_is_id, id,
				 &release->id);
	case KEY_LINE:
		return take_name(setting, graft_release_line_word,
				 GRAFT_RELEASE_LINES, &release->line);
	case KEY_DATE:
		return take_date(setting, release);
	case KEY_LEVEL:
		return graft_level_read(setting->value, &release->level)
			       ? NULL
			       : graft_setting_wrong(setting,
						     "%s: no level like "
						     "'2026-11'",
						     setting->key);
	case KEY_CLASSIFICATION:
		return take_name(setting, graft_release_class_word,
				 GRAFT_RELEASE_CLASSES,
				 &release->classification);
	case KEY_SEVERITY:
		return take_name(setting, graft_release_severity_word,
				 GRAFT_RELEASE_SEVERITIES, &release->severity);
	case KEY_TITLE:
		return take_text(setting, graft_release_is_text, "some text",
				 &release->title);
	case KEY_CVE:
		return take_words(setting, graft_release_is_cve,
				  "CVE-2026-12345", &release->cves);
	case KEY_ARTICLE:
		return graft_release_is_text(setting->value)
			       ? take_word(setting, setting->value,
					   &release->articles)
			       : graft_setting_wrong(setting, "%s: too long",
						     setting->key);
	case KEY_REQUIRES_BASELINE:
		return take_text(setting, graft_release_is_id, id,
				 &release->requires_baseline);
	case KEY_SUPERSEDES:
		return take_words(setting, graft_release_is_id, id,
				  &release->supersedes);
	case KEY_CUMULATIVE:
		return take_text(setting, graft_release_is_id, id,
				 &release->cumulative);
	case KEY_KEEPS_TRACK:
		return take_bool(setting, &release->keeps_track);
	case KEY_RESTART:
		return take_bool(setting, &release->restart);
	case KEY_COUNT:
		break;
	}
	return NULL;
}

struct graft_error *
graft_release_spec_parse(const char *text, size_t len, const char *file,
			 struct graft_release **ret)
{
	static const enum key needed[] = {
		KEY_ID,       KEY_LINE, KEY_DATE, KEY_LEVEL, KEY_CLASSIFICATION,
		KEY_SEVERITY, KEY_TITLE
	};
	GRAFT_CLEANUP(graft_release_freep) struct graft_release *release = NULL;
	struct reading reading = { 0 };

	struct graft_error *err = graft_release_new(&release);
	if (err)
		return err;
	reading.release = release;
	err = graft_settings_each(text, len, file, take, &reading);
	for (size_t i = 0; !err && i < sizeof(needed) / sizeof(*needed); i++) {
		if (!reading.seen[needed[i]])
			err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
					      "%s: there is no '%s'", file,
					      keys[needed[i]]);
	}
	if (err)
		return err;
	const bool hot = release->line == GRAFT_RELEASE_HOTPATCH;
	if (!reading.seen[KEY_RESTART])
		release->restart = !hot;
	if (!reading.seen[KEY_KEEPS_TRACK])
		release->keeps_track = hot ||
				       release->line == GRAFT_RELEASE_BASELINE;
	*ret = GRAFT_TAKE(release);
	return NULL;
}
