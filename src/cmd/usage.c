// SPDX-License-Identifier: Apache-2.0

#include "cmd/usage.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/failure.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Exit status of a wrong command line. */
static const int status = 2;

int
graft_usage_wrong(char *const *argv, const char *fmt, ...)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *what = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		what = NULL;
	va_end(args);
	// What was typed may hold anything.
	graft_text_put_safe(&text, what ? what : "out of memory");
	const char *wrong = text.failed ? "wrong" : graft_text_str(&text);
	(void)fprintf(stderr, "graft %s: %s; try `graft %s --help`\n", argv[0],
		      wrong, argv[0]);
	graft_failure_print_json(argv, GRAFT_FAILURE_USAGE, wrong, status);
	return status;
}

int
graft_usage_option(char **argv, int at, const char *usage)
{
	const char *word = argv[optind - 1];

	if (at == 'h') {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (at == ':')
		return graft_usage_wrong(argv, "%s needs a value", word);
	// A short one may stand in a word with others.
	if (optopt && !strchr(word, '='))
		return graft_usage_wrong(argv, "no option -%c", optopt);
	return graft_usage_wrong(argv, "no option %s", word);
}

bool
graft_usage_number(const char *text, uint32_t max, uint32_t *ret)
{
	char *end;
	const unsigned long long value = strtoull(text, &end, 10);

	// What is too large for it comes back as its largest.
	if (*text < '0' || *text > '9' || *end || value > max)
		return false;
	*ret = (uint32_t)value;
	return true;
}
