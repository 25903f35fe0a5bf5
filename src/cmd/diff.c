// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/text.h"
#include "cmd/compare.h"
#include "cmd/diff_disk.h"
#include "cmd/diff_sides.h"
#include "cmd/diff_table.h"
#include "cmd/explain.h"
#include "cmd/progress.h"
#include "cmd/usage.h"
#include "elf/image.h"
#include "explain/explanation.h"
#include "patch/file.h"
#include "patch/patch.h"
#include "patch/print.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: graft diff OLD NEW [--with OLD NEW]... [-o FILE] [--json]\n"
	"                  [--title TEXT] [--cve CVE]... [--debug-dir DIR]\n"
	"                  [--carry-lines] [--whole] [--disk | --no-disk]\n"
	"                  [--explain] [--html FILE]\n"
	"\n"
	"Compare two builds and make a hotpatch. OLD and NEW are two ELF files, two\n"
	"directories, two Debian packages, or two folders of Debian packages of one\n"
	"source, which are paired by name and architecture.\n"
	"\n"
	"  -o, --output FILE   write the hotpatch; only if at least one module can\n"
	"                      be hotpatched. It names the others too, so that a\n"
	"                      process which has them is refused\n"
	"      --with OLD NEW  two more Debian packages of the same source: one\n"
	"                      hotpatch upgrades all of them together; may be repeated\n"
	"      --carry-lines   carry functions too in which only line numbers differ\n"
	"      --whole         write carried code itself where else, if that is\n"
	"                      smaller, its difference from OLD is written, which\n"
	"                      is read only with OLD\n"
	"      --no-disk       leave out what `graft install` needs to bring the\n"
	"                      installed package to NEW\n"
	"      --disk          write that for ELF files and directories too\n"
	"      --explain       say why each function changed, with its code side by\n"
	"                      side, and what would help where the verdict is no\n"
	"      --html FILE     write all that as one page for a browser\n"
	"      --json          print JSON instead of a table\n"
	"      --title TEXT    what to call the hotpatch\n"
	"      --cve CVE       what it fixes; may be repeated\n"
	"      --debug-dir DIR look for separate debug files here too, as in\n"
	"                      /usr/lib/debug\n"
	"\n"
	"Exit status: 0 a hotpatch for all that changed; 3 nothing to do, all is\n"
	"identical; 4 at least one module needs a restart (baseline).\n";

enum {
	/** Folders in which debug files are looked for. */
	DIRS_MAX = 2,
};

/** What the command line says. */
struct arguments {
	const char *output;
	const char *title;
	const char *debug_dir;
	bool json;
	bool carry_lines;
	bool explain;
	/** Where the page goes, or NULL. */
	const char *html;
	bool whole;
	/** The part for the disk: always, or never; else of packages. */
	bool disk;
	bool no_disk;
	/** Lent by argv; as many as there are arguments. */
	const char **cves;
	size_t cve_count;
	/** OLD and NEW first, then what goes with them; as many as there are arguments. */
	struct graft_diff_named *named;
	size_t named_count;
};

static void
deinit_arguments(struct arguments *arguments)
{
	free(arguments->cves);
	free(arguments->named);
}

static void
show_progress(void *arg, const char *path, size_t done, size_t total)
{
	struct graft_progress *progress = arg;

	progress->total = total;
	graft_progress_step(progress, done, path);
}

/**
 * Take the two packages of --with, of which getopt(3) knows the first alone.
 *
 * @return False: there is no second one.
 */
static bool
take_with(int argc, char **argv, struct arguments *arguments)
{
	if (optind >= argc || argv[optind][0] == '-')
		return false;
	arguments->named[++arguments->named_count] =
		(struct graft_diff_named){ optarg, argv[optind++] };
	return true;
}

/** Take one option; false: it is none. */
static bool
take(int at, struct arguments *arguments)
{
	switch (at) {
	case 'o':
		arguments->output = optarg;
		return true;
	case 'j':
		arguments->json = true;
		return true;
	case 'l':
		arguments->carry_lines = true;
		return true;
	case 'e':
		arguments->explain = true;
		return true;
	case 'm':
		arguments->html = optarg;
		return true;
	case 't':
		arguments->title = optarg;
		return true;
	case 'c':
		arguments->cves[arguments->cve_count++] = optarg;
		return true;
	case 'd':
		arguments->debug_dir = optarg;
		return true;
	case 'w':
		arguments->whole = true;
		return true;
	case 'D':
		arguments->disk = true;
		return true;
	case 'N':
		arguments->no_disk = true;
		return true;
	default:
		return false;
	}
}

