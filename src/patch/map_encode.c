// SPDX-License-Identifier: Apache-2.0

#include "patch/map.h"

#include "base/sorted.h"
#include "patch/map_common.h"
#include "patch/pack.h"

#include <string.h>

enum graft_map_shape
graft_map_shape(const struct graft_run *run)
{
	if (run->file_len == 0)
		return GRAFT_MAP_ZERO;
	return run->file_len == run->mem_len ? GRAFT_MAP_STORED
					     : GRAFT_MAP_BOTH;
}

static void
put_runs(const struct graft_patch_module *m, struct graft_text *out)
{
	graft_pack_put(out, (uint64_t)__builtin_ctzll(m->align));
	graft_pack_put(out, m->run_count);
	for (size_t i = 0; i < m->run_count; i++)
		graft_pack_put(out, graft_map_shape(&m->runs[i]));
}

// Index plus one of the carried piece that starts at an address, or 0.
static size_t
find_carried(const struct map_start *starts, size_t count, uint64_t addr)
{
	size_t low = GRAFT_SORTED_BELOW(starts, count, addr, addr);

	return low < count && starts[low].addr == addr ? starts[low].index + 1
						       : 0;
}

static int
compare_starts(const void *a, const void *b)
{
	const struct map_start *left = a;
	const struct map_start *right = b;
	return (left->addr > right->addr) - (left->addr < right->addr);
}

static void
put_redirect(const struct graft_patch_module *m, size_t i, size_t piece,
	     struct map_state *state, struct graft_text *out)
{
	const struct graft_redirect *r = &m->redirects[i];
	const uint8_t *code = graft_map_code(m, r->new_addr + r->skip);
	bool same = code && memcmp(code, r->original, GRAFT_JUMP_SIZE) == 0;
	char sub[MAP_SUB_LEN];

	graft_pack_put_delta(out, r->old_addr, state->old_addr);
	if (piece > 0) {
		int64_t ahead = (int64_t)(piece - 1) - (int64_t)state->piece;
		uint64_t zigzag = (uint64_t)(ahead < 0 ? -2 * ahead - 1
						       : 2 * ahead);
		graft_pack_put(out, zigzag + 1);
		state->piece = piece;
	} else {
		graft_pack_put(out, 0);
		graft_pack_put_delta(out, r->new_addr, r->old_addr);
	}
	if (r->behind) {
		graft_pack_put(out, MAP_BEHIND);
		graft_pack_put(out, r->skip);
	}
	graft_pack_put(out, (uint64_t)r->old_room << 2 |
				    (r->skip && !r->behind ? MAP_SKIP : 0) |
				    (same ? MAP_SAME : 0));
	if (!same)
		graft_text_put_bytes(out, r->original, GRAFT_JUMP_SIZE);

	graft_map_sub(r->old_addr, sub);
	if (piece > 0 && strcmp(r->name, m->carried[piece - 1].name) == 0) {
		graft_pack_put(out, MAP_NAME_CARRIED);
	} else if (strcmp(r->name, sub) == 0) {
		graft_pack_put(out, MAP_NAME_SUB);
	} else {
		size_t len = strlen(r->name);
		graft_pack_put(out, len + MAP_NAME_LEN);
		graft_text_put_bytes(out, r->name, len);
	}
	state->old_addr = r->old_addr + r->old_room;
}

static struct graft_error *
put_redirects(const struct graft_patch_module *m, struct graft_text *out)
{
	GRAFT_FREE struct map_start *starts = calloc(m->carried_count + 1,
						     sizeof(*starts));
	if (!starts)
		return graft_error_no_memory();
	for (size_t i = 0; i < m->carried_count; i++)
		starts[i] = (struct map_start){ m->carried[i].new_addr, i };
	// No two start at the same address: carried pieces do not overlap.
	if (m->carried_count > 1)
		qsort(starts, m->carried_count, sizeof(*starts),
		      compare_starts);

	struct map_state state = { 0 };
	graft_pack_put(out, m->redirect_count);
	for (size_t i = 0; i < m->redirect_count; i++) {
		size_t piece = find_carried(starts, m->carried_count,
					    m->redirects[i].new_addr);
		put_redirect(m, i, piece, &state, out);
	}
	return NULL;
}

static void
put_fragments(const struct graft_patch_module *m, struct graft_text *out)
{
	uint64_t before = 0;

	graft_pack_put(out, m->fragment_count);
	for (size_t i = 0; i < m->fragment_count; i++) {
		const struct graft_fragment *f = &m->fragments[i];
		graft_pack_put_delta(out, f->redirect, before);
		graft_pack_put_delta(out, f->old_addr,
				     m->redirects[f->redirect].old_addr);
		graft_pack_put(out, f->size);
		before = (uint64_t)f->redirect + 1;
	}
}

static int
compare_values(const void *a, const void *b)
{
	const int64_t *left = a;
	const int64_t *right = b;
	return (*left > *right) - (*left < *right);
}

// The distinct values of the REL32 fixes, sorted: most fixes share a few, one
// for each distance between a section of OLD and the same one of NEW.
static size_t
collect_values(const struct graft_patch_module *m, int64_t *values)
{
	size_t count = 0;
	size_t distinct = 0;

	for (size_t i = 0; i < m->fix_count; i++) {
		if (m->fixes[i].kind == GRAFT_FIX_REL32_OLD)
			values[count++] = m->fixes[i].value;
	}
	if (count > 1)
		qsort(values, count, sizeof(*values), compare_values);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || values[i] != values[i - 1])
			values[distinct++] = values[i];
	}
	return distinct;
}

