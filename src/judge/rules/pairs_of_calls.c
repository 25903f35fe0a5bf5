// SPDX-License-Identifier: Apache-2.0

// acquire/release pairs. A function that took a lock and left it to
// another to release must go on doing so while a caller sits between the two.
// So of each pair a changed function calls in NEW either both halves, or those
// that it called in OLD and as often.

#include "judge/rules/checks.h"

#include "base/vec.h"
#include "judge/flow/halves.h"

#include <string.h>

/** A pair that somebody calls. */
struct family {
	/** Name without its ending, @ref len bytes. */
	const char *stem;
	size_t len;
	/** Each side (OLD, NEW), each half: how often it is called. */
	uint32_t calls[2][3];
};

struct families {
	struct family *list;
	size_t count;
	size_t cap;
};

static struct graft_error *
add_call(struct families *families, const char *name, int side)
{
	size_t len = 0;
	enum graft_half half = graft_half_of(name, &len);

	if (half == GRAFT_HALF_NONE)
		return NULL;
	for (size_t i = 0; i < families->count; i++) {
		struct family *family = &families->list[i];
		if (family->len == len && !memcmp(family->stem, name, len)) {
			family->calls[side][half]++;
			return NULL;
		}
	}
	struct graft_error *err =
		graft_vec_reserve(&families->list, &families->cap,
				  families->count + 1, sizeof(*families->list));
	if (err)
		return err;
	struct family *family = &families->list[families->count++];
	*family = (struct family){ .stem = name, .len = len };
	family->calls[side][half]++;
	return NULL;
}

static struct graft_error *
add_calls(struct families *families, const struct graft_ops *ops, int side)
{
	for (uint32_t i = 0; i < ops->count; i++) {
		const struct graft_op *op = &ops->ops[i];
		const char *name = graft_name_called(ops, op);
		if (!name)
			continue;
		struct graft_error *err = add_call(families, name, side);
		if (err)
			return err;
	}
	return NULL;
}

static struct graft_error *
judge_family(struct graft_case *c, const struct graft_twin *twin,
	     const struct family *family)
{
	const uint32_t *was = family->calls[0];
	const uint32_t *is = family->calls[1];
	bool acquire = !was[GRAFT_HALF_ACQUIRE] != !is[GRAFT_HALF_ACQUIRE];
	bool release = !was[GRAFT_HALF_RELEASE] != !is[GRAFT_HALF_RELEASE];
	bool half = !is[GRAFT_HALF_ACQUIRE] != !is[GRAFT_HALF_RELEASE];

	// Where there is only one half, each call has its other elsewhere.
	if (half && !acquire && !release) {
		acquire = was[GRAFT_HALF_ACQUIRE] != is[GRAFT_HALF_ACQUIRE];
		release = was[GRAFT_HALF_RELEASE] != is[GRAFT_HALF_RELEASE];
	}
	if (acquire == release)
		return NULL;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[0].addr);
	enum graft_half changed = acquire ? GRAFT_HALF_ACQUIRE
					  : GRAFT_HALF_RELEASE;
	bool added = is[changed] > was[changed];
	return graft_case_refuse(
		c, GRAFT_RULE_PAIRS, where.str,
		"a call that %s %.*s was %s and the other half of the pair was not: a caller that is between the two halves would see one of each build",
		acquire ? "acquires" : "releases",
		family->len ? (int)family->len : 10,
		family->len ? family->stem : "the object",
		added ? "added" : "removed");
}

struct graft_error *
graft_check_pairs(struct graft_case *c, const struct graft_twin *twin)
{
	struct families families = { 0 };

	struct graft_error *err = add_calls(&families, &twin->old_ops, 0);
	if (!err)
		err = add_calls(&families, &twin->new_ops, 1);
	for (size_t i = 0; !err && i < families.count; i++)
		err = judge_family(c, twin, &families.list[i]);
	free(families.list);
	return err;
}
