// SPDX-License-Identifier: Apache-2.0

// Objects that got another name, and objects that took the place of others: here
// the names weigh more than what the code shows.

#include "diff/closure/question.h"

#include "diff/match/data.h"
#include "diff/match/names.h"

#include <string.h>

/** Take words that link-time optimisation puts behind a name off its length. */
static size_t
length_without(const char *name, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	if (len > word_len &&
	    memcmp(name + len - word_len, word, word_len) == 0)
		return len - word_len;
	return len;
}

/** What is left of a name without the function that clang puts before the name
 * of its static variables, and without what compilers put behind. */
static const char *
base_of(const char *name, size_t *len_ret)
{
	size_t len = graft_names_unnumbered(name);

	len = length_without(name, len, ".lto_priv");
	len = length_without(name, len, ".llvm");
	const char *dot = memrchr(name, '.', len);
	const char *base = dot ? dot + 1 : name;
	*len_ret = len - (size_t)(base - name);
	return base;
}

static bool
same_base(const struct graft_symbol *a, const struct graft_symbol *b)
{
	size_t a_len;
	size_t b_len;
	const char *x = base_of(a->name, &a_len);
	const char *y = base_of(b->name, &b_len);

	return a_len == b_len && memcmp(x, y, a_len) == 0;
}

/** Answer with an object of OLD that is gone, if it is the new one renamed. */
static struct graft_error *
answer_renamed(const struct graft_question *q, const struct graft_symbol *o,
	       const struct graft_symbol *n, uint64_t old_addr)
{
	if (same_base(o, n) && o->size == n->size &&
	    old_addr - o->addr == q->ref->target - n->addr) {
		graft_question_put_old(q->resolution, old_addr);
		return NULL;
	}
	return graft_closure_find(
		q->closure, graft_question_finding(q, GRAFT_FINDING_CONFLICT),
		"%.80s of the old build is gone, and nothing says whether %.80s, which has its place in the code, is it or another object",
		o->name, n->name);
}

/** Find the object that is meant if the symbols say that OLD has none. */
static const struct graft_symbol *
new_by_name(const struct graft_question *q)
{
	const struct graft_diff *diff = q->closure->diff;
	const struct graft_symbol *n = graft_image_object_at(diff->new_image,
							     q->ref->target);

	return n && graft_names_is_new(diff->names, n) ? n : NULL;
}

struct graft_error *
graft_question_settle(const struct graft_question *q, uint64_t old_addr,
		      bool *done)
{
	const struct graft_diff *diff = q->closure->diff;
	const struct graft_symbol *n = new_by_name(q);
	const struct graft_symbol *o =
		n ? graft_image_object_at(diff->old_image, old_addr) : NULL;

	*done = true;
	if (!n) {
		graft_question_put_old(q->resolution, old_addr);
		return NULL;
	}
	if (o && !graft_names_new(diff->names, o))
		return answer_renamed(q, o, n, old_addr);
	// A new one may stand where OLD has padding, and be larger than that.
	*done = false;
	return NULL;
}

struct graft_error *
graft_question_renamed(const struct graft_question *q, bool *done)
{
	const struct graft_diff *diff = q->closure->diff;
	const struct graft_symbol *n = new_by_name(q);
	const struct graft_symbol *o = NULL;
	size_t count;

	*done = false;
	if (!n)
		return NULL;
	if (q->partner && q->partner->kind == q->ref->kind)
		o = graft_image_object_at(diff->old_image, q->partner->target);
	if (o && !graft_names_new(diff->names, o)) {
		*done = true;
		return answer_renamed(q, o, n, q->partner->target);
	}
	// Other references to it must get the same answer.
	const struct graft_sighting *s =
		graft_data_map_find(diff->data, q->ref->target, &count);
	for (size_t i = 0; i < count; i++) {
		o = graft_image_object_at(diff->old_image, s[i].old_addr);
		if (!o || graft_names_new(diff->names, o))
			continue;
		*done = true;
		return answer_renamed(q, o, n, s[i].old_addr);
	}
	return NULL;
}
