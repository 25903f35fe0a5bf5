// SPDX-License-Identifier: Apache-2.0

#include "update/agreeing.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "release/differences.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** That a side says something of a release. */
struct word {
	size_t side;
	const struct graft_release *release;
};

/** What is being found out. */
struct agreeing {
	const struct graft_side *sides;
	size_t count;
	const struct graft_agreement *agreement;
	/** By id, and then by side. */
	struct word *words;
	size_t word_count;
	struct graft_agreed *ret;
};

/** Forget what was found. */
static void
forget_disagreements(struct graft_agreed *agreed)
{
	for (size_t i = 0; i < agreed->disagreement_count; i++) {
		free(agreed->disagreements[i].release);
		free(agreed->disagreements[i].repository);
		free(agreed->disagreements[i].what);
	}
	agreed->disagreement_count = 0;
	agreed->disagreements_left_out = 0;
}

/** Forget the first of those that were found. */
static void
forget_first(struct graft_agreed *agreed)
{
	struct graft_disagreement *first = agreed->disagreements;

	free(first->release);
	free(first->repository);
	free(first->what);
	agreed->disagreement_count--;
	agreed->disagreements_left_out++;
	memmove(first, first + 1, agreed->disagreement_count * sizeof(*first));
}

void
graft_agreed_deinit(struct graft_agreed *agreed)
{
	forget_disagreements(agreed);
	free(agreed->disagreements);
	// The releases are of the sides.
	free(agreed->catalogue.list);
	free(agreed->sides);
	*agreed = (struct graft_agreed){ 0 };
}

static int
compare_words(const void *a, const void *b)
{
	const struct word *one = a;
	const struct word *other = b;
	const int ids = strcmp(one->release->id, other->release->id);

	return ids ? ids
		   : (one->side > other->side) - (one->side < other->side);
}

/** Gather what sides say. @param[in] last The last side that is heard, and one. */
GRAFT_MUST_CHECK static struct graft_error *
gather(struct agreeing *agreeing, size_t last)
{
	size_t count = 0;

	for (size_t i = 0; i < last; i++)
		count += agreeing->sides[i].catalogue.count;
	agreeing->word_count = 0;
	free(agreeing->words);
	agreeing->words = calloc(count + 1, sizeof(*agreeing->words));
	if (!agreeing->words)
		return graft_error_no_memory();
	for (size_t i = 0; i < last; i++) {
		const struct graft_catalogue *one =
			&agreeing->sides[i].catalogue;
		for (size_t k = 0; !agreeing->sides[i].left && k < one->count;
		     k++)
			agreeing->words[agreeing->word_count++] =
				(struct word){ i, one->list[k] };
	}
	qsort(agreeing->words, agreeing->word_count, sizeof(struct word),
	      compare_words);
	return NULL;
}

/** Note that a side does not say what counts. */
GRAFT_PRINTF(4)
GRAFT_MUST_CHECK static struct graft_error *
disagree(struct agreeing *agreeing, const char *id, size_t side,
	 const char *fmt, ...)
{
	struct graft_agreed *ret = agreeing->ret;
	struct graft_error *err = graft_vec_reserve(
		&ret->disagreements, &ret->disagreement_cap,
		ret->disagreement_count + 1, sizeof(*ret->disagreements));
	va_list args;

	if (err)
		return err;
	if (ret->disagreement_count == GRAFT_DISAGREEMENTS_MAX)
		forget_first(ret);
	struct graft_disagreement *one =
		&ret->disagreements[ret->disagreement_count++];
	*one = (struct graft_disagreement){
		.release = strdup(id),
		.repository = strdup(agreeing->sides[side].name),
	};
	va_start(args, fmt);
	if (vasprintf(&one->what, fmt, args) < 0)
		one->what = NULL;
	va_end(args);
	return one->release && one->repository && one->what
		       ? NULL
		       : graft_error_no_memory();
}

/** Let a release count. There is room. */
static void
let_count(struct agreeing *agreeing, const struct word *word)
{
	struct graft_agreed *ret = agreeing->ret;

	ret->sides[ret->catalogue.count] = word->side;
	ret->catalogue.list[ret->catalogue.count++] =
		(struct graft_release *)word->release;
}

/** Get who decides the line of a release alone; SIZE_MAX: nobody. */
static size_t
decider(const struct agreeing *agreeing, const struct word *word)
{
	return agreeing->agreement->deciders[word->release->line];
}

