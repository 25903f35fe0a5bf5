// SPDX-License-Identifier: Apache-2.0

#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WAIT_DEFAULT_US = 10 * 1000 * 1000,
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
take_pid(const char *text, struct graft_options *options)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || *end || end == text || pid <= 0 || pid > INT32_MAX) {
		(void)fprintf(stderr, "graft: '%s' is no process id\n", text);
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
take_wait(const char *text, struct graft_options *options)
{
	char *end;

	errno = 0;
	double seconds = strtod(text, &end);
	if (errno || *end || end == text ||
	    !(seconds >= 0 && seconds <= WAIT_MAX_S)) {
		(void)fprintf(stderr,
			      "graft: '%s' is no number of seconds up to %d\n",
			      text, WAIT_MAX_S);
		return false;
	}
	options->wait_us = (uint64_t)(seconds * 1000000);
	return true;
}

/** Take one option; false: it is wrong. */
static bool
take(int option, unsigned allowed, struct graft_options *options)
{
	switch (option) {
	case 'a':
		options->all = true;
		return allowed & GRAFT_OPTION_ALL;
	case 'p':
		return (allowed & GRAFT_OPTION_PID) &&
		       take_pid(optarg, options);
	case 'w':
		return (allowed & GRAFT_OPTION_WAIT) &&
		       take_wait(optarg, options);
	case 'j':
		options->json = true;
		return allowed & GRAFT_OPTION_JSON;
	case 'n':
		options->dry_run = true;
		return allowed & GRAFT_OPTION_DRY_RUN;
	default:
		return false;
	}
}

/** See that everything that must be said is said. */
static bool
complete(int argc, char **argv, unsigned allowed, struct graft_options *options)
{
	int subjects = allowed & GRAFT_OPTION_SUBJECT ? 1 : 0;

	if (argc - optind != subjects)
		return false;
	if (subjects)
		options->subject = argv[optind];
	if (options->all && options->pid_count)
		return false;
	return !(allowed & GRAFT_OPTION_WHO) || options->all ||
	       options->pid_count;
}

bool
graft_options_parse(int argc, char **argv, const char *usage, unsigned allowed,
		    struct graft_options *ret, int *status_ret)
{
	static const struct option names[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' },
		{ "wait", required_argument, NULL, 'w' },
		{ "json", no_argument, NULL, 'j' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct graft_options options = { .wait_us = WAIT_DEFAULT_US };
	bool good = true;

	optind = 0;
	for (int at; good && (at = getopt_long(argc, argv, "ap:w:nh", names,
					       NULL)) >= 0;) {
		if (at == 'h') {
			(void)fputs(usage, stdout);
			graft_options_deinit(&options);
			*status_ret = 0;
			return false;
		}
		good = take(at, allowed, &options);
	}
	if (!good || !complete(argc, argv, allowed, &options)) {
		(void)fputs(usage, stderr);
		graft_options_deinit(&options);
		*status_ret = 2;
		return false;
	}
	*ret = options;
	return true;
}