static struct graft_error *
put_fixes(const struct graft_patch_module *m, struct graft_text *out)
{
	GRAFT_FREE int64_t *values = calloc(m->fix_count + 1, sizeof(*values));
	if (!values)
		return graft_error_no_memory();

	// Columns: equal things stand together, which zstd likes.
	uint64_t addr = 0;
	size_t count = m->fix_count - graft_map_count_low(m);
	graft_pack_put(out, count);
	for (size_t i = 0; i < m->fix_count; i++) {
		if (graft_fix_is_low(m->fixes[i].kind))
			continue;
		graft_pack_put_delta(out, m->fixes[i].new_addr, addr);
		addr = m->fixes[i].new_addr;
	}
	if (count == 0)
		return NULL;

	size_t distinct = collect_values(m, values);
	uint64_t value = 0;
	graft_pack_put(out, distinct);
	for (size_t i = 0; i < distinct; i++) {
		graft_pack_put_delta(out, (uint64_t)values[i], value);
		value = (uint64_t)values[i];
	}
	uint64_t last[MAP_KINDS] = { 0 };
	for (size_t i = 0; i < m->fix_count; i++) {
		const struct graft_fix *fix = &m->fixes[i];
		if (graft_fix_is_low(fix->kind))
			continue;
		if (fix->kind == GRAFT_FIX_REL32_OLD) {
			const int64_t *at = bsearch(&fix->value, values,
						    distinct, sizeof(*values),
						    compare_values);
			graft_pack_put(out, (uint64_t)(at - values) + MAP_REL);
			continue;
		}
		size_t kind = (size_t)fix->kind - GRAFT_FIX_ABS64_OLD;
		graft_pack_put(out, kind);
		graft_pack_put_delta(out, (uint64_t)fix->value, last[kind]);
		last[kind] = (uint64_t)fix->value;
	}
	return NULL;
}

static void
put_symbols(const struct graft_patch_module *m, struct graft_text *out)
{
	uint64_t addr = 0;

	graft_pack_put(out, m->import_count);
	for (size_t i = 0; i < m->import_count; i++) {
		const struct graft_import *import = &m->imports[i];
		graft_pack_put(out,
			       (import->weak ? MAP_FLAG : 0) |
				       (import->version ? MAP_VERSION : 0) |
				       MAP_SYMBOL);
		graft_pack_put_delta(out, import->new_addr, addr);
		graft_pack_put_signed(out, import->addend);
		graft_pack_put_string(out, import->symbol);
		if (import->version)
			graft_pack_put_string(out, import->version);
		addr = import->new_addr;
	}

	addr = 0;
	graft_pack_put(out, m->old_slot_count);
	for (size_t i = 0; i < m->old_slot_count; i++) {
		const struct graft_old_slot *slot = &m->old_slots[i];
		graft_pack_put(out, (slot->lazy ? MAP_FLAG : 0) |
					    (slot->version ? MAP_VERSION : 0) |
					    (slot->symbol ? MAP_SYMBOL : 0));
		graft_pack_put_delta(out, slot->old_addr, addr);
		if (slot->symbol)
			graft_pack_put_string(out, slot->symbol);
		if (slot->version)
			graft_pack_put_string(out, slot->version);
		addr = slot->old_addr;
	}
}

static void
put_expects(const struct graft_patch_module *m, struct graft_text *out)
{
	uint64_t addr = 0;

	graft_pack_put(out, m->expect_count);
	for (size_t i = 0; i < m->expect_count; i++) {
		const struct graft_expect *e = &m->expects[i];
		graft_pack_put_delta(out, e->old_addr, addr);
		graft_pack_put(out, e->len);
		graft_text_put_bytes(out, e->sha256, sizeof(e->sha256));
		addr = e->old_addr + e->len;
	}
}

/** Addresses of 32 bits, which stand at the end: older files have none. */
static void
put_low(const struct graft_patch_module *m, struct graft_text *out)
{
	size_t count = graft_map_count_low(m);
	uint64_t addr = 0;
	uint64_t value = 0;

	if (count)
		graft_pack_put(out, count);
	for (size_t i = 0; i < m->fix_count; i++) {
		const struct graft_fix *fix = &m->fixes[i];
		if (!graft_fix_is_low(fix->kind))
			continue;
		graft_pack_put_delta(out, fix->new_addr, addr);
		graft_pack_put(out, fix->kind == GRAFT_FIX_ABS32_NEW);
		graft_pack_put_delta(out, (uint64_t)fix->value, value);
		addr = fix->new_addr;
		value = (uint64_t)fix->value;
	}
}

struct graft_error *
graft_map_encode(const struct graft_patch_module *m, struct graft_text *out)
{
	put_runs(m, out);
	struct graft_error *err = put_redirects(m, out);
	if (err)
		return err;
	put_fragments(m, out);
	err = put_fixes(m, out);
	if (err)
		return err;
	put_symbols(m, out);
	put_expects(m, out);
	put_low(m, out);
	return out->failed ? graft_error_no_memory() : NULL;
}
