// SPDX-License-Identifier: Apache-2.0

#include "cmd/verb.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "cmd/core.h"
#include "cmd/disassemble.h"
#include "cmd/old.h"
#include "cmd/side.h"
#include "cmd/usage.h"
#include "elf/image.h"
#include "patch/file.h"
#include "patch/patch.h"
#include "patch/print.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
	"usage: graft show FILE [--json] [--disassemble [--old OLD]]\n"
	"       graft show --core CORE [--json]\n"
	"\n"
	"Print what a hotpatch carries, where it came from, its verdicts and their\n"
	"reasons, sizes, and what the verdicts do not say. Or say of a core dump which\n"
	"hotpatches were in the process, where their code is, and who was in it.\n"
	"\n"
	"      --core CORE    look at this core dump\n"
	"      --json         print JSON\n"
	"  -d, --disassemble  print the carried code too\n"
	"      --old OLD      the build that it replaces (ELF file, directory or\n"
	"                     Debian package): print its code beside. Needed\n"
	"                     where the carried code is stored as a delta to it\n";

/** What the command line says. */
struct arguments {
	const char *path;
	const char *old_path;
	const char *core_path;
	bool json;
	bool disassemble;
};

/** See that what is said goes together. Returns the exit status, 0 if it does. */
static int
check(int argc, char **argv, const struct arguments *arguments)
{
	if (arguments->core_path &&
	    (arguments->disassemble || arguments->old_path))
		return graft_usage_wrong(argv,
					 "--core goes with nothing but --json");
	if (argc - optind < !arguments->core_path)
		return graft_usage_wrong(argv, "which hotpatch?");
	if (arguments->core_path && argc - optind > 0)
		return graft_usage_wrong(argv, "'%s' is one argument too many",
					 argv[optind]);
	if (argc - optind > 1)
		return graft_usage_wrong(argv, "'%s' is one argument too many",
					 argv[optind + 1]);
	if (arguments->json && arguments->disassemble)
		return graft_usage_wrong(
			argv, "--json and --disassemble exclude each other");
	if (arguments->old_path && !arguments->disassemble)
		return graft_usage_wrong(argv, "--old goes with --disassemble");
	return 0;
}

/** Read the command line; false: the usage or what is wrong was printed. */
static bool
parse(int argc, char **argv, struct arguments *arguments, int *status_ret)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "disassemble", no_argument, NULL, 'd' },
		{ "old", required_argument, NULL, 'o' },
		{ "core", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	optind = 0;
	for (int at;
	     (at = getopt_long(argc, argv, ":dh", options, NULL)) >= 0;) {
		switch (at) {
		case 'j':
			arguments->json = true;
			break;
		case 'd':
			arguments->disassemble = true;
			break;
		case 'o':
			arguments->old_path = optarg;
			break;
		case 'c':
			arguments->core_path = optarg;
			break;
		default:
			*status_ret = graft_usage_option(argv, at, usage);
			return false;
		}
	}
	*status_ret = check(argc, argv, arguments);
	if (*status_ret)
		return false;
	arguments->path = argv[optind];
	return true;
}

/** Open the build that a module replaces; it stays NULL if it is not there. */
static struct graft_error *
open_old(const struct graft_side *side, const struct graft_patch_module *module,
	 struct graft_image **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	const char *name;
	size_t len;

	struct graft_error *err = graft_old_read(side, module, &name, &bytes,
						 &len);
	if (err || !bytes)
		return err;
	return graft_image_open_bytes(name, bytes, len, NULL, ret);
}

/** Append the code of one module that carries some. */
static struct graft_error *
put_module(const struct graft_patch_module *module,
	   const struct graft_side *side, bool *any, struct graft_text *text)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *image = NULL;

	if (side) {
		struct graft_error *err = open_old(side, module, &image);
		if (err)
			return err;
		*any |= image != NULL;
	}
	graft_text_put(text, "\n");
	graft_text_put_safe(text, module->path);
	graft_text_put(text, side && !image ? ": its old build is not there\n"
					    : ":\n");
	if (module->lacks_code) {
		graft_text_put(text, "  its code is a delta to that\n");
		return NULL;
	}
	return graft_disassemble(module, image, text);
}

/** Append the code of every module that carries some. */
static struct graft_error *
put_code(const struct graft_patch *patch, const struct graft_side *side,
	 struct graft_text *text)
{
	bool any = false;

	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];
		if (module->verdict != GRAFT_VERDICT_HOTPATCH)
			continue;
		struct graft_error *err = put_module(module, side, &any, text);
		if (err)
			return err;
	}
	if (side && !any)
		return graft_error_new(GRAFT_ERROR_NOT_FOUND,
				       "%s: holds no file that the hotpatch "
				       "was made from",
				       side->name);
	return NULL;
}

/** Fill in the code that the hotpatch has as deltas, before it is printed. */
static struct graft_error *
complete(const struct arguments *arguments, const struct graft_side *side,
	 struct graft_patch *patch)
{
	if (side)
		return graft_old_complete(side, patch);
	if (!arguments->disassemble || !graft_old_lacking(patch))
		return NULL;
	return graft_error_new(GRAFT_ERROR_NOT_FOUND,
			       "%s: its code is stored as a delta to the old "
			       "build; name that with --old",
			       arguments->path);
}

struct graft_error *
graft_verb_show(int argc, char **argv, int *status_ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_side_closep) struct graft_side *side = NULL;
	struct arguments arguments = { 0 };
	struct graft_error *err;
	struct stat st = { 0 };

	if (!parse(argc, argv, &arguments, status_ret))
		return NULL;
	if (arguments.core_path)
		return graft_core_show(arguments.core_path, arguments.json,
				       status_ret);
	err = graft_patch_read_file(arguments.path, &patch);
	if (!err && arguments.old_path)
		err = graft_side_open(arguments.old_path, &side);
	if (!err)
		err = complete(&arguments, side, patch);
	if (err)
		return err;
	if (stat(arguments.path, &st) < 0)
		st.st_size = 0;
	if (arguments.json)
		graft_patch_print_json(patch, (uint64_t)st.st_size, &text);
	else
		graft_patch_print_text(patch, (uint64_t)st.st_size, &text);
	if (arguments.disassemble)
		err = put_code(patch, side, &text);
	if (err)
		return err;
	if (text.failed)
		return graft_error_no_memory();
	(void)fputs(graft_text_str(&text), stdout);
	*status_ret = 0;
	return NULL;
}
