// SPDX-License-Identifier: Apache-2.0

// R-24 where the number of a row is kept: code reads a row of a constant table by
// an index that it finds in memory, and rows of the table stand elsewhere than
// they did. What OLD left there names another row in NEW. A row that says
// something else where it stood is no such thing.

#include "judge/flow/kept_index.h"
#include "judge/data/moved_rows.h"
#include "judge/rules/checks.h"

#include "diff/constant/constant.h"
#include "diff/diff.h"

/** Find the read of OLD that stands for one of NEW: by the alignment, or the only
 * one of rows of that length. */
static const struct graft_kept_index *
find_old(const struct graft_twin *twin, const struct graft_kept_indexes *was,
	 const struct graft_kept_index *is)
{
	const struct graft_kept_index *only = NULL;
	uint32_t o = twin->old_ops.count;

	for (size_t i = 0; i < twin->count; i++) {
		if (twin->pairs[i].n == is->at)
			o = twin->pairs[i].o;
	}
	for (uint32_t i = 0; i < was->count; i++) {
		if (was->list[i].at == o && was->list[i].row == is->row)
			return &was->list[i];
	}
	for (uint32_t i = 0; i < was->count; i++) {
		if (was->list[i].row != is->row ||
		    (only && only->table == was->list[i].table))
			continue;
		if (only)
			return NULL;
		only = &was->list[i];
	}
	return only;
}

static struct graft_error *
check_read(struct graft_case *c, const struct graft_twin *twin,
	   const struct graft_kept_index *was,
	   const struct graft_kept_index *is, bool *refused_ret)
{
	uint32_t width = twin->new_ops.ops[is->at].mem_size;
	struct graft_table_rows o = { was->table, was->row, width,
				      was->distances };
	struct graft_table_rows n = { is->table, is->row, width,
				      is->distances };
	uint64_t from;
	uint64_t to;

	struct graft_error *err = graft_rows_moved(c->diff, &o, &n, refused_ret,
						   &from, &to);
	if (err || !*refused_ret)
		return err;
	struct graft_place_text where =
		graft_place_code(twin->new_ops.code, twin->new_ops.func,
				 twin->new_ops.ops[is->at].addr);
	struct graft_twin_text text = graft_twin_print(twin, was->at, is->at);
	return graft_case_refuse(
		c, GRAFT_RULE_MEANING, where.str,
		"%s: a row is read by an index that was kept in memory, and what was row %llu of the table is row %llu",
		text.str, (unsigned long long)from, (unsigned long long)to);
}

struct graft_error *
graft_check_kept_index(struct graft_case *c, const struct graft_twin *twin)
{
	struct graft_kept_indexes was;
	struct graft_kept_indexes is;
	bool refused = false;

	struct graft_error *err = graft_kept_indexes_read(&twin->new_ops, &is);
	if (err || !is.count)
		return err;
	err = graft_kept_indexes_read(&twin->old_ops, &was);
	for (uint32_t i = 0; !err && !refused && i < is.count; i++) {
		const struct graft_kept_index *old = find_old(twin, &was,
							      &is.list[i]);
		if (old)
			err = check_read(c, twin, old, &is.list[i], &refused);
	}
	return err;
}
