// SPDX-License-Identifier: Apache-2.0

#include "cmd/options.h"

#include "cmd/usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WAIT_DEFAULT_US = 10 * 1000 * 1000,
	WATCH_DEFAULT_US = 30 * 1000 * 1000,
	/** Longest --wait: a day. */
	WAIT_MAX_S = 24 * 3600,
};

void
graft_options_deinit(struct graft_options *options)
{
	free(options->pids);
	*options = (struct graft_options){ 0 };
}

static bool
take_pid(char **argv, const char *text, struct graft_options *options)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || *end || end == text || pid <= 0 || pid > INT32_MAX) {
		(void)graft_usage_wrong(argv, "'%s' is no process id", text);
		return false;
	}
	for (size_t i = 0; i < options->pid_count; i++) {
		if (options->pids[i] == (pid_t)pid)
			return true;
	}
	pid_t *more = reallocarray(options->pids, options->pid_count + 1,
				   sizeof(*more));
	if (!more) {
		(void)fputs("graft: out of memory\n", stderr);
		return false;
	}
	options->pids = more;
	options->pids[options->pid_count++] = (pid_t)pid;
	return true;
}

static bool
take_count(char **argv, const char *text, size_t *ret)
{
	char *end;

	errno = 0;
	long count = strtol(text, &end, 10);
	if (errno || *end || end == text || count <= 0 || count > INT32_MAX) {
		(void)graft_usage_wrong(argv, "'%s' is no number of processes",
					text);
		return false;
	}
	*ret = (size_t)count;
	return true;
}

static bool
take_seconds(char **argv, const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	double seconds = strtod(text, &end);
	if (errno || *end || end == text ||
	    !(seconds >= 0 && seconds <= WAIT_MAX_S)) {
		(void)graft_usage_wrong(argv,
					"'%s' is no number of seconds up to %d",
					text, WAIT_MAX_S);
		return false;
	}
	*ret = (uint64_t)(seconds * 1000000);
	return true;
}