/** Note who says otherwise than what counts. */
GRAFT_MUST_CHECK static struct graft_error *
note_others(struct agreeing *agreeing, const struct word *words, size_t count,
	    const struct word *counting)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text differences = { 0 };
		bool same = true;
		if (&words[i] != counting)
			err = graft_release_compare(counting->release,
						    words[i].release, &same,
						    &differences);
		if (!err && !same)
			err = disagree(
				agreeing, words[i].release->id, words[i].side,
				"describes it otherwise (%.200s); what %s says counts",
				graft_text_str(&differences),
				agreeing->sides[counting->side].name);
	}
	return err;
}

/** Find the one who decides about a release alone. @param[out] ret NULL: there is none. */
GRAFT_MUST_CHECK static struct graft_error *
find_alone(const struct agreeing *agreeing, const struct word *words,
	   size_t count, const struct word **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < count; i++) {
		if (decider(agreeing, &words[i]) != words[i].side)
			continue;
		if (*ret)
			return graft_error_new(
				GRAFT_ERROR_DIFFERENT,
				"%s: %s and %s each have a release that is "
				"called so, of a line that they decide: "
				"nothing is done",
				words[i].release->id,
				agreeing->sides[(*ret)->side].name,
				agreeing->sides[words[i].side].name);
		*ret = &words[i];
	}
	return NULL;
}

/** Decide about a release that all must describe. */
GRAFT_MUST_CHECK static struct graft_error *
ask_all(struct agreeing *agreeing, const struct word *words, size_t count)
{
	const char *id = words[0].release->id;
	size_t heard = 0;
	struct graft_error *err = NULL;

	for (size_t side = 0; !err && side < agreeing->count; side++) {
		GRAFT_CLEANUP(graft_text_deinit)
		struct graft_text differences = { 0 };
		size_t i = 0;
		bool same = true;
		while (i < count && words[i].side != side)
			i++;
		if (i == count) {
			err = disagree(agreeing, id, side, "does not list it");
			continue;
		}
		if (decider(agreeing, &words[i]) != SIZE_MAX) {
			err = disagree(
				agreeing, id, side,
				"calls it %s, which %s alone decides",
				graft_release_line_name(words[i].release->line),
				agreeing->sides[decider(agreeing, &words[i])]
					.name);
			continue;
		}
		heard++;
		err = graft_release_compare(words[0].release, words[i].release,
					    &same, &differences);
		if (!err && !same)
			err = graft_error_new(
				GRAFT_ERROR_DIFFERENT,
				"%s: the repositories %s and %s do not say the "
				"same of it (%.200s): nothing is done",
				id, agreeing->sides[words[0].side].name,
				agreeing->sides[side].name,
				graft_text_str(&differences));
	}
	if (!err && heard == agreeing->count)
		let_count(agreeing, &words[0]);
	return err;
}

/** Decide about a release of which the first word counts. */
GRAFT_MUST_CHECK static struct graft_error *
ask_first(struct agreeing *agreeing, const struct word *words, size_t count)
{
	size_t i = 0;

	// Who has no say in the line is not heard.
	while (decider(agreeing, &words[i]) != SIZE_MAX)
		i++;
	let_count(agreeing, &words[i]);
	return note_others(agreeing, words, count, &words[i]);
}

/** Note a release that none lists who decides about it. */
GRAFT_MUST_CHECK static struct graft_error *
note_unheard(struct agreeing *agreeing, const struct word *words, size_t count)
{
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < count; i++)
		err = disagree(
			agreeing, words[i].release->id, words[i].side,
			"lists it as %s, and only %s decides about such",
			graft_release_line_name(words[i].release->line),
			agreeing->sides[decider(agreeing, &words[i])].name);
	return err;
}

/** Say whether anybody may be heard of a release. */
static bool
is_heard(const struct agreeing *agreeing, const struct word *words,
	 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (decider(agreeing, &words[i]) == SIZE_MAX)
			return true;
	}
	return false;
}

/** Decide about one release. */
GRAFT_MUST_CHECK static struct graft_error *
decide(struct agreeing *agreeing, const struct word *words, size_t count)
{
	const struct word *alone;
	struct graft_error *err = find_alone(agreeing, words, count, &alone);

	if (err)
		return err;
	if (alone) {
		let_count(agreeing, alone);
		return note_others(agreeing, words, count, alone);
	}
	if (!is_heard(agreeing, words, count))
		return note_unheard(agreeing, words, count);
	return agreeing->agreement->first ? ask_first(agreeing, words, count)
					  : ask_all(agreeing, words, count);
}

