// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/settings.h"
#include "cmd/device.h"
#include "cmd/usage.h"
#include "release/eligible_print.h"
#include "release/policy.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define POLICY_PATH "/etc/graft/policy.conf"

enum {
	/** Of facts. */
	FACTS_BYTES_MAX = 512 << 20,
	/** Exit statuses. */
	STATUS_NONE = 4,
	STATUS_SOME = 5,
};

static const char usage[] =
	"usage: graft eligible [--facts FILE] [--policy FILE] [--explain] [--json]\n"
	"\n"
	"Say in which form a device gets the fixes: as a hotpatch, with a baseline or a\n"
	"cumulative update (both restart), or not yet, and why.\n"
	"\n"
	"  -f, --facts FILE   JSON, of one device or an array of them; without it this\n"
	"                     host is looked at\n"
	"  -p, --policy FILE  without it " POLICY_PATH "\n"
	"  -e, --explain      who can do what about each reason\n"
	"      --json         print JSON\n"
	"\n"
	"Exit status: 0 nobody has to restart or wait; 4 all have to; 5 some.\n";

/** What a command line says. */
struct request {
	const char *facts;
	const char *policy;
	bool explain;
	bool json;
};

/** Read a command line. False: there is nothing to do. */
static bool
parse(int argc, char **argv, struct request *request, int *status_ret)
{
	static const struct option options[] = {
		{ "facts", required_argument, NULL, 'f' },
		{ "policy", required_argument, NULL, 'p' },
		{ "explain", no_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int at;

	request->policy = POLICY_PATH;
	while ((at = getopt_long(argc, argv, ":f:p:eh", options, NULL)) != -1) {
		switch (at) {
		case 'f':
			request->facts = optarg;
			break;
		case 'p':
			request->policy = optarg;
			break;
		case 'e':
			request->explain = true;
			break;
		case 'j':
			request->json = true;
			break;
		default:
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	if (optind < argc)
		*status_ret = graft_usage_wrong(argv, "it takes no argument");
	return optind >= argc;
}

GRAFT_MUST_CHECK static struct graft_error *
read_policy(const char *path, struct graft_policy *ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;
	struct graft_error *err =
		graft_file_read(path, GRAFT_SETTINGS_BYTES_MAX, &bytes, &len);

	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND)
		return graft_error_prefix(
			err, "which baselines live is said by a policy, or by "
			     "the repository (graft update --dry-run)");
	return err ? err
		   : graft_policy_parse((const char *)bytes, len, path, ret);
}

/** Get the facts of whoever is meant. */
GRAFT_MUST_CHECK static struct graft_error *
read_facts(const char *path, struct graft_facts **ret, size_t *count_ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len;

	if (path) {
		struct graft_error *err = graft_file_read(path, FACTS_BYTES_MAX,
							  &bytes, &len);
		return err ? err
			   : graft_facts_parse((const char *)bytes, len, path,
					       ret, count_ret);
	}
	GRAFT_FREE struct graft_facts *facts = calloc(1, sizeof(*facts));
	if (!facts)
		return graft_error_no_memory();
	struct graft_error *err = graft_device_look(facts);
	if (err)
		return err;
	*ret = GRAFT_TAKE(facts);
	*count_ret = 1;
	return NULL;
}

/** Compute the exit status. */
static int
status_of(const struct graft_decided *list, size_t count)
{
	size_t fine = 0;

	for (size_t i = 0; i < count; i++) {
		enum graft_decision decision = list[i].eligibility.decision;
		fine += decision == GRAFT_DECISION_HOTPATCH ||
			decision == GRAFT_DECISION_UP_TO_DATE;
	}
	if (fine == count)
		return 0;
	return fine ? STATUS_SOME : STATUS_NONE;
}

struct graft_error *
graft_verb_eligible(int argc, char **argv, int *status_ret)
{
	struct request request = { 0 };
	struct graft_policy policy;
	GRAFT_FREE struct graft_facts *facts = NULL;
	GRAFT_FREE struct graft_decided *list = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	size_t count = 0;

	if (!parse(argc, argv, &request, status_ret))
		return NULL;
	struct graft_error *err = read_policy(request.policy, &policy);
	if (!err)
		err = read_facts(request.facts, &facts, &count);
	if (err)
		return err;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return graft_error_no_memory();
	for (size_t i = 0; i < count; i++)
		list[i] = (struct graft_decided){
			&facts[i], graft_eligible(&facts[i], &policy)
		};
	if (request.json)
		err = graft_eligible_print_json(list, count, &policy, &text);
	else
		graft_eligible_print_text(list, count, &policy, request.explain,
					  &text);
	if (!err && text.failed)
		err = graft_error_no_memory();
	if (err)
		return err;
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = status_of(list, count);
	return NULL;
}
