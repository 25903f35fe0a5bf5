// SPDX-License-Identifier: Apache-2.0

#include "base/cleanup.h"
#include "base/env.h"
#include "base/text.h"
#include "cmd/failure.h"
#include "cmd/verb.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The verbs, in the order of the road. */
static const struct graft_verb verbs[] = {
	{ "diff", "make a hotpatch from two builds", graft_verb_diff },
	{ "show", "print what a hotpatch carries", graft_verb_show },
	{ "verify", "check a hotpatch and its signature", graft_verb_verify },
	{ "plan", "print what apply would do, touching nothing",
	  graft_verb_plan },
	{ "apply", "put a hotpatch into running processes", graft_verb_apply },
	{ "status", "print which processes hold which hotpatch",
	  graft_verb_status },
	{ "revert", "take a hotpatch out of running processes",
	  graft_verb_revert },
	{ "recover", "complete or undo work that was cut off",
	  graft_verb_recover },
	{ "sync", "bring running processes to the code that is on disk",
	  graft_verb_sync },
	{ "install", "bring a package to its new version, memory and disk",
	  graft_verb_install },
	{ "rollback", "take the last installation back, memory and disk",
	  graft_verb_rollback },
	{ "spare", "say whether hotpatches spare a service its restart",
	  graft_verb_spare },
	{ "report", "print for scanners what is fixed, on disk and in memory",
	  graft_verb_report },
	{ "calendar", "show when releases come, and which of them restart",
	  graft_verb_calendar },
	{ "daemon", "ask graftd, or have it do something", graft_verb_daemon },
	{ "eligible", "say in which form a device gets fixes, and why",
	  graft_verb_eligible },
	{ "repo", "write a signed repository of releases", graft_verb_repo },
	{ "release", "make releases in a repository, and look at them",
	  graft_verb_release },
	{ "update", "get the releases that this device should have",
	  graft_verb_update },
	{ "restart", "see to the restart that an update waits for",
	  graft_verb_restart },
	{ "compliance", "say where hosts stand, signed, and count them",
	  graft_verb_compliance },
	{ "config", "check a configuration of graftd", graft_verb_config },
	{ "perf-map", "write names of carried code for perf",
	  graft_verb_perf_map },
};

enum { VERB_COUNT = sizeof(verbs) / sizeof(verbs[0]) };

static void
print_usage(FILE *to)
{
	(void)fputs("usage: graft [--state-dir DIR] VERB [ARGUMENTS]\n\n", to);
	for (size_t i = 0; i < VERB_COUNT; i++)
		(void)fprintf(to, "  %-10s  %s\n", verbs[i].name,
			      verbs[i].summary);
	(void)fputs("\n`graft VERB --help` says more. Exit status: 0 done, "
		    "2 usage, 3 nothing to do,\n4 refused or baseline, 5 some "
		    "done and some refused; others are in graft(1).\n",
		    to);
}

/**
 * Take `--state-dir DIR` and `--state-dir=DIR` out of the arguments, wherever
 * they stand, into the environment.
 *
 * @return false if the directory is missing.
 */
static bool
take_state_dir(int *argc, char **argv)
{
	static const char name[] = "--state-dir";
	size_t len = sizeof(name) - 1;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		const char *dir = NULL;
		if (strcmp(argv[i], "--") == 0) {
			while (i < *argc)
				argv[kept++] = argv[i++];
			break;
		}
		if (strncmp(argv[i], name, len) != 0 ||
		    (argv[i][len] != '=' && argv[i][len] != '\0')) {
			argv[kept++] = argv[i];
			continue;
		}
		if (argv[i][len] == '=')
			dir = argv[i] + len + 1;
		else if (i + 1 < *argc)
			dir = argv[++i];
		if (!dir || !*dir)
			return false;
		(void)setenv(graft_env_name(GRAFT_ENV_STATE_DIR), dir, 1);
	}
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

static int
run(const struct graft_verb *verb, int argc, char **argv)
{
	int status = 0;
	struct graft_error *err = verb->run(argc, argv, &status);

	if (err) {
		(void)fflush(stdout);
		graft_failure_say(verb->name, err);
		status = graft_error_status(graft_error_code(err));
		graft_failure_print_json(
			argv, graft_error_wire(graft_error_code(err)),
			graft_error_message(err), status);
		graft_error_free(err);
	}
	return status;
}

/** There is no such verb. */
static int
refuse_verb(char **argv)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put(&text, "no verb '");
	graft_text_put_safe(&text, argv[1]);
	graft_text_put(&text, "'; `graft --help` lists them");
	(void)fprintf(stderr, "graft: %s\n", graft_text_str(&text));
	graft_failure_print_json(argv, GRAFT_FAILURE_USAGE,
				 graft_text_str(&text), 2);
	return 2;
}

/** What was printed must have arrived. */
static int
end(int status)
{
	if (fflush(stdout) != 0 && status == 0) {
		perror("graft: write");
		status = graft_error_status(GRAFT_ERROR_OS);
	}
	return status;
}

int
main(int argc, char **argv)
{
	// A limit of file sizes is an error of write(2), not our death.
	(void)signal(SIGXFSZ, SIG_IGN);
	if (!take_state_dir(&argc, argv)) {
		(void)fputs("graft: --state-dir needs a directory\n", stderr);
		return 2;
	}
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return end(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("graft %s\n", GRAFT_VERSION);
		return end(0);
	}
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return end(run(&verbs[i], argc - 1, argv + 1));
	}
	return refuse_verb(argv);
}