/** Decide about all of them. @param[in] last As for gather(). */
GRAFT_MUST_CHECK static struct graft_error *
decide_all(struct agreeing *agreeing, size_t last)
{
	struct graft_agreed *ret = agreeing->ret;
	struct graft_error *err = gather(agreeing, last);

	if (err)
		return err;
	forget_disagreements(ret);
	free(ret->sides);
	free(ret->catalogue.list);
	ret->catalogue = (struct graft_catalogue){ 0 };
	ret->sides = calloc(agreeing->word_count + 1, sizeof(*ret->sides));
	ret->catalogue.list = calloc(agreeing->word_count + 1,
				     sizeof(*ret->catalogue.list));
	if (!ret->sides || !ret->catalogue.list)
		return graft_error_no_memory();
	for (size_t i = 0, n; !err && i < agreeing->word_count; i += n) {
		const struct word *at = &agreeing->words[i];
		for (n = 1; i + n < agreeing->word_count; n++) {
			if (strcmp(at[n].release->id, at->release->id) != 0)
				break;
		}
		err = decide(agreeing, at, n);
	}
	// It stays in the order of ids, and so the sides stay beside it.
	return err ? err : graft_catalogue_check(&ret->catalogue, false);
}

/** Errors of sides. */
struct reasons {
	struct graft_error **list;
	size_t count;
};

static void
reasons_deinit(struct reasons *reasons)
{
	for (size_t i = 0; reasons->list && i < reasons->count; i++)
		graft_error_free(reasons->list[i]);
	free(reasons->list);
}

/**
 * Let sides be heard one after the other: whoever breaks a rule together with those before him is
 * not, and keeps nobody else from being heard.
 */
GRAFT_MUST_CHECK static struct graft_error *
hear_in_turn(struct agreeing *agreeing, struct graft_side *sides)
{
	GRAFT_CLEANUP(reasons_deinit)
	struct reasons reasons = {
		.list = calloc(agreeing->count + 1,
			       sizeof(struct graft_error *)),
		.count = agreeing->count,
	};
	struct graft_error *err = NULL;

	if (!reasons.list)
		return graft_error_no_memory();
	for (size_t i = 0; i < agreeing->count; i++) {
		struct graft_error *wrong = decide_all(agreeing, i + 1);
		if (wrong && graft_error_kind(wrong) == GRAFT_KIND_FAULT)
			return wrong;
		reasons.list[i] = wrong;
		sides[i].left = sides[i].left || wrong;
	}
	err = decide_all(agreeing, agreeing->count);
	for (size_t i = 0; !err && i < agreeing->count; i++) {
		if (reasons.list[i])
			err = disagree(agreeing, "catalogue", i,
				       "is not heard: %.400s",
				       graft_error_message(reasons.list[i]));
	}
	return err;
}

/** Decide by whoever comes first. */
GRAFT_MUST_CHECK static struct graft_error *
decide_first(struct agreeing *agreeing, struct graft_side *sides)
{
	// A release of one may need one of another that comes later.
	struct graft_error *err = decide_all(agreeing, agreeing->count);

	if (!err || graft_error_kind(err) == GRAFT_KIND_FAULT)
		return err;
	struct graft_error *again = hear_in_turn(agreeing, sides);
	if (!again && agreeing->word_count) {
		graft_error_free(err);
		return NULL;
	}
	graft_error_free(again);
	return err;
}

/** Say of what is disputed whether it counts. */
static void
mark_counting(struct graft_agreed *agreed)
{
	for (size_t i = 0; i < agreed->disagreement_count; i++) {
		struct graft_disagreement *one = &agreed->disagreements[i];
		one->counts = graft_catalogue_find(&agreed->catalogue,
						   one->release) != NULL;
	}
}

struct graft_error *
graft_agree(const struct graft_side *sides, size_t count,
	    const struct graft_agreement *agreement, struct graft_agreed *ret)
{
	GRAFT_FREE struct graft_side *heard = calloc(count + 1, sizeof(*heard));
	struct agreeing agreeing = {
		.sides = heard,
		.count = count,
		.agreement = agreement,
		.ret = ret,
	};

	if (!heard)
		return graft_error_no_memory();
	if (count)
		memcpy(heard, sides, count * sizeof(*heard));
	struct graft_error *err = agreement->first
					  ? decide_first(&agreeing, heard)
					  : decide_all(&agreeing, count);
	free(agreeing.words);
	if (!err)
		mark_counting(ret);
	return err;
}
