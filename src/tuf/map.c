// SPDX-License-Identifier: Apache-2.0

#include "tuf/map.h"

#include "base/settings.h"
#include "base/vec.h"
#include "trust/pattern.h"

#include <string.h>

static const char *const keys[] = { "both", "first", "second" };

enum { KEY_COUNT = sizeof(keys) / sizeof(*keys) };

/** A line. */
struct line {
	enum graft_tuf_side side;
	char *pattern;
};

struct graft_tuf_map {
	struct line *lines;
	size_t count;
	size_t cap;
};

void
graft_tuf_map_free(struct graft_tuf_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->count; i++)
		free(map->lines[i].pattern);
	free(map->lines);
	free(map);
}

static struct graft_error *
take(void *arg, const struct graft_setting *setting)
{
	struct graft_tuf_map *map = arg;
	size_t key = 0;

	while (key < KEY_COUNT && strcmp(keys[key], setting->key) != 0)
		key++;
	if (key == KEY_COUNT)
		return graft_setting_unknown(setting, keys, KEY_COUNT);
	struct graft_error *err = graft_vec_reserve(
		&map->lines, &map->cap, map->count + 1, sizeof(*map->lines));
	if (err)
		return err;
	char *pattern = strdup(setting->value);
	if (!pattern)
		return graft_error_no_memory();
	map->lines[map->count++] = (struct line){ (enum graft_tuf_side)key,
						  pattern };
	return NULL;
}

struct graft_error *
graft_tuf_map_parse(const char *text, size_t len, const char *file,
		    struct graft_tuf_map **ret)
{
	GRAFT_CLEANUP(graft_tuf_map_freep)
	struct graft_tuf_map *map = calloc(1, sizeof(*map));
	if (!map)
		return graft_error_no_memory();
	struct graft_error *err = graft_settings_each(text, len, file, take,
						      map);
	if (err)
		return err;
	*ret = GRAFT_TAKE(map);
	return NULL;
}

enum graft_tuf_side
graft_tuf_map_ask(const struct graft_tuf_map *map, const char *path)
{
	for (size_t i = 0; map && i < map->count; i++) {
		if (graft_pattern_match(map->lines[i].pattern, path))
			return map->lines[i].side;
	}
	return GRAFT_TUF_BOTH;
}
