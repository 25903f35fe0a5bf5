// SPDX-License-Identifier: Apache-2.0

#include "cmd/compare.h"

#include "base/limits.h"
#include "base/text.h"
#include "diff/diff.h"
#include "diff/input/pairs.h"
#include "elf/image.h"
#include "explain/explain.h"
#include "judge/judge.h"
#include "patch/delta.h"
#include "patch/immediate.h"
#include "patch/patch.h"

#include <string.h>

/** Copy a string; NULL stays NULL. */
static struct graft_error *
copy_string(const char *str, char **ret)
{
	if (!str)
		return NULL;
	*ret = strdup(str);
	return *ret ? NULL : graft_error_no_memory();
}

/** Copy a string from a file so that it can be shown and stored. */
static struct graft_error *
copy_safe(const char *str, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };

	graft_text_put_safe(&text, str);
	return graft_text_take(&text, ret);
}

/** Make a module `baseline` for one reason. */
static struct graft_error *
refuse(struct graft_patch_module *module, const char *rule, const char *where,
       const char *text)
{
	struct graft_error *err;

	module->verdict = GRAFT_VERDICT_BASELINE;
	module->reasons = calloc(1, sizeof(*module->reasons));
	if (!module->reasons)
		return graft_error_no_memory();
	module->reason_count = 1;
	err = copy_string(rule, &module->reasons[0].rule);
	if (!err)
		err = copy_string(where, &module->reasons[0].where);
	if (!err)
		err = copy_safe(text, &module->reasons[0].text);
	return err;
}

/** Open one side of a pair. */
static struct graft_error *
open_image(const struct graft_tree *tree, const struct graft_tree_file *file,
	   const struct graft_compare_options *options,
	   struct graft_image **ret)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_error *err;
	size_t len = 0;

	err = options->read
		      ? options->read(options->read_arg, tree, &bytes, &len)
		      : graft_tree_read(tree, file, &bytes, &len);
	if (!err)
		err = graft_image_open_bytes(
			tree->kind == GRAFT_TREE_FILE ? tree->name : file->path,
			bytes, len, options->search, ret);
	if (err && tree->kind != GRAFT_TREE_FILE)
		return graft_error_prefix(err, "%s", tree->name);
	return err;
}

/** Say what a module is: its soname, build-ids and hashes. */
static struct graft_error *
identify(const struct graft_image *old_image,
	 const struct graft_image *new_image, struct graft_patch_module *module)
{
	const struct graft_image *any = new_image ? new_image : old_image;
	const uint8_t *id;

	if (old_image) {
		id = graft_image_build_id(old_image, &module->old_build_id_len);
		if (module->old_build_id_len)
			memcpy(module->old_build_id, id,
			       module->old_build_id_len);
	}
	if (new_image) {
		id = graft_image_build_id(new_image, &module->new_build_id_len);
		if (module->new_build_id_len)
			memcpy(module->new_build_id, id,
			       module->new_build_id_len);
	}
	if (module->soname || !graft_image_soname(any))
		return NULL;
	return copy_safe(graft_image_soname(any), &module->soname);
}

/** Get a package's version as its programs print it: without the epoch. */
static const char *
printed_version(const struct graft_tree *tree)
{
	const char *colon = tree->version ? strchr(tree->version, ':') : NULL;

	return colon ? colon + 1 : tree->version;
}

/** Compare and judge two images. */
static struct graft_error *
judge_images(const struct graft_pairs *pairs,
	     const struct graft_compare_options *options,
	     const struct graft_image *old_image,
	     const struct graft_image *new_image,
	     struct graft_patch_module *module)
{
	const struct graft_diff_options how = {
		.old_version = printed_version(pairs->old_tree),
		.new_version = printed_version(pairs->new_tree),
		.carry_lines = options->carry_lines,
	};
	GRAFT_CLEANUP(graft_diff_freep) struct graft_diff *diff = NULL;
	GRAFT_CLEANUP(graft_verdict_result_deinit)
	struct graft_verdict_result result = { 0 };
	bool refused;

	struct graft_error *err = graft_judge_runtime(old_image, new_image,
						      &refused, &result);
	if (!err && !refused)
		err = graft_diff_make_with(old_image, new_image, &how, &diff);
	if (!err && diff)
		err = graft_judge(diff, &result);
	if (!err && diff && options->explanation)
		err = graft_explain_module(
			diff,
			&options->explanation
				 ->modules[options->explanation->count - 1]);
	if (err)
		return err;
	module->verdict = result.verdict;
	module->assurance = result.assurance;
	if (result.verdict == GRAFT_VERDICT_HOTPATCH) {
		err = graft_diff_emit(diff, module);
		if (err)
			return err;
	} else if (diff) {
		graft_diff_describe(diff, module);
		module->counts.carried = 0;
	}
	module->reasons = GRAFT_TAKE(result.reasons);
	module->reason_count = result.reason_count;
	result.reason_count = 0;
	module->immediate = result.immediate;
	module->immediate_why = GRAFT_TAKE(result.immediate_why);
	return NULL;
}

/** Say whether an error is about the input alone, and judge the pair by it. */
static struct graft_error *
take_input_error(const struct graft_pairs *pairs, bool same,
		 struct graft_patch_module *module, struct graft_error *err)
{
	if (!err || !module->path || pairs->old_tree->kind == GRAFT_TREE_FILE ||
	    graft_error_kind(err) != GRAFT_KIND_INPUT)
		return err;
	// The same bytes on both sides need no reading.
	if (same) {
		graft_error_free(err);
		return NULL;
	}
	struct graft_error *failed = refuse(module, "R-01", module->path,
					    graft_error_message(err));
	graft_error_free(err);
	return failed;
}

