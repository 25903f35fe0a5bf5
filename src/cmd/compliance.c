// SPDX-License-Identifier: Apache-2.0

#include "cmd/compliance.h"

#include "cmd/usage.h"
#include "cmd/verb.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	LATE_DAYS = 14,
	LATE_DAYS_MAX = 3650,
	DESCRIPTOR_MAX = 1024,
};

static const char usage[] =
	"usage: graft compliance report [-o FILE] [--name HOST] [--key KEY] [--days N]\n"
	"                        [--config FILE]\n"
	"       graft compliance key [--name HOST] [--key KEY] [--config FILE]\n"
	"       graft compliance collect BUNDLE FILE|DIR ...\n"
	"       graft compliance enroll DIR FILE ... [--replace]\n"
	"       graft compliance import BUNDLE DIR [--first-use] [--json]\n"
	"       graft compliance status DIR [--late DAYS] [--json | --facts]\n"
	"       graft compliance remove DIR HOST\n"
	"\n"
	"Say where hosts stand, signed, so that it can be carried out of a network that no\n"
	"line leads out of.\n"
	"\n"
	"  report   what this host is and has, should have and waits for; signed by its key\n"
	"  key      its public key, which is enrolled outside; made with the first of both\n"
	"  collect  reports of several hosts in one file: of each host the newest\n"
	"  enroll   trust the keys of hosts, in a directory DIR\n"
	"  import   verify a bundle, or one report, and keep in DIR what is good and new\n"
	"  status   hosts per state, who is late, who is silent since when\n"
	"  remove   forget a host\n"
	"\n"
	"  -o, --output FILE       instead of standard output; in a directory: HOST.json\n"
	"      --name HOST         instead of the configuration's report-name\n"
	"      --key KEY           instead of its report-key; a file, or pkcs11:...\n"
	"      --days N            for how long it is good (default 14)\n"
	"      --passphrase-file FILE, --passphrase-fd N\n"
	"                          for a key that has a passphrase or a PIN\n"
	"      --config FILE       instead of " GRAFT_CONFIG_PATH "\n"
	"      --replace           the host may have another key so far\n"
	"      --first-use         a host that is not enrolled gets the key that it brings\n"
	"      --late DAYS         from when on a host is late (default 14)\n"
	"      --facts             print the facts of hosts, for graft eligible --facts\n"
	"      --json              print JSON\n"
	"      --state-dir DIR     instead of /var/lib/graft\n"
	"\n"
	"Exit status: 0 done, or (status) all hosts are fine; 4 nothing was good, or no host\n"
	"is fine; 5 some.\n";

static const struct action {
	const char *name;
	graft_compliance_action_fn *run;
	/** Letters of the options that it takes. */
	const char *allowed;
	size_t min;
	size_t max;
} actions[] = {
	{ "report", graft_compliance_action_report, "cokndPF", 0, 0 },
	{ "key", graft_compliance_action_key, "cokndPF", 0, 0 },
	{ "collect", graft_compliance_action_collect, "", 2, SIZE_MAX },
	{ "enroll", graft_compliance_action_enroll, "r", 2, SIZE_MAX },
	{ "import", graft_compliance_action_import, "fj", 2, 2 },
	{ "status", graft_compliance_action_status, "ljx", 1, 1 },
	{ "remove", graft_compliance_action_remove, "", 2, 2 },
};

