// SPDX-License-Identifier: Apache-2.0

#include "judge/types/types.h"

#include "judge/rules/checks.h"
#include "judge/types/state.h"

#include <stdio.h>
#include <string.h>

/** Open and scan one side; NULL if it has nothing that can be read. */
static struct graft_error *
open_side(struct graft_case *c, const struct graft_image *image,
	  const char *side, struct graft_dwarf **ret)
{
	GRAFT_CLEANUP(graft_dwarf_closep) struct graft_dwarf *dwarf = NULL;
	struct graft_error *err = graft_dwarf_open(image, &dwarf);

	if (!err)
		err = graft_dwarf_scan(dwarf);
	if (!err) {
		*ret = GRAFT_TAKE(dwarf);
		return NULL;
	}
	if (graft_error_kind(err) != GRAFT_KIND_INPUT)
		return err;
	struct graft_error *failed = graft_case_note(
		c, GRAFT_RULE_LAYOUT, side,
		"types cannot be read, decided from code instead: %s",
		graft_error_message(err));
	graft_error_free(err);
	return failed;
}

static struct graft_error *
open_both(struct graft_case *c, struct graft_types *types)
{
	const struct graft_diff *diff = c->diff;
	bool old_has = graft_image_has_dwarf(diff->old_image);
	bool new_has = graft_image_has_dwarf(diff->new_image);

	const char *fault = graft_image_debug_fault(old_has ? diff->new_image
							    : diff->old_image);
	if ((!old_has || !new_has) && fault)
		return graft_case_note(
			c, GRAFT_RULE_LAYOUT, old_has ? "NEW" : "OLD",
			"types are not compared, decided from code instead: %s",
			fault);
	if (!old_has && !new_has)
		return NULL;
	if (!old_has || !new_has)
		return graft_case_note(
			c, GRAFT_RULE_LAYOUT, old_has ? "NEW" : "OLD",
			"it has no debug information, so that types are not compared: decided from code instead");
	struct graft_error *err = open_side(c, diff->old_image, "OLD",
					    &types->old_dwarf);
	if (!err && types->old_dwarf)
		err = open_side(c, diff->new_image, "NEW", &types->new_dwarf);
	if (err || !types->new_dwarf)
		return err;
	err = graft_subject_index_make(types->old_dwarf, &types->old_names);
	if (!err)
		err = graft_subject_index_make(types->new_dwarf,
					       &types->new_names);
	return err;
}

static struct graft_error *
compare(struct graft_types_state *state)
{
	struct graft_types *types = state->types;
	struct graft_comparer *comparer = &state->comparer;
	struct graft_error *err = graft_types_check_exports(state);

	if (!err)
		err = graft_types_add_functions(state);
	if (!err)
		err = graft_types_add_variables(state);
	// So that a reason says how carried code reaches a type, if it does.
	if (!err)
		err = graft_comparer_run(comparer);
	if (!err)
		err = graft_types_check_units(state);
	if (!err)
		err = graft_comparer_run(comparer);
	if (err)
		return err;
	types->same = comparer->differences == 0;
	if (comparer->unknown)
		return graft_types_gap(
			state, "debug information",
			"some types of it are not understood: decided from code instead");
	return NULL;
}

struct graft_error *
graft_check_types(struct graft_case *c)
{
	GRAFT_CLEANUP(graft_types_freep)
	struct graft_types *types = calloc(1, sizeof(*types));

	if (!types)
		return graft_error_no_memory();
	struct graft_error *err = open_both(c, types);
	if (err || !types->new_dwarf)
		return err;
	types->complete = true;
	types->aligns = true;
	struct graft_types_state state = {
		.c = c,
		.types = types,
		.comparer = {
			.c = c,
			.old_dwarf = types->old_dwarf,
			.new_dwarf = types->new_dwarf,
			.arrays = graft_types_has_arrays(c),
		},
	};
	// The same code: only data may differ.
	err = graft_diff_is_identical(c->diff)
		      ? graft_types_add_variables(&state)
		      : compare(&state);
	graft_comparer_deinit(&state.comparer);
	free(state.units);
	// Debug information that lies is no reason to fail.
	if (err && graft_error_kind(err) == GRAFT_KIND_INPUT) {
		struct graft_error *failed = graft_case_note(
			c, GRAFT_RULE_LAYOUT, "debug information",
			"types cannot be compared, decided from code instead: %s",
			graft_error_message(err));
		graft_error_free(err);
		return failed;
	}
	if (!err)
		c->types = GRAFT_TAKE(types);
	return err;
}

void
graft_types_free(struct graft_types *types)
{
	if (!types)
		return;
	graft_subject_index_deinit(&types->old_names);
	graft_subject_index_deinit(&types->new_names);
	graft_dwarf_close(types->old_dwarf);
	graft_dwarf_close(types->new_dwarf);
	free(types);
}

bool
graft_types_rule_out_layout(const struct graft_case *c)
{
	return c->types && c->types->complete && c->types->same &&
	       c->types->all_same;
}

bool
graft_types_rule_out_align(const struct graft_case *c)
{
	return graft_types_rule_out_layout(c) && c->types->aligns;
}

bool
graft_types_describe(const struct graft_case *c)
{
	return c->types && c->types->complete;
}

bool
graft_types_prove(const struct graft_case *c)
{
	return graft_types_describe(c) && !c->types->cast_is_new;
}
