// SPDX-License-Identifier: Apache-2.0

#include "tuf/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_S = 20,
	TIMEOUT_MAX_S = 3600,
};

static const char usage[] =
	"usage: graft-tuf --metadata-dir DIR init ROOT.json\n"
	"       graft-tuf --metadata-dir DIR --metadata-url URL refresh\n"
	"       graft-tuf --metadata-dir DIR --metadata-url URL\n"
	"                 --target-name PATH [--target-name PATH ...]\n"
	"                 --target-base-url URL --target-dir DIR download\n"
	"\n"
	"  --second-metadata-dir DIR --second-metadata-url URL\n"
	"                      a second repository, which must say the same of each target\n"
	"  --map FILE          which targets one of the two decides alone\n"
	"  --second-target-base-url URL   where those of the second are\n"
	"  --timeout SECONDS   for a connection, and for a transfer that stands (20)\n"
	"  --help, --version\n"
	"\n"
	"A client of repositories of The Update Framework; graft-tuf(1).\n";

static const struct option long_options[] = {
	{ "metadata-dir", required_argument, NULL, 'd' },
	{ "metadata-url", required_argument, NULL, 'u' },
	{ "target-name", required_argument, NULL, 'n' },
	{ "target-base-url", required_argument, NULL, 'b' },
	{ "target-dir", required_argument, NULL, 'o' },
	{ "second-metadata-dir", required_argument, NULL, 'D' },
	{ "second-metadata-url", required_argument, NULL, 'U' },
	{ "second-target-base-url", required_argument, NULL, 'B' },
	{ "map", required_argument, NULL, 'm' },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

__attribute__((__format__(__printf__, 1, 2))) static bool
wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)fputs("graft-tuf: ", stderr);
	(void)vfprintf(stderr, fmt, args);
	(void)fputs("; see graft-tuf --help\n", stderr);
	va_end(args);
	return false;
}

static bool
read_timeout(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < 1 ||
	    value > TIMEOUT_MAX_S)
		return wrong("--timeout %s: not from 1 to %d seconds", text,
			     TIMEOUT_MAX_S);
	*ret = (uint32_t)value;
	return true;
}

static bool
take_option(int option, struct graft_tuf_options *options)
{
	switch (option) {
	case 'd':
		options->metadata_dir = optarg;
		return true;
	case 'u':
		options->metadata_url = optarg;
		return true;
	case 'b':
		options->target_base_url = optarg;
		return true;
	case 'o':
		options->target_dir = optarg;
		return true;
	case 'D':
		options->second_metadata_dir = optarg;
		return true;
	case 'U':
		options->second_metadata_url = optarg;
		return true;
	case 'B':
		options->second_target_base_url = optarg;
		return true;
	case 'm':
		options->map = optarg;
		return true;
	case 't':
		return read_timeout(optarg, &options->timeout_s);
	case 'n':
		if (options->target_count == GRAFT_TUF_TARGETS_MAX)
			return wrong("more than %d targets",
				     GRAFT_TUF_TARGETS_MAX);
		options->target_names[options->target_count++] = optarg;
		return true;
	default:
		// getopt_long(3) said what is wrong.
		return wrong("a wrong option");
	}
}

/** Take the verb and what stands behind it. */
static bool
take_verb(int count, char **words, struct graft_tuf_options *options)
{
	const char *verb = count > 0 ? words[0] : "";
	const bool init = strcmp(verb, "init") == 0;

	if (init)
		options->verb = GRAFT_TUF_INIT;
	else if (strcmp(verb, "refresh") == 0)
		options->verb = GRAFT_TUF_REFRESH;
	else if (strcmp(verb, "download") == 0)
		options->verb = GRAFT_TUF_DOWNLOAD;
	else
		return wrong("one of init, refresh and download is needed");
	if (count != (init ? 2 : 1))
		return wrong(init ? "init takes a file and nothing else"
				  : "%s takes options only",
			     verb);
	options->root = init ? words[1] : NULL;
	return true;
}

static bool
is_complete(const struct graft_tuf_options *options)
{
	if (!options->metadata_dir)
		return wrong("--metadata-dir is needed");
	if (options->verb != GRAFT_TUF_INIT && !options->metadata_url)
		return wrong("--metadata-url is needed");
	if (!options->second_metadata_dir != !options->second_metadata_url)
		return wrong("--second-metadata-dir and --second-metadata-url "
			     "go together");
	if (!options->second_metadata_dir &&
	    (options->map || options->second_target_base_url))
		return wrong("--map and --second-target-base-url are for two "
			     "repositories");
	if (options->verb != GRAFT_TUF_DOWNLOAD)
		return true;
	if (!options->target_count)
		return wrong("--target-name is needed");
	if (!options->target_base_url)
		return wrong("--target-base-url is needed");
	if (!options->target_dir)
		return wrong("--target-dir is needed");
	return true;
}

bool
graft_tuf_options_read(int argc, char **argv, struct graft_tuf_options *ret)
{
	int option;

	memset(ret, 0, sizeof(*ret));
	ret->timeout_s = TIMEOUT_S;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) !=
	       -1) {
		if (option == 'h' || option == 'v') {
			(void)fputs(option == 'h' ? usage
						  : "graft-tuf " GRAFT_VERSION
						    "\n",
				    stdout);
			ret->verb = GRAFT_TUF_NOTHING;
			return true;
		}
		if (!take_option(option, ret))
			return false;
	}
	return take_verb(argc - optind, argv + optind, ret) && is_complete(ret);
}