enum { ACTIONS = sizeof(actions) / sizeof(*actions) };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "output", required_argument, NULL, 'o' },
	{ "key", required_argument, NULL, 'k' },
	{ "name", required_argument, NULL, 'n' },
	{ "days", required_argument, NULL, 'd' },
	{ "passphrase-file", required_argument, NULL, 'P' },
	{ "passphrase-fd", required_argument, NULL, 'F' },
	{ "replace", no_argument, NULL, 'r' },
	{ "first-use", no_argument, NULL, 'f' },
	{ "late", required_argument, NULL, 'l' },
	{ "facts", no_argument, NULL, 'x' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/** Take an option. @return What is wrong with it; NULL: nothing. */
static const char *
take(int at, struct graft_compliance_options *ret)
{
	uint32_t number = 0;

	switch (at) {
	case 'c':
		ret->config = optarg;
		return NULL;
	case 'o':
		ret->output = optarg;
		return NULL;
	case 'k':
		ret->key = optarg;
		return NULL;
	case 'n':
		ret->name = optarg;
		return NULL;
	case 'P':
		ret->passphrase_file = optarg;
		return NULL;
	case 'F':
		if (!graft_usage_number(optarg, DESCRIPTOR_MAX, &number))
			return "--passphrase-fd takes a descriptor";
		ret->passphrase_fd = (int)number;
		return NULL;
	case 'd':
		return graft_usage_number(optarg, GRAFT_COMPLIANCE_DAYS_MAX,
					  &ret->days) &&
				       ret->days
			       ? NULL
			       : "--days takes days from 1 to 92";
	case 'l':
		return graft_usage_number(optarg, LATE_DAYS_MAX,
					  &ret->late_days)
			       ? NULL
			       : "--late takes days from 0 to 3650";
	case 'r':
		ret->replace = true;
		return NULL;
	case 'f':
		ret->first_use = true;
		return NULL;
	case 'x':
		ret->facts = true;
		return NULL;
	default:
		ret->json = true;
		return NULL;
	}
}

/** Get the long name of an option. */
static const char *
name_of(int at)
{
	const struct option *option = long_options;

	while (option->val != at)
		option++;
	return option->name;
}

/** Read a command line behind its action. False: there is nothing to do. */
static bool
parse(int argc, char **argv, const struct action *action,
      struct graft_compliance_options *ret, int *status_ret)
{
	*ret = (struct graft_compliance_options){ .passphrase_fd = -1,
						  .late_days = LATE_DAYS };
	optind = 0;
	for (int at; (at = getopt_long(argc, argv, ":o:h", long_options,
				       NULL)) != -1;) {
		if (at == 'h' || at == '?' || at == ':') {
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
		if (!strchr(action->allowed, at)) {
			*status_ret =
				graft_usage_wrong(argv, "%s does not take --%s",
						  action->name, name_of(at));
			return false;
		}
		const char *wrong = take(at, ret);
		if (wrong) {
			*status_ret = graft_usage_wrong(argv, "%s", wrong);
			return false;
		}
	}
	// The action itself comes first.
	ret->words = argv + optind + 1;
	ret->word_count = (size_t)(argc - optind - 1);
	if (ret->word_count >= action->min && ret->word_count <= action->max &&
	    !(ret->facts && ret->json))
		return true;
	*status_ret = ret->facts && ret->json
			      ? graft_usage_wrong(
					argv, "--facts and --json exclude each "
					      "other")
			      : graft_usage_wrong(argv,
						  "%s takes another number of "
						  "arguments",
						  action->name);
	return false;
}

/** Find the action: the first word. */
static const struct action *
find_action(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ACTIONS; i++) {
		if (strcmp(actions[i].name, argv[1]) == 0)
			return &actions[i];
	}
	return NULL;
}

struct graft_error *
graft_verb_compliance(int argc, char **argv, int *status_ret)
{
	struct graft_compliance_options options;
	const struct action *action = find_action(argc, argv);

	if (!action && argc > 1 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		*status_ret = graft_usage_option(argv, 'h', usage);
		return NULL;
	}
	if (!action) {
		*status_ret = graft_usage_wrong(
			argv, "it is `graft compliance "
			      "report|key|collect|enroll|import|status|"
			      "remove`");
		return NULL;
	}
	*status_ret = 0;
	return parse(argc, argv, action, &options, status_ret)
		       ? action->run(&options, status_ret)
		       : NULL;
}