/** Store the code of a hotpatch as a delta, if that is smaller. */
static struct graft_error *
make_delta(const struct graft_image *old_image,
	   struct graft_patch_module *module)
{
	size_t len;
	const uint8_t *file = graft_image_file(old_image, &len);

	return graft_delta_make(module, file, len);
}

/** Fill the module of one pair. */
static struct graft_error *
compare_pair(const struct graft_pairs *pairs, const struct graft_pair *pair,
	     const struct graft_compare_options *options,
	     struct graft_patch_module *module)
{
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *old_image = NULL;
	GRAFT_CLEANUP(graft_image_closep) struct graft_image *new_image = NULL;
	struct graft_error *err;

	err = copy_safe(graft_pair_path(pair), &module->path);
	if (err)
		return err;
	if (pair->old_file)
		memcpy(module->old_sha256, pair->old_file->sha256,
		       sizeof(module->old_sha256));
	if (pair->new_file)
		memcpy(module->new_sha256, pair->new_file->sha256,
		       sizeof(module->new_sha256));

	if (pair->old_file)
		err = open_image(pairs->old_tree, pair->old_file, options,
				 &old_image);
	if (!err && pair->new_file && !pair->same)
		err = open_image(pairs->new_tree, pair->new_file, options,
				 &new_image);
	if (!err)
		err = identify(old_image, pair->same ? old_image : new_image,
			       module);
	if (!err && !pair->new_file)
		return refuse(module, "R-08", module->path,
			      "NEW does not have this file");
	if (!err && !pair->same)
		err = judge_images(pairs, options, old_image, new_image,
				   module);
	if (!err && options->delta && module->verdict == GRAFT_VERDICT_HOTPATCH)
		err = make_delta(old_image, module);
	return take_input_error(pairs, pair->same, module, err);
}

/** Say whether a pair is one that was compared already, under other names. */
static bool
is_twin(const struct graft_patch *patch, const struct graft_pair *pair)
{
	for (size_t i = 0; pair->new_file && i < patch->module_count; i++) {
		const struct graft_patch_module *module = &patch->modules[i];

		if (memcmp(module->old_sha256, pair->old_file->sha256,
			   sizeof(module->old_sha256)) == 0 &&
		    memcmp(module->new_sha256, pair->new_file->sha256,
			   sizeof(module->new_sha256)) == 0)
			return true;
	}
	return false;
}

/** Name the hotpatch after what it was made from. */
static struct graft_error *
describe(const struct graft_pairs *pairs,
	 const struct graft_compare_options *options, struct graft_patch *patch)
{
	const struct graft_tree *new_tree = pairs->new_tree;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	const char *package = new_tree->package;
	const char *old_version = pairs->old_tree->version;
	const char *new_version = new_tree->version;
	struct graft_error *err = NULL;

	if (options->package) {
		package = options->package;
		old_version = options->old_version;
		new_version = options->new_version;
	}
	if (options->title)
		graft_text_put_safe(&text, options->title);
	else if (package && old_version)
		graft_text_printf(&text, "%s %s -> %s", package, old_version,
				  new_version);
	free(patch->title);
	patch->title = NULL;
	err = graft_text_take(&text, &patch->title);
	if (!err && !patch->toolchain)
		err = copy_string("graft " GRAFT_VERSION, &patch->toolchain);
	if (!err && package && old_version) {
		err = copy_safe(package, &patch->package);
		if (!err)
			err = copy_safe(old_version, &patch->old_version);
		if (!err)
			err = copy_safe(new_version, &patch->new_version);
	}
	if (err || !options->cve_count)
		return err;
	patch->cves = calloc(options->cve_count, sizeof(*patch->cves));
	if (!patch->cves)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < options->cve_count; i++) {
		err = copy_safe(options->cves[i], &patch->cves[i]);
		patch->cve_count += !err;
	}
	return err;
}

/** Add a module for each pair of files. @param[in] before Pairs of earlier trees. */
static struct graft_error *
compare_pairs(const struct graft_pairs *pairs, size_t before, size_t total,
	      const struct graft_compare_options *options,
	      struct graft_patch *patch)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < pairs->count; i++) {
		const struct graft_pair *pair = &pairs->pairs[i];
		if (!pair->old_file || is_twin(patch, pair))
			continue;
		if (patch->module_count >= GRAFT_LIMIT_MODULES)
			return graft_error_new(GRAFT_ERROR_LIMIT,
					       "more than %zu programs and "
					       "libraries",
					       (size_t)GRAFT_LIMIT_MODULES);
		if (options->progress)
			options->progress(options->progress_arg,
					  graft_pair_path(pair), before + i,
					  total);
		err = options->explanation
			      ? graft_explain_add(options->explanation)
			      : NULL;
		if (!err)
			err = compare_pair(
				pairs, pair, options,
				&patch->modules[patch->module_count++]);
	}
	return err;
}

struct graft_error *
graft_compare(struct graft_pairs *const *all, size_t count,
	      const struct graft_compare_options *options,
	      struct graft_patch **ret)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	struct graft_error *err;
	size_t total = 0;
	size_t before = 0;

	err = graft_patch_new(&patch);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		total += all[i]->count;
	patch->modules = calloc(total + 1, sizeof(*patch->modules));
	if (!patch->modules)
		return graft_error_no_memory();
	for (size_t i = 0; !err && i < count; i++) {
		err = compare_pairs(all[i], before, total, options, patch);
		before += all[i]->count;
	}
	if (err)
		return err;
	graft_patch_limit_immediate(patch);
	err = describe(all[0], options, patch);
	if (!err)
		err = graft_patch_check(patch);
	if (err)
		return err;
	*ret = GRAFT_TAKE(patch);
	return NULL;
}