/** Say whether an output is what others take for standard output. */
static bool
is_stream(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

/** Read the command line; false: the usage or what is wrong was printed. */
static bool
parse(int argc, char **argv, struct arguments *arguments, int *status_ret)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "carry-lines", no_argument, NULL, 'l' },
		{ "explain", no_argument, NULL, 'e' },
		{ "html", required_argument, NULL, 'm' },
		{ "title", required_argument, NULL, 't' },
		{ "cve", required_argument, NULL, 'c' },
		{ "debug-dir", required_argument, NULL, 'd' },
		{ "whole", no_argument, NULL, 'w' },
		{ "with", required_argument, NULL, 'W' },
		{ "disk", no_argument, NULL, 'D' },
		{ "no-disk", no_argument, NULL, 'N' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};

	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":o:h", options, NULL)) >= 0;) {
		if (at == 'W') {
			if (take_with(argc, argv, arguments))
				continue;
			*status_ret = graft_usage_wrong(
				argv, "--with needs OLD and NEW");
			return false;
		}
		if (!take(at, arguments)) {
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	if (is_stream(arguments->output) || is_stream(arguments->html)) {
		*status_ret = graft_usage_wrong(
			argv,
			"standard output has the verdicts, and '-' is no file; './-' is one");
		return false;
	}
	if (arguments->disk && arguments->no_disk) {
		*status_ret = graft_usage_wrong(
			argv, "--disk and --no-disk exclude each other");
		return false;
	}
	int count = argc - optind;
	if (count != 2) {
		*status_ret =
			count > 2
				? graft_usage_wrong(
					  argv, "'%s' is one argument too many",
					  argv[optind + 2])
				: graft_usage_wrong(argv, "%s missing",
						    count ? "NEW is"
							  : "OLD and NEW are");
		return false;
	}
	arguments->named[0] = (struct graft_diff_named){ argv[optind],
							 argv[optind + 1] };
	arguments->named_count++;
	return true;
}

/** Say whether a path is that of one of the inputs, by whatever name. */
static bool
is_input(const struct graft_diff_sides *sides, const char *path)
{
	struct stat out;
	struct stat in;

	if (stat(path, &out) < 0)
		return false;
	for (size_t i = 0; i < 2 * sides->count; i++) {
		const char *side = i % 2 ? sides->new_trees[i / 2]->name
					 : sides->old_trees[i / 2]->name;
		if (stat(side, &in) == 0 && in.st_dev == out.st_dev &&
		    in.st_ino == out.st_ino)
			return true;
	}
	return false;
}

/** What is written must not be what is read, nor twice the same. */
static struct graft_error *
check_outputs(const struct arguments *arguments,
	      const struct graft_diff_sides *sides)
{
	const char *const outputs[] = { arguments->output, arguments->html };

	for (int i = 0; i < 2; i++) {
		if (outputs[i] && is_input(sides, outputs[i]))
			return graft_error_new(
				GRAFT_ERROR_BAD_INPUT,
				"%s: the output is one of the inputs",
				outputs[i]);
	}
	if (outputs[0] && outputs[1] && strcmp(outputs[0], outputs[1]) == 0)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"%s: the hotpatch and the page need two files",
			outputs[0]);
	return NULL;
}

/** Get how long debuginfod servers have for one file; 0 if there are none. */
static uint64_t
server_limit_us(void)
{
	const char *timeout = graft_env_get(GRAFT_ENV_DEBUGINFOD_TIMEOUT);
	unsigned long seconds = timeout ? strtoul(timeout, NULL, 10) : 0;

	if (!graft_env_get(GRAFT_ENV_DEBUGINFOD_URLS))
		return 0;
	if (seconds == 0 || seconds > 24 * 3600)
		seconds = 90;
	return (uint64_t)seconds * 1000000;
}

/** Where separate debug files may be. */
static void
find_debug_dirs(const struct arguments *arguments,
		const char *ret[DIRS_MAX + 1])
{
	size_t count = 0;

	if (arguments->debug_dir)
		ret[count++] = arguments->debug_dir;
	ret[count++] = graft_env_debug_dir();
	ret[count] = NULL;
}

