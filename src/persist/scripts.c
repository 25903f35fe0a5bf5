// SPDX-License-Identifier: Apache-2.0

#include "persist/scripts.h"

#include "base/cleanup.h"

#include <regex.h>
#include <stdbool.h>
#include <string.h>

#define ACTION                                                                 \
	"(start|stop|restart|try-restart|reload|reload-or-restart|"            \
	"try-reload-or-restart|reload-or-try-restart|force-reload|"            \
	"force-restart|condrestart|kill)([^[:alnum:]_-]|$)"

static const char *const patterns[] = {
	"(^|[^[:alnum:]_-])systemctl([[:space:]]+-[^[:space:]]+)*[[:space:]]+" ACTION,
	"(^|[^[:alnum:]_./-])service[[:space:]]+[^[:space:];|&]+[[:space:]]+" ACTION,
	"/etc/init\\.d/[^[:space:];|&]+[[:space:]]+" ACTION,
	"(^|[^[:alnum:]_-])start-stop-daemon[[:space:]]",
	"(^|[^[:alnum:]_-])(pkill|killall)[[:space:]]+[-[:alnum:]_$\"]",
};

enum {
	PATTERN_COUNT = sizeof(patterns) / sizeof(*patterns),
	/** Longest line that is looked at; what is longer is no command. */
	LINE_MAX_LEN = 4096,
	SHOWN_MAX = 100,
};

/** The patterns, made ready. */
struct scanner {
	regex_t made[PATTERN_COUNT];
	size_t count;
};

static void
scanner_deinit(struct scanner *scanner)
{
	for (size_t i = 0; i < scanner->count; i++)
		regfree(&scanner->made[i]);
}

/** Say whether a line, without spaces in front, does something to a service. */
static bool
acts(const struct scanner *scanner, const char *line)
{
	static const char *const harmless[] = { "#", "echo ", "printf ", "log_",
						"db_" };

	// What only says something does nothing more, unless a command follows.
	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++) {
		if (strncmp(line, harmless[i], strlen(harmless[i])) == 0 &&
		    (i == 0 || !strpbrk(line, ";&|`")))
			return false;
	}
	for (size_t i = 0; i < scanner->count; i++) {
		if (regexec(&scanner->made[i], line, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

static void
look(const struct scanner *scanner, const char *name, const char *text,
     size_t len, struct graft_text *out, size_t *count_ret)
{
	char line[LINE_MAX_LEN];

	for (size_t number = 1; len > 0; number++) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;
		size_t skip = 0;
		while (skip < line_len &&
		       (text[skip] == ' ' || text[skip] == '\t'))
			skip++;
		if (line_len - skip < sizeof(line)) {
			memcpy(line, text + skip, line_len - skip);
			line[line_len - skip] = '\0';
			if (acts(scanner, line)) {
				(*count_ret)++;
				line[SHOWN_MAX] = '\0';
				graft_text_printf(out, "%s, line %zu: ", name,
						  number);
				graft_text_put_safe(out, line);
				graft_text_put(out, "\n");
			}
		}
		text += line_len + (end != NULL);
		len -= line_len + (end != NULL);
	}
}

struct graft_error *
graft_scripts_scan(const char *name, const char *text, size_t len,
		   struct graft_text *out, size_t *count_ret)
{
	GRAFT_CLEANUP(scanner_deinit) struct scanner scanner = { 0 };

	if (len < 2 || memcmp(text, "#!", 2) != 0) {
		(*count_ret)++;
		graft_text_printf(out, "%s: a program, which cannot be read\n",
				  name);
		return NULL;
	}
	for (size_t i = 0; i < PATTERN_COUNT; i++) {
		if (regcomp(&scanner.made[i], patterns[i],
			    REG_EXTENDED | REG_NOSUB) != 0)
			return graft_error_new(GRAFT_ERROR_LIBRARY, "regcomp");
		scanner.count = i + 1;
	}
	look(&scanner, name, text, len, out, count_ret);
	return out->failed ? graft_error_no_memory() : NULL;
}
