// SPDX-License-Identifier: Apache-2.0

#include "update/record.h"

#include "base/file.h"
#include "base/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DECIMAL = 10,
	DIGITS_MAX = 15,
};

enum key {
	KEY_STEP,
	KEY_RELEASES,
	KEY_BASELINE,
	KEY_LEVEL,
	KEY_UPDATED,
	KEY_ASKED,
	KEY_BOOT_ID,
	KEY_AUTOMATIC,
	KEY_COUNT,
};
static const char *const keys[KEY_COUNT] = {
	"step",    "releases", "baseline", "level",
	"updated", "asked",    "boot-id",  "automatic",
};

struct reading {
	struct graft_update_record *record;
	bool seen[KEY_COUNT];
};

const char *
graft_update_step_name(enum graft_update_step step)
{
	static const char *const names[GRAFT_UPDATE_STEPS] = { "installing",
							       "waiting",
							       "restarting" };

	return names[step];
}

void
graft_update_record_deinit(struct graft_update_record *record)
{
	for (size_t i = 0; i < record->releases.count; i++)
		free(record->releases.list[i]);
	free(record->releases.list);
	*record = (struct graft_update_record){ 0 };
}

void
graft_update_record_encode(const struct graft_update_record *record,
			   struct graft_text *out)
{
	graft_text_printf(out, "step = %s\nreleases = ",
			  graft_update_step_name(record->step));
	for (size_t i = 0; i < record->releases.count; i++)
		graft_text_printf(out, "%s%s", i ? ", " : "",
				  record->releases.list[i]);
	graft_text_printf(out, "\nbaseline = %s\nlevel = %s\n",
			  record->baseline
				  ? graft_level_write(record->baseline).str
				  : "none",
			  graft_level_write(record->level).str);
	graft_text_printf(out,
			  "updated = %" PRId64 "\nasked = %" PRId64
			  "\nboot-id = %s\nautomatic = %s\n",
			  record->updated, record->asked, record->boot_id,
			  record->automatic ? "yes" : "no");
}

GRAFT_MUST_CHECK static struct graft_error *
read_releases(const struct graft_setting *setting, struct graft_words *ret)
{
	for (const char *at = setting->value; *(at += strspn(at, ", "));) {
		const size_t len = strcspn(at, ", ");
		char word[32];
		(void)snprintf(word, sizeof(word), "%.*s", (int)len, at);
		if (!graft_release_is_id(word) ||
		    ret->count == GRAFT_UPDATE_RELEASES_MAX)
			return graft_setting_wrong(setting,
						   "'%s' is no release", word);
		struct graft_error *err = graft_words_add(ret, word);
		if (err)
			return err;
		at += len;
	}
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_time(const struct graft_setting *setting, int64_t *ret)
{
	const size_t len = strspn(setting->value, "0123456789");

	if (!len || len > DIGITS_MAX || setting->value[len])
		return graft_setting_wrong(setting, "%s: it is no time",
					   setting->key);
	*ret = (int64_t)strtoull(setting->value, NULL, DECIMAL);
	return NULL;
}

static bool
is_boot_id(const char *text)
{
	return strlen(text) == GRAFT_BOOT_ID_LEN - 1 &&
	       strspn(text, "0123456789abcdef-") == GRAFT_BOOT_ID_LEN - 1;
}

/** Read one of several words. @return Its index, or -1. */
static int
read_word(const char *value, const char *const *words, int count)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(words[i], value) == 0)
			return i;
	}
	return -1;
}

GRAFT_MUST_CHECK static struct graft_error *
take_words(struct graft_update_record *record, enum key key,
	   const struct graft_setting *setting)
{
	static const char *const switches[] = { "no", "yes" };
	static const char *const steps[GRAFT_UPDATE_STEPS] = { "installing",
							       "waiting",
							       "restarting" };
	const char *value = setting->value;
	int at = 0;

	if (key == KEY_STEP) {
		at = read_word(value, steps, GRAFT_UPDATE_STEPS);
		record->step = at < 0 ? GRAFT_UPDATE_INSTALLING
				      : (enum graft_update_step)at;
	} else if (key == KEY_AUTOMATIC) {
		at = read_word(value, switches, 2);
		record->automatic = at == 1;
	} else if (key == KEY_BOOT_ID) {
		at = is_boot_id(value) ? 0 : -1;
		if (at == 0)
			memcpy(record->boot_id, value, GRAFT_BOOT_ID_LEN);
	} else if (key == KEY_LEVEL) {
		at = graft_level_read(value, &record->level) ? 0 : -1;
	} else if (strcmp(value, "none") != 0) {
		at = graft_level_read(value, &record->baseline) ? 0 : -1;
	}
	return at < 0 ? graft_setting_wrong(setting, "%s: '%.40s' is wrong",
					    setting->key, value)
		      : NULL;
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct reading *reading = arg;
	const int key = read_word(setting->key, keys, KEY_COUNT);

	if (key < 0)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	if (reading->seen[key])
		return graft_setting_wrong(setting, "%s stands there twice",
					   setting->key);
	reading->seen[key] = true;
	switch (key) {
	case KEY_RELEASES:
		return read_releases(setting, &reading->record->releases);
	case KEY_UPDATED:
		return read_time(setting, &reading->record->updated);
	case KEY_ASKED:
		return read_time(setting, &reading->record->asked);
	default:
		return take_words(reading->record, (enum key)key, setting);
	}
}

struct graft_error *
graft_update_record_decode(const char *text, size_t len, const char *file,
			   struct graft_update_record *ret)
{
	struct graft_update_record record = { 0 };
	struct reading reading = { .record = &record };
	struct graft_error *err = graft_settings_each(text, len, file, take,
						      &reading);

	for (int i = 0; !err && i < KEY_COUNT; i++) {
		if (!reading.seen[i])
			err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
					      "%s: there is no '%s'", file,
					      keys[i]);
	}
	if (err) {
		graft_update_record_deinit(&record);
		return err;
	}
	*ret = record;
	return NULL;
}

struct graft_error *
graft_boot_id_read(char ret[GRAFT_BOOT_ID_LEN])
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	FILE *file = fopen(path, "re");
	char line[GRAFT_BOOT_ID_LEN + 1] = "";

	if (!file)
		return graft_error_os(errno, "open %s", path);
	(void)!fgets(line, sizeof(line), file);
	(void)fclose(file);
	line[strcspn(line, "\n")] = '\0';
	if (!is_boot_id(line))
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s: it is no id", path);
	memcpy(ret, line, GRAFT_BOOT_ID_LEN);
	return NULL;
}
