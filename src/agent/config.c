// SPDX-License-Identifier: Apache-2.0

#include "agent/config.h"

#include "base/file.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum {
	INTERVAL_S = 300,
	INTERVAL_MAX_S = 24 * 3600,
	WATCH_S = 60,
	WATCH_MAX_S = 3600,
	KEY_MAX = 32,
	VALUE_MAX = 4095,
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
};

enum { KEY_COUNT = sizeof(keys) / sizeof(*keys) };

/** A line that is being read. */
struct line {
	const char *name;
	size_t number;
	const char *at;
	const char *end;
};

void
graft_config_free(struct graft_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->rule_count; i++)
		free(config->rules[i].value);
	free(config->rules);
	free(config->user);
	free(config->socket);
	free(config->socket_group);
	free(config->metrics_file);
	free(config);
}

/** Make the error of a line. */
GRAFT_PRINTF(2)
GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct line *line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: line %zu: %s",
			       line->name, line->number, text);
}

/** Compute how many letters must be changed to make one word of another. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[KEY_MAX + 1];
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; *a; a++, i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			size_t best = corner + (*a != b[j - 1]);
			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static const char *
nearest_key(const char *name)
{
	size_t best = 0;

	for (size_t i = 1; i < KEY_COUNT; i++) {
		if (distance(name, keys[i].name) <
		    distance(name, keys[best].name))
			best = i;
	}
	return keys[best].name;
}

/** Cut blanks off both ends. */
static void
trim(struct line *line)
{
	while (line->at < line->end && (*line->at == ' ' || *line->at == '\t'))
		line->at++;
	while (line->at < line->end &&
	       (line->end[-1] == ' ' || line->end[-1] == '\t'))
		line->end--;
}

GRAFT_MUST_CHECK static struct graft_error *
find_key(const struct line *key, const struct key **ret)
{
	char name[KEY_MAX + 1];
	size_t len = (size_t)(key->end - key->at);

	if (!len)
		return wrong(key, "there is no key before '='");
	(void)snprintf(name, sizeof(name), "%.*s",
		       (int)(len > KEY_MAX ? KEY_MAX : len), key->at);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (len <= KEY_MAX && strcmp(keys[i].name, name) == 0) {
			*ret = &keys[i];
			return NULL;
		}
	}
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };
	graft_text_put_safe(&safe, name);
	return wrong(key, "unknown key '%s'; did you mean '%s'?",
		     graft_text_str(&safe), nearest_key(name));
}

GRAFT_MUST_CHECK static struct graft_error *
read_seconds(const struct line *line, const struct key *key, const char *value,
	     uint32_t *ret)
{
	uint64_t seconds = 0;
	size_t len = strlen(value);

	for (size_t i = 0; i < len && len <= 9; i++) {
		if (!isdigit((unsigned char)value[i]))
			len = 10;
		else
			seconds = seconds * 10 + (uint64_t)(value[i] - '0');
	}
	if (len > 9 || seconds < key->min || seconds > key->max)
		return wrong(
			line,
			"%s: '%.40s' is no number of seconds from %u to %u",
			key->name, value, key->min, key->max);
	*ret = (uint32_t)seconds;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_switch(const struct line *line, const struct key *key, const char *value,
	    bool *ret)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return wrong(line, "%s: '%.40s' is neither 'yes' nor 'no'",
			     key->name, value);
	*ret = strcmp(value, "yes") == 0;
	return NULL;
}

