// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "agent/config.h"
#include "agent/scope.h"
#include "base/text.h"
#include "cmd/usage.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: graft config check [FILE]\n"
	"\n"
	"Check a configuration of graftd (" GRAFT_CONFIG_PATH
	" if none is named), and\n"
	"print all that holds with it: what it says, and the defaults of the rest.\n";

GRAFT_MUST_CHECK static struct graft_error *
check(const char *path, bool optional)
{
	GRAFT_CLEANUP(graft_config_freep) struct graft_config *config = NULL;
	GRAFT_CLEANUP(graft_agent_scope_freep)
	struct graft_agent_scope *scope = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	struct graft_error *err = graft_config_read(path, optional, &config);

	if (!err)
		err = graft_agent_scope_make(config, path, &scope);
	if (err)
		return err;
	graft_config_print(config, &text);
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	return NULL;
}

struct graft_error *
graft_verb_config(int argc, char **argv, int *status_ret)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};

	optind = 0;
	int at = getopt_long(argc, argv, ":h", options, NULL);
	if (at >= 0) {
		*status_ret = graft_usage_option(argv, at, usage);
		return NULL;
	}
	if (optind >= argc || strcmp(argv[optind], "check") != 0) {
		*status_ret = graft_usage_wrong(
			argv, "it is `graft config check [FILE]`");
		return NULL;
	}
	if (argc > optind + 2) {
		*status_ret = graft_usage_wrong(argv,
						"'%s' is one argument too many",
						argv[optind + 2]);
		return NULL;
	}
	bool named = argc > optind + 1;
	*status_ret = 0;
	return check(named ? argv[optind + 1] : GRAFT_CONFIG_PATH, !named);
}
