// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/env.h"
#include "base/text.h"
#include "cmd/compare.h"
#include "cmd/explain.h"
#include "cmd/progress.h"
#include "diff/pairs.h"
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
	"usage: graft diff OLD NEW [-o FILE] [--json] [--title TEXT]\n"
	"                  [--cve CVE]... [--debug-dir DIR] [--carry-lines] [--whole]\n"
	"                  [--explain] [--html FILE]\n"
	"\n"
	"Compare two builds and make a hotpatch. OLD and NEW are two ELF files, two\n"
	"directories or two Debian packages.\n"
	"\n"
	"  -o, --output FILE   write the hotpatch; only if at least one module can\n"
	"                      be hotpatched. It names the others too, so that a\n"
	"                      process which has them is refused\n"
	"      --carry-lines   carry functions too in which only line numbers differ\n"
	"      --whole         write carried code itself where else, if that is\n"
	"                      smaller, its difference from OLD is written, which\n"
	"                      is read only with OLD\n"
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
	/** Functions that are left as they are: so many are named. */
	LEFT_NAMED = 3,
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
	/** Lent by argv; as many as there are arguments. */
	const char **cves;
	size_t cve_count;
	const char *old_path;
	const char *new_path;
};

static void
deinit_arguments(struct arguments *arguments)
{
	free(arguments->cves);
}

static void
show_progress(void *arg, const char *path, size_t done, size_t total)
{
	struct graft_progress *progress = arg;

	progress->total = total;
	graft_progress_step(progress, done, path);
}

static void
put_reason(const struct graft_reason *reason, struct graft_text *text)
{
	graft_text_printf(text, "    %s %s", reason->rule,
			  reason->note ? "(note) " : "");
	if (*reason->where) {
		graft_text_put_safe(text, reason->where);
		graft_text_put(text, ": ");
	}
	graft_text_put_safe(text, reason->text);
	graft_text_put(text, "\n");
}

/** Say whether a reason is one of those that are said together. */
static bool
is_left(const struct graft_reason *reason)
{
	return reason->note && strcmp(reason->rule, "R-25") == 0;
}

/** Print what a module's verdict rests on; of what stays a few names only. */
static void
put_reasons(const struct graft_patch_module *module, struct graft_text *text)
{
	size_t left = 0;
	size_t named = 0;

	for (size_t i = 0; i < module->reason_count; i++)
		left += is_left(&module->reasons[i]);
	for (size_t i = 0; i < module->reason_count; i++) {
		const struct graft_reason *reason = &module->reasons[i];

		if (left <= LEFT_NAMED || !is_left(reason)) {
			put_reason(reason, text);
			continue;
		}
		if (named == 0)
			graft_text_printf(text,
					  "    R-25 (note) only line numbers "
					  "differ in %zu functions, which stay "
					  "as they are: ",
					  left);
		if (named++ >= LEFT_NAMED)
			continue;
		graft_text_put_safe(text, reason->where);
		if (named < LEFT_NAMED)
			graft_text_put(text, ", ");
		else
			graft_text_printf(text, " and %zu more\n",
					  left - named);
	}
}

static const char *
verdict_color(enum graft_verdict verdict, bool color)
{
	if (!color)
		return "";
	return verdict == GRAFT_VERDICT_HOTPATCH   ? "\033[32m"
	       : verdict == GRAFT_VERDICT_BASELINE ? "\033[31m"
						   : "";
}

/** Print a line for each module, reasons below, and what is no module. */
static void
put_table(const struct graft_patch *patch, const struct graft_pairs *pairs,
	  bool color, struct graft_text *text)
{
	size_t width = strlen("MODULE");
	size_t added = 0;
	size_t same = 0;

	for (size_t i = 0; i < patch->module_count; i++) {
		size_t len = strlen(patch->modules[i].path);
		width = len > width ? len : width;
	}
	graft_text_printf(text, "%-*s  %-9s  %-9s  %7s  %5s  %7s  %9s\n",
			  (int)width, "MODULE", "VERDICT", "ASSURANCE",
			  "CHANGED", "ADDED", "CARRIED", "BYTES");
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];

		graft_text_printf(
			text, "%-*s  %s%-9s%s  %-9s  %7u  %5u  %7u  %9llu\n",
			(int)width, module->path,
			verdict_color(module->verdict, color),
			graft_verdict_name(module->verdict),
			color ? "\033[0m" : "",
			module->assurance == GRAFT_ASSURANCE_NONE
				? "-"
				: graft_assurance_name(module->assurance),
			module->counts.changed, module->counts.added,
			module->counts.carried,
			(unsigned long long)module->carried_bytes);
		put_reasons(module, text);
	}
	for (size_t i = 0; i < pairs->count; i++) {
		const struct graft_pair *pair = &pairs->pairs[i];

		same += pair->same;
		if (pair->old_file)
			continue;
		graft_text_put_safe(text, graft_pair_path(pair));
		graft_text_put(text, "  added: no process has it yet\n");
		added++;
	}
	if (pairs->count - added > patch->module_count)
		graft_text_printf(text,
				  "%zu more are the same files under other "
				  "names\n",
				  pairs->count - added - patch->module_count);
	if (!pairs->count)
		graft_text_put(text, "no ELF file on either side\n");
	if (same)
		graft_text_printf(text,
				  "%zu of %zu hold the same bytes in both\n",
				  same, pairs->count - added);
	if (pairs->others_changed)
		graft_text_printf(text,
				  "%zu other files differ or are on one side "
				  "only; they are no code in memory\n",
				  pairs->others_changed);
}

