// SPDX-License-Identifier: Apache-2.0

#include "base/settings.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** Longer words are compared as far as this. */
enum { WORD_MAX = 64 };

/** A piece of a line. */
struct piece {
	const char *at;
	const char *end;
};

GRAFT_PRINTF(2)
struct graft_error *
graft_setting_wrong(const struct graft_setting *setting, const char *fmt, ...)
{
	GRAFT_FREE char *text = NULL;
	va_list args;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return graft_error_no_memory();
	}
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s: line %zu: %s",
			       setting->file, setting->line, text);
}

/** Compute how many letters must be changed to make one word of another. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t len = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; *a && i <= WORD_MAX; a++, i++) {
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

/** Compute how far a word is from what was meant by another; its beginning is near. */
static size_t
remoteness(const char *word, const char *meant)
{
	return *word && strncmp(meant, word, strlen(word)) == 0
		       ? 1
		       : distance(word, meant);
}

const char *
graft_nearest_word(const char *word, const char *const *words, size_t count)
{
	size_t best = 0;

	for (size_t i = 1; i < count; i++) {
		if (remoteness(word, words[i]) < remoteness(word, words[best]))
			best = i;
	}
	return words[best];
}

struct graft_error *
graft_setting_unknown(const struct graft_setting *setting,
		      const char *const *known, size_t count)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text safe = { 0 };

	graft_text_put_safe(&safe, setting->key);
	return graft_setting_wrong(
		setting, "unknown key '%s'; did you mean '%s'?",
		graft_text_str(&safe),
		graft_nearest_word(setting->key, known, count));
}

/** Cut blanks off both ends. */
static struct piece
trim(struct piece piece)
{
	while (piece.at < piece.end && (*piece.at == ' ' || *piece.at == '\t'))
		piece.at++;
	while (piece.at < piece.end &&
	       (piece.end[-1] == ' ' || piece.end[-1] == '\t'))
		piece.end--;
	return piece;
}

static bool
is_text(struct piece piece)
{
	return graft_utf8_printable(piece.at, (size_t)(piece.end - piece.at));
}

/** Copy a piece; false if it is too long. */
static bool
copy(struct piece piece, char *to, size_t max)
{
	size_t len = (size_t)(piece.end - piece.at);

	if (len > max)
		return false;
	memcpy(to, piece.at, len);
	to[len] = '\0';
	return true;
}

/** Read a line that is not blank and no comment. */
GRAFT_MUST_CHECK static struct graft_error *
read_line(struct piece line, struct graft_setting *setting)
{
	const char *equals = memchr(line.at, '=', (size_t)(line.end - line.at));

	if (!equals)
		return graft_setting_wrong(
			setting, "neither 'key = value' nor a comment");
	struct piece key = trim((struct piece){ line.at, equals });
	struct piece value = trim((struct piece){ equals + 1, line.end });
	if (!is_text(key) || !is_text(value))
		return graft_setting_wrong(
			setting,
			"holds a control character, or what is no UTF-8");
	if (key.at == key.end)
		return graft_setting_wrong(setting,
					   "there is no key before '='");
	if (!copy(key, setting->key, GRAFT_SETTING_KEY_MAX))
		return graft_setting_wrong(setting, "no key is so long");
	if (value.at == value.end)
		return graft_setting_wrong(setting,
					   "%s: there is no value behind '='",
					   setting->key);
	if (!copy(value, setting->value, GRAFT_SETTING_VALUE_MAX))
		return graft_setting_wrong(
			setting, "%s: the value is longer than %d bytes",
			setting->key, GRAFT_SETTING_VALUE_MAX);
	return NULL;
}

struct graft_error *
graft_settings_each(const char *text, size_t len, const char *file,
		    graft_setting_fn *fn, void *arg)
{
	struct graft_setting setting = { .file = file };
	struct graft_error *err = NULL;

	if (len > GRAFT_SETTINGS_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: longer than %d KiB", file,
				       GRAFT_SETTINGS_BYTES_MAX >> 10);
	for (const char *at = text; !err && at < text + len;) {
		const char *end = memchr(at, '\n', (size_t)(text + len - at));
		if (!end)
			end = text + len;
		struct piece line = trim((struct piece){ at, end });
		at = end + 1;
		setting.line++;
		if (line.at == line.end || *line.at == '#')
			continue;
		err = read_line(line, &setting);
		if (!err)
			err = fn(arg, &setting);
	}
	return err;
}
