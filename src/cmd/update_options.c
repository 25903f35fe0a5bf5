// SPDX-License-Identifier: Apache-2.0

#include "cmd/update.h"

#include "cmd/usage.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_S = 20,
	WAIT_S = 10,
	SECONDS_MAX = 3600,
};

static const char usage[] =
	"usage: graft update [--dry-run] [--json] [--from [NAME=]URL]\n"
	"                    [--trusted-root [NAME=]FILE] [--policy FILE] [--config FILE]\n"
	"                    [--timeout SECONDS] [--wait SECONDS]\n"
	"\n"
	"Get the release that this device should have now from its signed repository: decide\n"
	"in which form (as graft eligible), fetch it, verify it, and install it (as graft\n"
	"install). A hotpatch restarts nothing.\n"
	"\n"
	"  -n, --dry-run            decide, and say what would be done\n"
	"      --json               print JSON\n"
	"      --from URL           instead of the repository of the configuration and\n"
	"                           its mirrors; of several, NAME=URL says of which\n"
	"      --trusted-root FILE  the root that is trusted first, instead of the\n"
	"                           configuration's, " GRAFT_CONFIG_ROOT_PATH
	"; NAME=FILE\n"
	"  -p, --policy FILE        instead of /etc/graft/policy.conf, if that is there\n"
	"      --config FILE        instead of " GRAFT_CONFIG_PATH "\n"
	"      --timeout SECONDS    for a server to answer (default 20)\n"
	"  -w, --wait SECONDS       for dpkg's lock, and for threads to leave functions\n"
	"                           that are replaced (default 10)\n"
	"      --state-dir DIR      instead of /var/lib/graft\n"
	"\n"
	"Exit status: 0 done, 3 up to date, 4 not ready or refused, 5 some done and some not.\n";

void
graft_update_options_deinit(struct graft_update_options *options)
{
	free(options->from);
}

/** Take `--from`. @return As take(). */
static const char *
take_from(const char *text, struct graft_update_options *options)
{
	const char *url = graft_config_split_name(text, '=',
						  options->from_name);

	if (!graft_config_is_repository(url))
		return "--from takes a URL that begins with https://, "
		       "http:// or file:///, without a user's name";
	free(options->from);
	options->from = strdup(url);
	for (size_t len = options->from ? strlen(options->from) : 0;
	     len && options->from[len - 1] == '/'; len--)
		options->from[len - 1] = '\0';
	return options->from ? NULL : "out of memory";
}

/** Take an option. @return What is wrong with it; NULL: nothing. */
static const char *
take(int at, struct graft_update_options *options)
{
	switch (at) {
	case 'n':
		options->dry_run = true;
		return NULL;
	case 'j':
		options->json = true;
		return NULL;
	case 'f':
		return take_from(optarg, options);
	case 'r':
		options->trusted_root = graft_config_split_name(
			optarg, '=', options->trusted_root_name);
		return NULL;
	case 'p':
		options->policy = optarg;
		return NULL;
	case 'c':
		options->config = optarg;
		return NULL;
	case 't':
		return graft_usage_number(optarg, SECONDS_MAX,
					  &options->timeout_s) &&
				       options->timeout_s
			       ? NULL
			       : "--timeout takes seconds from 1 to 3600";
	default:
		return graft_usage_number(optarg, SECONDS_MAX, &options->wait_s)
			       ? NULL
			       : "--wait takes seconds from 0 to 3600";
	}
}

bool
graft_update_options_parse(int argc, char **argv,
			   struct graft_update_options *ret, int *status_ret)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "from", required_argument, NULL, 'f' },
		{ "trusted-root", required_argument, NULL, 'r' },
		{ "policy", required_argument, NULL, 'p' },
		{ "config", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};

	*ret = (struct graft_update_options){ .timeout_s = TIMEOUT_S,
					      .wait_s = WAIT_S };
	for (int at;
	     (at = getopt_long(argc, argv, ":np:w:h", options, NULL)) != -1;) {
		if (at == 'h' || at == '?' || at == ':') {
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
		const char *wrong = take(at, ret);
		if (wrong) {
			*status_ret = graft_usage_wrong(argv, "%s", wrong);
			return false;
		}
	}
	if (optind < argc)
		*status_ret = graft_usage_wrong(argv, "it takes no argument");
	return optind >= argc;
}