static const struct option names[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "pid", required_argument, NULL, 'p' },
	{ "wait", required_argument, NULL, 'w' },
	{ "json", no_argument, NULL, 'j' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "completely", no_argument, NULL, 'c' },
	{ "all-or-none", no_argument, NULL, 'N' },
	{ "immediate", no_argument, NULL, 'i' },
	{ "canary", required_argument, NULL, 'C' },
	{ "watch", required_argument, NULL, 'W' },
	{ "unit", required_argument, NULL, 'u' },
	{ "package", required_argument, NULL, 'P' },
	{ "cgroup", required_argument, NULL, 'g' },
	{ "root", required_argument, NULL, 'R' },
	{ "in", required_argument, NULL, 'I' },
	{ "no-memory", no_argument, NULL, 'M' },
	{ "allow-scripts", no_argument, NULL, 'S' },
	{ "unattended", no_argument, NULL, 'U' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/** Say whether a verb takes an option. */
static bool
is_allowed(int option, unsigned allowed)
{
	return (option == 'a' && allowed & GRAFT_OPTION_ALL) ||
	       (option == 'p' && allowed & GRAFT_OPTION_PID) ||
	       (option == 'w' && allowed & GRAFT_OPTION_WAIT) ||
	       (option == 'j' && allowed & GRAFT_OPTION_JSON) ||
	       (option == 'n' && allowed & GRAFT_OPTION_DRY_RUN) ||
	       (option == 'i' && allowed & GRAFT_OPTION_IMMEDIATE) ||
	       (option == 'U' && allowed & GRAFT_OPTION_UNATTENDED) ||
	       (option == 'c' && allowed & GRAFT_OPTION_COMPLETELY) ||
	       (strchr("NCW", option) && allowed & GRAFT_OPTION_ROLLOUT) ||
	       (strchr("RIMS", option) && allowed & GRAFT_OPTION_INSTALL) ||
	       (option == 'M' && allowed & GRAFT_OPTION_ROLLBACK) ||
	       (strchr("uPg", option) && allowed & GRAFT_OPTION_SCOPE);
}

/** Take one option; false: it is wrong, and that was said. */
static bool
take(char **argv, int option, unsigned allowed, struct graft_options *options)
{
	if (!is_allowed(option, allowed)) {
		size_t i = 0;
		while (names[i].val != option)
			i++;
		(void)graft_usage_wrong(argv, "no option --%s", names[i].name);
		return false;
	}
	switch (option) {
	case 'a':
		options->all = true;
		return true;
	case 'p':
		return take_pid(argv, optarg, options);
	case 'w':
		return take_seconds(argv, optarg, &options->wait_us);
	case 'W':
		options->watch = true;
		return take_seconds(argv, optarg, &options->watch_us);
	case 'C':
		return take_count(argv, optarg, &options->canaries);
	case 'N':
		options->all_or_none = true;
		return true;
	case 'u':
		options->unit = optarg;
		return true;
	case 'P':
		options->package = optarg;
		return true;
	case 'g':
		options->cgroup = optarg;
		return true;
	case 'i':
		options->immediate = true;
		return true;
	case 'R':
		options->root = optarg;
		return true;
	case 'I':
		options->in = optarg;
		return true;
	case 'M':
		options->no_memory = true;
		return true;
	case 'S':
		options->allow_scripts = true;
		return true;
	case 'U':
		options->unattended = true;
		return true;
	case 'j':
		options->json = true;
		return true;
	case 'c':
		options->completely = true;
		return true;
	default:
		options->dry_run = true;
		return true;
	}
}

/** See that everything that must be said is said; false: what is not was said. */
static bool
complete(int argc, char **argv, unsigned allowed, struct graft_options *options)
{
	unsigned named = GRAFT_OPTION_SUBJECT | GRAFT_OPTION_SERVICE;
	int subjects = allowed & named ? 1 : 0;
	int count = argc - optind;
	bool who = options->all || options->pid_count;

	if (allowed & GRAFT_OPTION_ROLLBACK)
		subjects = count > 0;
	if (count > subjects)
		(void)graft_usage_wrong(argv, "'%s' is one argument too many",
					argv[optind + subjects]);
	else if (count < subjects)
		(void)graft_usage_wrong(argv, "which %s?",
					allowed & GRAFT_OPTION_SERVICE
						? "service"
						: "hotpatch");
	else if (options->all && options->pid_count)
		(void)graft_usage_wrong(argv,
					"--all and --pid exclude each other");
	else if (options->cgroup && options->cgroup[0] != '/')
		(void)graft_usage_wrong(argv,
					"'%s' is no path of a control group",
					options->cgroup);
	else if (options->watch && !options->canaries)
		(void)graft_usage_wrong(argv, "--watch needs --canary");
	else if ((allowed & GRAFT_OPTION_WHO) && !who)
		(void)graft_usage_wrong(argv,
					"which processes? --all, or --pid N");
	else {
		options->subject = subjects ? argv[optind] : NULL;
		return true;
	}
	return false;
}

bool
graft_options_parse(int argc, char **argv, const char *usage, unsigned allowed,
		    struct graft_options *ret, int *status_ret)
{
	struct graft_options options = { .wait_us = WAIT_DEFAULT_US,
					 .watch_us = WATCH_DEFAULT_US };
	bool good = true;

	optind = 0;
	for (int at; good && (at = getopt_long(argc, argv, ":ap:w:nicu:P:g:h",
					       names, NULL)) >= 0;) {
		if (at == 'h' || at == '?' || at == ':') {
			*status_ret = graft_usage_option(argv, at, usage);
			graft_options_deinit(&options);
			return false;
		}
		good = take(argv, at, allowed, &options);
	}
	if (!good || !complete(argc, argv, allowed, &options)) {
		graft_options_deinit(&options);
		*status_ret = 2;
		return false;
	}
	*ret = options;
	return true;
}
