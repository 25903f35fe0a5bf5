// SPDX-License-Identifier: Apache-2.0

#include "agent/updates.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/settings.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/** Bytes of what the last look came to, and of a time. */
	LAST_MAX = 1 << 20,
	NEXT_MAX = 32,
	/** Seconds: no time is later. */
	TIME_DIGITS = 11,
};

/** Make a path in the state directory. NULL: no memory. */
static char *
path_of(const char *state_dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", state_dir, name) < 0 ? NULL : path;
}

/** Read a file of the state directory as text; NULL, if it cannot be read. */
static char *
read_text(const char *state_dir, const char *name, uint64_t max)
{
	GRAFT_FREE char *path = path_of(state_dir, name);
	uint8_t *bytes = NULL;
	size_t len;

	if (!path)
		return NULL;
	struct graft_error *err = graft_file_read(path, max, &bytes, &len);
	graft_error_free(err);
	return (char *)bytes;
}

/** Read a level as a number: "2026-10.1" is 20261001; 0 if it is none. */
static uint64_t
read_level(const char *word)
{
	unsigned year = 0;
	unsigned month = 0;
	unsigned behind = 0;

	if (!word || sscanf(word, "%4u-%2u.%2u", &year, &month, &behind) < 2)
		return 0;
	return ((uint64_t)year * 100 + month) * 100 + behind;
}

/** Get a number from 0 on; 0 without. */
static uint64_t
number_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) && item->valuedouble > 0 &&
			       item->valuedouble < (double)(1ULL << 53)
		       ? (uint64_t)item->valuedouble
		       : 0;
}

/** Read what the last look came to, unless that is known. */
static void
read_last(struct graft_updates *updates, const char *state_dir,
	  struct graft_agent_state *state)
{
	static const char name[] = "update/last.json";
	GRAFT_FREE char *path = path_of(state_dir, name);
	struct stat st = { 0 };

	if (!path || stat(path, &st) < 0)
		st = (struct stat){ 0 };
	if (st.st_ino && st.st_ino == updates->seen.st_ino &&
	    st.st_mtim.tv_sec == updates->seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == updates->seen.st_mtim.tv_nsec)
		return;
	updates->seen = st;
	GRAFT_FREE char *text = st.st_ino ? read_text(state_dir, name, LAST_MAX)
					  : NULL;
	cJSON *root = text ? cJSON_Parse(text) : NULL;
	const cJSON *device = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(root, "said"), "device");
	state->update_look_s = number_of(root, "at");
	state->update_good_s = number_of(root, "good_at");
	state->update_failures = number_of(root, "failures");
	state->update_target = read_level(cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(device, "target")));
	cJSON_Delete(root);
}

/** Read a time; 0, if it is none. */
static uint64_t
read_time(const char *state_dir, const char *name)
{
	GRAFT_FREE char *text = read_text(state_dir, name, NEXT_MAX);

	return text && strspn(text, "0123456789") <= TIME_DIGITS
		       ? strtoull(text, NULL, 10)
		       : 0;
}

/** Take the level of a device. */
static struct graft_error *
take_level(void *arg, const struct graft_setting *setting)
{
	uint64_t *level = arg;

	if (strcmp(setting->key, "level") == 0)
		*level = read_level(setting->value);
	return NULL;
}

void
graft_updates_read(struct graft_updates *updates, const char *state_dir,
		   struct graft_agent_state *state)
{
	GRAFT_FREE char *device = read_text(state_dir, "device.conf",
					    GRAFT_SETTINGS_BYTES_MAX);
	GRAFT_FREE char *record = path_of(state_dir, "restart/record");

	read_last(updates, state_dir, state);
	state->update_level = 0;
	if (device) {
		struct graft_error *err = graft_settings_each(
			device, strlen(device), "device.conf", take_level,
			&state->update_level);
		graft_error_free(err);
	}
	state->update_next_s = read_time(state_dir, "update/next");
	state->update_restart = record && access(record, F_OK) == 0;
}

/** Write a time down. */
GRAFT_MUST_CHECK static struct graft_error *
write_time(const char *state_dir, const char *name, uint64_t at)
{
	GRAFT_FREE char *dir = path_of(state_dir, "update");
	GRAFT_FREE char *path = path_of(state_dir, name);
	char text[NEXT_MAX];

	if (!dir || !path)
		return graft_error_no_memory();
	(void)snprintf(text, sizeof(text), "%" PRIu64 "\n", at);
	struct graft_error *err = graft_dir_make(dir, 0700);
	return err ? err : graft_file_write(path, text, strlen(text), 0644);
}

struct graft_error *
graft_updates_write_next(const char *state_dir, uint64_t at)
{
	return write_time(state_dir, "update/next", at);
}

uint64_t
graft_updates_read_not_before(const char *state_dir)
{
	return read_time(state_dir, "update/not-before");
}

struct graft_error *
graft_updates_write_not_before(const char *state_dir, uint64_t at)
{
	GRAFT_FREE char *path = path_of(state_dir, "update/not-before");

	if (!path)
		return graft_error_no_memory();
	if (at)
		return write_time(state_dir, "update/not-before", at);
	return unlink(path) < 0 && errno != ENOENT
		       ? graft_error_os(errno, "remove %s", path)
		       : NULL;
}