/** Read the command line; false: the usage was printed. */
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
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};

	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, "o:h", options, NULL)) >= 0;) {
		switch (at) {
		case 'o':
			arguments->output = optarg;
			break;
		case 'j':
			arguments->json = true;
			break;
		case 'l':
			arguments->carry_lines = true;
			break;
		case 'e':
			arguments->explain = true;
			break;
		case 'm':
			arguments->html = optarg;
			break;
		case 't':
			arguments->title = optarg;
			break;
		case 'c':
			arguments->cves[arguments->cve_count++] = optarg;
			break;
		case 'd':
			arguments->debug_dir = optarg;
			break;
		case 'w':
			arguments->whole = true;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			*status_ret = 0;
			return false;
		default:
			(void)fputs(usage, stderr);
			*status_ret = 2;
			return false;
		}
	}
	if (argc - optind != 2) {
		(void)fputs(usage, stderr);
		*status_ret = 2;
		return false;
	}
	arguments->old_path = argv[optind];
	arguments->new_path = argv[optind + 1];
	return true;
}

/** Say whether a path is that of one of the inputs, by whatever name. */
static bool
is_input(const struct arguments *arguments, const char *path)
{
	struct stat out;
	struct stat in;

	if (stat(path, &out) < 0)
		return false;
	for (int i = 0; i < 2; i++) {
		const char *side = i ? arguments->new_path
				     : arguments->old_path;
		if (stat(side, &in) == 0 && in.st_dev == out.st_dev &&
		    in.st_ino == out.st_ino)
			return true;
	}
	return false;
}

/** What is written must not be what is read, nor twice the same. */
static struct graft_error *
check_outputs(const struct arguments *arguments)
{
	const char *const outputs[] = { arguments->output, arguments->html };

	for (int i = 0; i < 2; i++) {
		if (outputs[i] && is_input(arguments, outputs[i]))
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

/** Say whether a tree holds a program or a library. */
static bool
has_elf(const struct graft_tree *tree)
{
	for (size_t i = 0; i < tree->file_count; i++) {
		if (tree->files[i].elf && !tree->files[i].debug)
			return true;
	}
	return false;
}

/**
 * Open one side.
 *
 * A directory without any build is most likely the wrong one, and "nothing to do"
 * the wrong answer. Packages without any are common.
 */
static struct graft_error *
open_side(const char *path, struct graft_tree **ret)
{
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *tree = NULL;
	struct graft_error *err = graft_tree_open(path, &tree);

	if (err)
		return err;
	if (tree->kind == GRAFT_TREE_DIRECTORY && !has_elf(tree))
		return graft_error_new(
			GRAFT_ERROR_NOT_FOUND,
			"%s: no ELF file in this directory%s", path,
			tree->link_count
				? ", only symbolic links, which are not followed"
				: "");
	*ret = GRAFT_TAKE(tree);
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

/** Open both sides and compare them. */
static struct graft_error *
compare(const struct arguments *arguments, struct graft_text *text,
	enum graft_verdict *verdict_ret)
{
	const char *dirs[] = { NULL, NULL, NULL };
	const struct graft_debug_search search = {
		.dirs = dirs,
		.debuginfod_limit_us = server_limit_us(),
	};
	struct graft_progress progress = graft_progress_begin(0);
	GRAFT_CLEANUP(graft_explanation_deinit)
	struct graft_explanation explanation = { 0 };
	bool explain = arguments->explain || arguments->html;
	const struct graft_compare_options options = {
		.explanation = explain ? &explanation : NULL,
		.search = &search,
		.title = arguments->title,
		// Whoever sees no file and no size needs none.
		.carry_lines = arguments->carry_lines,
		.delta = !arguments->whole &&
			 (arguments->output || arguments->json),
		.cves = arguments->cves,
		.cve_count = arguments->cve_count,
		.progress = show_progress,
		.progress_arg = &progress,
	};
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *old_tree = NULL;
	GRAFT_CLEANUP(graft_tree_closep) struct graft_tree *new_tree = NULL;
	GRAFT_CLEANUP(graft_pairs_freep) struct graft_pairs *pairs = NULL;
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct graft_error *err;

	size_t count = 0;
	if (arguments->debug_dir)
		dirs[count++] = arguments->debug_dir;
	dirs[count] = graft_env_get(GRAFT_ENV_DEBUG_DIR);
	if (!dirs[count])
		dirs[count] = "/usr/lib/debug";

	err = check_outputs(arguments);
	if (!err)
		err = open_side(arguments->old_path, &old_tree);
	if (!err)
		err = open_side(arguments->new_path, &new_tree);
	if (!err)
		err = graft_pairs_make(old_tree, new_tree, &pairs);
	if (!err)
		err = graft_compare(pairs, &options, &patch);
	graft_progress_end(&progress);
	if (err)
		return err;

	bool any = false;
	for (size_t i = 0; i < patch->module_count; i++)
		any |= patch->modules[i].verdict == GRAFT_VERDICT_HOTPATCH;
	// The hotpatch last: where the page cannot be written, nothing is.
	if (arguments->html)
		err = graft_explain_write(&explanation, patch, arguments->html);
	if (!err && any && arguments->output)
		err = graft_patch_write_file(patch, arguments->output);
	if (!err && arguments->json)
		err = graft_patch_print_diff_json(patch, text);
	else if (!err)
		put_table(patch, pairs, graft_env_color(STDOUT_FILENO), text);
	if (!err && arguments->explain)
		(arguments->json ? graft_explain_splice : graft_explain_show)(
			&explanation, patch, text);
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
	if (!arguments.cves)
		return graft_error_no_memory();
	if (!parse(argc, argv, &arguments, status_ret))
		return NULL;
	struct graft_error *err = compare(&arguments, &text, &verdict);
	if (err)
		return err;
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = statuses[verdict];
	return NULL;
}