/** Say whether the hotpatch gets a part for the disk. */
static bool
wants_disk(const struct arguments *arguments,
	   const struct graft_diff_sides *sides)
{
	return arguments->output && !arguments->no_disk &&
	       (arguments->disk || graft_diff_sides_are_packages(sides));
}

/** Say whether any module of a hotpatch can be switched. */
static bool
has_hotpatch(const struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].verdict == GRAFT_VERDICT_HOTPATCH)
			return true;
	}
	return false;
}

/** Write what is to be written, and put what is to be printed into a text. */
static struct graft_error *
put(const struct arguments *arguments, struct graft_patch *patch,
    const struct graft_diff_sides *sides, struct graft_explanation *explanation,
    struct graft_text *text)
{
	struct graft_error *err = NULL;

	// The hotpatch last: where the page cannot be written, nothing is.
	if (arguments->html)
		err = graft_explain_write(explanation, patch, arguments->html);
	if (!err && has_hotpatch(patch) && arguments->output)
		err = graft_patch_write_file(patch, arguments->output);
	if (!err && arguments->json)
		err = graft_patch_print_diff_json(patch, text);
	else if (!err)
		graft_diff_table_put(patch, sides->pairs, sides->count,
				     graft_env_color(STDOUT_FILENO), text);
	if (!err && arguments->explain)
		(arguments->json ? graft_explain_splice : graft_explain_show)(
			explanation, patch, text);
	return err;
}

/** Compare what was opened. */
static struct graft_error *
compare(const struct arguments *arguments, const struct graft_diff_sides *sides,
	struct graft_explanation *explanation, struct graft_patch **ret)
{
	const char *dirs[DIRS_MAX + 1];
	const struct graft_debug_search search = {
		.dirs = dirs,
		.debuginfod_limit_us = server_limit_us(),
	};
	struct graft_progress progress = graft_progress_begin(0);
	const struct graft_compare_options options = {
		.explanation = explanation,
		.search = &search,
		.title = arguments->title,
		.package = sides->package,
		.old_version = sides->old_version,
		.new_version = sides->new_version,
		// Whoever sees no file and no size needs none.
		.carry_lines = arguments->carry_lines,
		.delta = !arguments->whole &&
			 (arguments->output || arguments->json),
		.cves = arguments->cves,
		.cve_count = arguments->cve_count,
		.progress = show_progress,
		.progress_arg = &progress,
	};

	find_debug_dirs(arguments, dirs);
	struct graft_error *err = graft_compare(sides->pairs, sides->count,
						&options, ret);
	if (!err && has_hotpatch(*ret) && wants_disk(arguments, sides))
		err = graft_diff_add_disk(sides, *ret);
	graft_progress_end(&progress);
	return err;
}

/** Open both sides, compare them, and write what is asked for. */
static struct graft_error *
diff(const struct arguments *arguments, struct graft_text *text,
     enum graft_verdict *verdict_ret)
{
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };
	bool explain = arguments->explain || arguments->html;
	GRAFT_CLEANUP(graft_diff_sides_deinit)
	struct graft_diff_sides sides = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;

	struct graft_error *err = graft_diff_sides_open(
		arguments->named, arguments->named_count, &sides);
	if (!err)
		err = check_outputs(arguments, &sides);
	if (!err)
		err = compare(arguments, &sides, explain ? &explanation : NULL,
			      &patch);
	if (!err)
		err = put(arguments, patch, &sides, &explanation, text);
	if (!err)
		*verdict_ret = graft_patch_verdict(patch);
	return err;
}

struct graft_error *
graft_verb_diff(int argc, char **argv, int *status_ret)
{
	static const int statuses[] = {
		[GRAFT_VERDICT_IDENTICAL] = 3,
		[GRAFT_VERDICT_HOTPATCH] = 0,
		[GRAFT_VERDICT_BASELINE] = 4,
	};
	GRAFT_CLEANUP(deinit_arguments) struct arguments arguments = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	enum graft_verdict verdict = GRAFT_VERDICT_IDENTICAL;

	arguments.cves = calloc((size_t)argc + 1, sizeof(*arguments.cves));
	arguments.named = calloc((size_t)argc + 1, sizeof(*arguments.named));
	if (!arguments.cves || !arguments.named)
		return graft_error_no_memory();
	if (!parse(argc, argv, &arguments, status_ret))
		return NULL;
	struct graft_error *err = diff(&arguments, &text, &verdict);
	if (err)
		return err;
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = statuses[verdict];
	return NULL;
}