/** Check a text of a kind. */
GRAFT_MUST_CHECK static struct graft_error *
check_text(const struct line *line, const struct key *key, const char *value)
{
	bool path = key->kind == KIND_PATH || key->kind == KIND_SOCKET ||
		    (key->kind == KIND_RULE &&
		     key->what == GRAFT_CONFIG_CGROUP);
	bool name = key->kind == KIND_NAME ||
		    (key->kind == KIND_RULE && key->what == GRAFT_CONFIG_USER);

	if (path && value[0] != '/')
		return wrong(line, "%s: '%.200s' does not begin with '/'",
			     key->name, value);
	if (key->kind == KIND_SOCKET && strlen(value) > SOCKET_PATH_MAX)
		return wrong(line,
			     "%s: a path of a socket has at most %d bytes",
			     key->name, (int)SOCKET_PATH_MAX);
	if (name && strpbrk(value, " \t:/,"))
		return wrong(line, "%s: '%.200s' is no name", key->name, value);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
add_rule(struct graft_config *config, size_t *room, const struct line *line,
	 const struct key *key, char *value)
{
	GRAFT_FREE char *own = value;

	if (config->rule_count == GRAFT_CONFIG_RULES_MAX)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%s: line %zu: more than %d lines say who is in or out",
			line->name, line->number, GRAFT_CONFIG_RULES_MAX);
	struct graft_error *err = graft_vec_reserve(&config->rules, room,
						    config->rule_count + 1,
						    sizeof(*config->rules));
	if (err)
		return err;
	config->rules[config->rule_count++] = (struct graft_config_rule){
		.what = key->what,
		.exclude = key->exclude,
		.value = GRAFT_TAKE(own),
		.line = line->number,
	};
	return NULL;
}

/** Take the value of a key. */
GRAFT_MUST_CHECK static struct graft_error *
take_value(struct graft_config *config, size_t *room, const struct line *line,
	   const struct key *key)
{
	size_t len = (size_t)(line->end - line->at);
	void *member = (char *)config + key->offset;

	if (!len || len > VALUE_MAX)
		return wrong(line,
			     len ? "%s: the value is too long"
				 : "%s: there is no value behind '='",
			     key->name);
	GRAFT_FREE char *value = strndup(line->at, len);
	if (!value)
		return graft_error_no_memory();
	struct graft_error *err = check_text(line, key, value);
	if (err)
		return err;
	switch (key->kind) {
	case KIND_SECONDS:
		return read_seconds(line, key, value, member);
	case KIND_SWITCH:
		return read_switch(line, key, value, member);
	case KIND_RULE:
		return add_rule(config, room, line, key, GRAFT_TAKE(value));
	default:
		free(*(char **)member);
		*(char **)member = GRAFT_TAKE(value);
		return NULL;
	}
}

/** Say whether all bytes of a line are such as people write. */
static bool
is_plain(const struct line *line)
{
	for (const char *at = line->at; at < line->end; at++) {
		if ((unsigned char)*at < ' ' && *at != '\t')
			return false;
		if (*at == '\x7f')
			return false;
	}
	return true;
}

GRAFT_MUST_CHECK static struct graft_error *
take_line(struct graft_config *config, size_t *room, size_t *seen,
	  struct line *line)
{
	const struct key *key = NULL;

	if (!is_plain(line))
		return wrong(line, "a byte that is no text");
	trim(line);
	if (line->at == line->end || *line->at == '#')
		return NULL;
	const char *equals = memchr(line->at, '=',
				    (size_t)(line->end - line->at));
	if (!equals)
		return wrong(line, "neither 'key = value' nor a comment");
	struct line part = *line;
	part.end = equals;
	trim(&part);
	struct graft_error *err = find_key(&part, &key);
	if (err)
		return err;
	size_t *first = &seen[key - keys];
	if (*first && key->kind != KIND_RULE)
		return wrong(line, "%s stands in line %zu already", key->name,
			     *first);
	*first = line->number;
	part = *line;
	part.at = equals + 1;
	trim(&part);
	return take_value(config, room, &part, key);
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
	size_t seen[KEY_COUNT] = { 0 };
	size_t room = 0;
	struct line line = { .name = name };

	if (len > GRAFT_CONFIG_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: longer than %d KiB", name,
				       GRAFT_CONFIG_BYTES_MAX >> 10);
	struct graft_error *err = make_defaults(&config);
	for (const char *at = text; !err && at < text + len;) {
		const char *end = memchr(at, '\n', (size_t)(text + len - at));
		line.number++;
		line.at = at;
		line.end = end ? end : text + len;
		at = end ? end + 1 : line.end;
		err = take_line(config, &room, seen, &line);
	}
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
	struct graft_error *err = graft_file_read(path, GRAFT_CONFIG_BYTES_MAX,
						  &bytes, &len);

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
		case KIND_SECONDS:
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
