// SPDX-License-Identifier: Apache-2.0

#include "diff/diff.h"

#include "base/vec.h"
#include "diff/change/change.h"
#include "diff/closure/closure.h"
#include "diff/constant/constants.h"
#include "diff/match/align.h"
#include "diff/match/data.h"
#include "diff/match/match.h"
#include "diff/match/names.h"
#include "diff/unwind/frames.h"

#include <string.h>

/** Decode both sides and make room for what will be known of them. */
static struct graft_error *
begin(struct graft_diff *diff)
{
	struct graft_error *err = graft_code_make(diff->old_image,
						  &diff->old_code);
	if (!err)
		err = graft_code_make(diff->new_image, &diff->new_code);
	if (!err)
		err = graft_names_make(diff->old_image, diff->new_image,
				       &diff->names);
	if (!err)
		err = graft_constants_make(&diff->constants);
	if (err)
		return err;
	diff->data = calloc(1, sizeof(*diff->data));
	diff->old_match = calloc(diff->old_code->func_count + 1,
				 sizeof(*diff->old_match));
	diff->new_match = calloc(diff->new_code->func_count + 1,
				 sizeof(*diff->new_match));
	if (!diff->data || !diff->old_match || !diff->new_match)
		return graft_error_no_memory();
	return NULL;
}

struct graft_error *
graft_diff_make(const struct graft_image *old_image,
		const struct graft_image *new_image, struct graft_diff **ret)
{
	const struct graft_diff_options options = { .carry_lines = false };

	return graft_diff_make_with(old_image, new_image, &options, ret);
}

struct graft_error *
graft_diff_make_with(const struct graft_image *old_image,
		     const struct graft_image *new_image,
		     const struct graft_diff_options *options,
		     struct graft_diff **ret)
{
	const char *old_version = options->old_version;
	const char *new_version = options->new_version;
	GRAFT_CLEANUP(graft_diff_freep)
	struct graft_diff *diff = calloc(1, sizeof(*diff));
	if (!diff)
		return graft_error_no_memory();
	diff->old_image = old_image;
	diff->new_image = new_image;
	diff->left_main = GRAFT_NONE;
	diff->carry_lines = options->carry_lines;
	// An empty version would match everywhere.
	if (old_version && new_version && old_version[0] && new_version[0]) {
		diff->old_version = old_version;
		diff->new_version = new_version;
	}

	struct graft_error *err = begin(diff);
	if (!err)
		err = graft_match_make(diff);
	if (!err)
		err = graft_change_find_lines(diff);
	if (!err)
		err = graft_data_map_fill(diff);
	if (!err)
		err = graft_change_find(diff);
	if (!err)
		err = graft_closure_make(diff);
	if (err)
		return graft_error_prefix(err, "%s",
					  graft_image_path(new_image));
	*ret = GRAFT_TAKE(diff);
	return NULL;
}

void
graft_diff_free(struct graft_diff *diff)
{
	if (!diff)
		return;
	for (size_t i = 0; i < diff->finding_count; i++)
		free(diff->findings[i].text);
	free(diff->findings);
	free(diff->entries);
	free(diff->pointers);
	free(diff->pieces);
	free(diff->resolutions);
	free(diff->carried);
	free(diff->new_match);
	free(diff->old_match);
	if (diff->data) {
		free(diff->data->sightings);
		free(diff->data->by_old);
	}
	free(diff->data);
	graft_frames_free(diff->frames);
	graft_constants_free(diff->constants);
	graft_names_free(diff->names);
	graft_code_free(diff->new_code);
	graft_code_free(diff->old_code);
	free(diff);
}

bool
graft_diff_is_identical(const struct graft_diff *diff)
{
	return diff->carried_count == 0 && diff->finding_count == 0;
}

static uint64_t *
hashes_of(const struct graft_code *code, uint32_t func)
{
	const struct graft_func *f = &code->funcs[func];
	uint64_t *hashes = calloc((size_t)f->insn_count + 1, sizeof(*hashes));

	for (uint32_t i = 0; hashes && i < f->insn_count; i++)
		hashes[i] = code->insns[f->first_insn + i].hash;
	return hashes;
}

bool
graft_insn_pair_refs(const struct graft_diff *diff,
		     const struct graft_insn_pair *pair, uint32_t *old_ret,
		     uint32_t *new_ret)
{
	*old_ret = diff->old_code->insns[pair->old_insn].ref;
	*new_ret = diff->new_code->insns[pair->new_insn].ref;
	return pair->equal && *old_ret != GRAFT_NONE && *new_ret != GRAFT_NONE;
}

struct graft_error *
graft_diff_align(const struct graft_diff *diff, uint32_t old_func,
		 uint32_t new_func, struct graft_insn_pair **ret,
		 size_t *count_ret)
{
	const struct graft_func *of = &diff->old_code->funcs[old_func];
	const struct graft_func *nf = &diff->new_code->funcs[new_func];
	GRAFT_FREE uint64_t *a = hashes_of(diff->old_code, old_func);
	GRAFT_FREE uint64_t *b = hashes_of(diff->new_code, new_func);
	GRAFT_FREE struct graft_align_pair *same = NULL;
	GRAFT_FREE struct graft_insn_pair *pairs = NULL;
	size_t same_count = 0;
	size_t count = 0;

	if (!a || !b)
		return graft_error_no_memory();
	struct graft_error *err = graft_align(
		a, of->insn_count, b, nf->insn_count, &same, &same_count);
	if (err)
		return err;
	pairs = calloc((size_t)nf->insn_count + 1, sizeof(*pairs));
	if (!pairs)
		return graft_error_no_memory();
	uint32_t i = 0;
	uint32_t j = 0;
	for (size_t k = 0; k <= same_count; k++) {
		uint32_t i_end = k < same_count ? same[k].a : of->insn_count;
		uint32_t j_end = k < same_count ? same[k].b : nf->insn_count;
		bool paired = i_end - i == j_end - j;
		for (; paired && i < i_end; i++, j++)
			pairs[count++] = (struct graft_insn_pair){
				of->first_insn + i, nf->first_insn + j, false
			};
		if (k < same_count)
			pairs[count++] = (struct graft_insn_pair){
				of->first_insn + i_end, nf->first_insn + j_end,
				true
			};
		i = i_end + 1;
		j = j_end + 1;
	}
	*ret = GRAFT_TAKE(pairs);
	*count_ret = count;
	return NULL;
}
