// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "cmd/repo.h"
#include "cmd/usage.h"

#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: graft repo init DIR --key ROLE=KEY ... [--threshold ROLE=N] [--days ROLE=N]\n"
	"                           [--bins N]\n"
	"       graft repo add DIR FILE ... [--as PATH | --prefix PREFIX] [--custom FILE]\n"
	"                           [--role ROLE] [--key KEY]\n"
	"       graft repo remove DIR PATH ... [--key KEY]\n"
	"       graft repo delegate DIR ROLE --paths PATTERN ... --add KEY ...\n"
	"                           [--threshold N] [--days N] [--terminating] [--key KEY]\n"
	"       graft repo rotate DIR ROLE [--add KEY] [--remove ID] [--threshold N]\n"
	"                           [--days N] [--key KEY]\n"
	"       graft repo sign DIR [--role ROLE] [--key KEY] [--signatures FILE]\n"
	"       graft repo publish DIR --key KEY ...\n"
	"       graft repo refresh DIR --key KEY ... [--role ROLE]\n"
	"       graft repo reset DIR [--role ROLE]\n"
	"       graft repo status DIR [--json]\n"
	"       graft repo list DIR\n"
	"       graft repo mirror URL DIR [--trusted-root FILE] [--timeout SECONDS]\n"
	"       graft repo export DIR BUNDLE [--days N --key KEY ...]\n"
	"       graft repo import BUNDLE DIR [--trusted-root FILE]\n"
	"\n"
	"Write a repository of The Update Framework: a directory of signed static files that\n"
	"any server or mirror can carry. DIR/public is what is served; changes are staged,\n"
	"signed by as many as must, on as many machines as they like, and published together.\n"
	"\n"
	"  KEY is a file of PEM (PKCS#8, with a passphrase for all but snapshot and timestamp),\n"
	"  or pkcs11:token=NAME;object=NAME?module-path=FILE. ROLE is root, targets, snapshot,\n"
	"  timestamp, bins, or one that was delegated to.\n"
	"\n"
	"      --passphrase-file FILE  a line for each key that asks; one line for all\n"
	"      --passphrase-fd N       the same from a descriptor\n"
	"      --trusted-root FILE     a root that you know: the directory must descend from it\n"
	"\n"
	"graft-repo(1) says more.\n";

static const struct graft_repo_action actions[] = {
	{ "init", graft_repo_action_init,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_INIT, 1, 1 },
	{ "add", graft_repo_action_add,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_ROLE |
		  GRAFT_REPO_OPTION_TARGET,
	  2, SIZE_MAX },
	{ "remove", graft_repo_action_remove, GRAFT_REPO_OPTION_KEY, 2,
	  SIZE_MAX },
	{ "delegate", graft_repo_action_delegate,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_KEYS |
		  GRAFT_REPO_OPTION_PATHS,
	  2, 2 },
	{ "rotate", graft_repo_action_rotate,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_KEYS |
		  GRAFT_REPO_OPTION_REMOVE,
	  2, 2 },
	{ "sign", graft_repo_action_sign,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_ROLE |
		  GRAFT_REPO_OPTION_SIGNATURES,
	  1, 1 },
	{ "publish", graft_repo_action_publish, GRAFT_REPO_OPTION_KEY, 1, 1 },
	{ "refresh", graft_repo_action_refresh,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_ROLE, 1, 1 },
	{ "reset", graft_repo_action_reset, GRAFT_REPO_OPTION_ROLE, 1, 1 },
	{ "status", graft_repo_action_status, GRAFT_REPO_OPTION_JSON, 1, 1 },
	{ "list", graft_repo_action_list, 0, 1, 1 },
	{ "mirror", graft_repo_action_mirror, GRAFT_REPO_OPTION_TIMEOUT, 2, 2 },
	{ "export", graft_repo_action_export,
	  GRAFT_REPO_OPTION_KEY | GRAFT_REPO_OPTION_DAYS, 2, 2 },
	{ "import", graft_repo_action_import, 0, 2, 2 },
};

/** Find the action: the first word. */
static const struct graft_repo_action *
find_action(const struct graft_repo_action *list, size_t count,
	    const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, word) == 0)
			return &list[i];
	}
	return NULL;
}

struct graft_error *
graft_repo_act(int argc, char **argv, const char *help,
	       const struct graft_repo_action *list, size_t count,
	       int *status_ret)
{
	GRAFT_CLEANUP(graft_repo_options_deinit)
	struct graft_repo_options options = { 0 };
	const bool asks = argc > 1 && strcmp(argv[1], "--help") == 0;
	const struct graft_repo_action *action =
		argc > 1 ? find_action(list, count, argv[1]) : NULL;

	if (!action && !asks) {
		*status_ret = graft_usage_wrong(
			argv,
			argc > 1 ? "no action '%s'" : "it needs an action%s",
			argc > 1 ? argv[1] : "");
		return NULL;
	}
	if (!graft_repo_options_parse(argc, argv, help,
				      action ? action->allowed : 0, &options,
				      status_ret))
		return NULL;
	if (!action || options.word_count < action->min ||
	    options.word_count > action->max) {
		*status_ret = graft_usage_wrong(
			argv, "%s: %s", argv[1],
			action && options.word_count > action->max
				? "too many words"
				: "something is missing");
		return NULL;
	}
	// What is served must be readable for whoever serves it; what is staged is not.
	(void)umask(022);
	*status_ret = 0;
	return action->run(&options);
}

struct graft_error *
graft_verb_repo(int argc, char **argv, int *status_ret)
{
	return graft_repo_act(argc, argv, usage, actions,
			      sizeof(actions) / sizeof(*actions), status_ret);
}
