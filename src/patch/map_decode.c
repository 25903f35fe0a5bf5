// SPDX-License-Identifier: Apache-2.0

#include "patch/map.h"

#include "patch/limits.h"
#include "patch/map_common.h"
#include "patch/pack.h"

#include <string.h>

static struct graft_error *
bad(const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, ".graft.map: %s", what);
}

// Take a count and make room for as many records. The count is stored with the
// array, so that what is half read can be freed.
static struct graft_error *
take_array(struct graft_cursor *c, size_t max, size_t size, void *array,
	   size_t *count_ret, const char *what)
{
	size_t count = graft_pack_take_count(c, max);
	if (c->bad)
		return bad(what);
	void *records = calloc(count + 1, size);
	if (!records)
		return graft_error_no_memory();
	*(void **)array = records;
	*count_ret = count;
	return NULL;
}

// NULL from graft_pack_take_chars() without a bad cursor is lack of memory.
static struct graft_error *
take_chars(struct graft_cursor *c, uint64_t len, char **ret, const char *what)
{
	*ret = graft_pack_take_chars(c, len);
	if (*ret)
		return NULL;
	return c->bad ? bad(what) : graft_error_no_memory();
}

struct graft_error *
graft_map_decode_runs(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t shift = graft_pack_take(c);
	if (c->bad || shift > 63)
		return bad("alignment");
	m->align = (uint64_t)1 << shift;

	struct graft_error *err = take_array(c, GRAFT_PATCH_RUNS_MAX,
					     sizeof(*m->runs), &m->runs,
					     &m->run_count, "number of runs");
	for (size_t i = 0; !err && i < m->run_count; i++) {
		m->runs[i].mem_len = graft_pack_take(c);
		if (c->bad || m->runs[i].mem_len > GRAFT_MAP_BOTH)
			err = bad("shape of a run");
	}
	return err;
}

static struct graft_error *
take_redirect(struct graft_cursor *c, struct graft_patch_module *m,
	      struct graft_redirect *r, struct map_state *state)
{
	r->old_addr = graft_pack_take_delta(c, state->old_addr);
	const struct graft_carried *piece = NULL;
	uint64_t code = graft_pack_take(c);
	if (code == 0) {
		r->new_addr = graft_pack_take_delta(c, r->old_addr);
	} else {
		code--;
		uint64_t index = state->piece +
				 ((code >> 1) ^ (0 - (code & 1)));
		if (index >= m->carried_count)
			return bad("redirect to a piece that is not there");
		piece = &m->carried[index];
		r->new_addr = piece->new_addr;
		state->piece = index + 1;
	}

	uint64_t room = graft_pack_take(c);
	uint64_t skip = 0;
	r->behind = room == MAP_BEHIND;
	if (r->behind) {
		skip = graft_pack_take(c);
		room = graft_pack_take(c);
		if (skip == 0 || skip > GRAFT_INSN_MAX || room & MAP_SKIP)
			return bad("first instruction of a redirect");
	} else if (room & MAP_SKIP) {
		skip = GRAFT_ENDBR_SIZE;
	}
	if (room >> 2 > UINT32_MAX)
		return bad("room of a redirect");
	r->old_room = (uint32_t)(room >> 2);
	r->skip = (uint32_t)skip;
	const uint8_t *bytes =
		room & MAP_SAME ? graft_map_code(m, r->new_addr + r->skip)
				: graft_cursor_take(c, GRAFT_JUMP_SIZE);
	if (!bytes)
		return bad("first bytes of a redirect");
	memcpy(r->original, bytes, GRAFT_JUMP_SIZE);
	state->old_addr = r->old_addr + r->old_room;

	code = graft_pack_take(c);
	if (c->bad || (code == MAP_NAME_CARRIED && !piece))
		return bad("name of a redirect");
	if (code > MAP_NAME_SUB)
		return take_chars(c, code - MAP_NAME_LEN, &r->name,
				  "name of a redirect");
	char sub[MAP_SUB_LEN];
	graft_map_sub(r->old_addr, sub);
	r->name = strdup(code == MAP_NAME_SUB ? sub : piece->name);
	return r->name ? NULL : graft_error_no_memory();
}

static struct graft_error *
take_fragments(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t before = 0;
	struct graft_error *err = take_array(
		c, GRAFT_PATCH_RECORDS_MAX, sizeof(*m->fragments),
		&m->fragments, &m->fragment_count, "number of fragments");
	if (err)
		return err;

	for (size_t i = 0; i < m->fragment_count; i++) {
		struct graft_fragment *f = &m->fragments[i];
		uint64_t index = graft_pack_take_delta(c, before);
		if (c->bad || index >= m->redirect_count)
			return bad("fragment of a redirect that is not there");
		f->redirect = (uint32_t)index;
		f->old_addr =
			graft_pack_take_delta(c, m->redirects[index].old_addr);
		f->size = graft_pack_take(c);
		before = index + 1;
	}
	return c->bad ? bad("fragments") : NULL;
}

static struct graft_error *
take_fix_values(struct graft_cursor *c, struct graft_patch_module *m)
{
	GRAFT_FREE uint64_t *values = NULL;
	size_t distinct;
	struct graft_error *err = take_array(c, m->fix_count, sizeof(*values),
					     &values, &distinct,
					     "number of values");
	if (err)
		return err;
	for (size_t i = 0; i < distinct; i++)
		values[i] = graft_pack_take_delta(c, i ? values[i - 1] : 0);

	uint64_t last[MAP_KINDS] = { 0 };
	for (size_t i = 0; i < m->fix_count; i++) {
		struct graft_fix *fix = &m->fixes[i];
		uint64_t code = graft_pack_take(c);
		if (c->bad || (code >= MAP_REL && code - MAP_REL >= distinct))
			return bad("kind of a fix");
		if (code >= MAP_REL) {
			fix->kind = GRAFT_FIX_REL32_OLD;
			fix->value = (int64_t)values[code - MAP_REL];
			continue;
		}
		fix->kind = (enum graft_fix_kind)(code + GRAFT_FIX_ABS64_OLD);
		last[code] = graft_pack_take_delta(c, last[code]);
		fix->value = (int64_t)last[code];
	}
	return c->bad ? bad("fixes") : NULL;
}

static struct graft_error *
take_fixes(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t addr = 0;
	struct graft_error *err = take_array(c, GRAFT_PATCH_RECORDS_MAX,
					     sizeof(*m->fixes), &m->fixes,
					     &m->fix_count, "number of fixes");
	if (err)
		return err;

	for (size_t i = 0; i < m->fix_count; i++) {
		addr = graft_pack_take_delta(c, addr);
		m->fixes[i].new_addr = addr;
	}
	if (c->bad)
		return bad("fixes");
	return m->fix_count > 0 ? take_fix_values(c, m) : NULL;
}

// Symbol and version as the flags say.
static struct graft_error *
take_symbol(struct graft_cursor *c, uint64_t flags, char **symbol,
	    char **version)
{
	struct graft_error *err = NULL;

	if (flags & MAP_SYMBOL)
		err = take_chars(c, graft_pack_take(c), symbol, "symbol");
	if (!err && (flags & MAP_VERSION))
		err = take_chars(c, graft_pack_take(c), version, "version");
	return err;
}

static struct graft_error *
take_imports(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t addr = 0;
	struct graft_error *err =
		take_array(c, GRAFT_PATCH_RECORDS_MAX, sizeof(*m->imports),
			   &m->imports, &m->import_count, "number of imports");

	for (size_t i = 0; !err && i < m->import_count; i++) {
		struct graft_import *import = &m->imports[i];
		uint64_t flags = graft_pack_take(c);
		addr = graft_pack_take_delta(c, addr);
		import->new_addr = addr;
		import->addend = graft_pack_take_signed(c);
		import->weak = flags & MAP_FLAG;
		if (c->bad || !(flags & MAP_SYMBOL))
			return bad("import");
		err = take_symbol(c, flags, &import->symbol, &import->version);
	}
	return err;
}

static struct graft_error *
take_old_slots(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t addr = 0;
	struct graft_error *err = take_array(
		c, GRAFT_PATCH_RECORDS_MAX, sizeof(*m->old_slots),
		&m->old_slots, &m->old_slot_count, "number of old slots");

	for (size_t i = 0; !err && i < m->old_slot_count; i++) {
		struct graft_old_slot *slot = &m->old_slots[i];
		uint64_t flags = graft_pack_take(c);
		addr = graft_pack_take_delta(c, addr);
		slot->old_addr = addr;
		slot->lazy = flags & MAP_FLAG;
		if (c->bad)
			return bad("old slot");
		err = take_symbol(c, flags, &slot->symbol, &slot->version);
	}
	return err;
}

static struct graft_error *
take_expects(struct graft_cursor *c, struct graft_patch_module *m)
{
	uint64_t addr = 0;
	struct graft_error *err = take_array(
		c, GRAFT_PATCH_RECORDS_MAX, sizeof(*m->expects), &m->expects,
		&m->expect_count, "number of expected ranges");
	if (err)
		return err;

	for (size_t i = 0; i < m->expect_count; i++) {
		struct graft_expect *e = &m->expects[i];
		e->old_addr = graft_pack_take_delta(c, addr);
		e->len = graft_pack_take(c);
		const uint8_t *sha256 = graft_cursor_take(c, sizeof(e->sha256));
		if (!sha256)
			return bad("expected ranges");
		memcpy(e->sha256, sha256, sizeof(e->sha256));
		addr = e->old_addr + e->len;
	}
	return NULL;
}

static int
by_addr(const void *x, const void *y)
{
	const struct graft_fix *a = x;
	const struct graft_fix *b = y;

	return (a->new_addr > b->new_addr) - (a->new_addr < b->new_addr);
}

/** Put fixes among the others: all are in the order of their addresses. */
static struct graft_error *
merge_fixes(struct graft_patch_module *m, const struct graft_fix *low,
	    size_t count)
{
	struct graft_fix *all;

	if (m->fix_count + count > GRAFT_PATCH_RECORDS_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT, "too many fixes");
	for (size_t i = 1; i < m->fix_count; i++) {
		if (m->fixes[i].new_addr <= m->fixes[i - 1].new_addr)
			return bad("order of the fixes");
	}
	all = realloc(m->fixes, (m->fix_count + count) * sizeof(*all));
	if (!all)
		return graft_error_no_memory();
	memcpy(all + m->fix_count, low, count * sizeof(*all));
	m->fixes = all;
	m->fix_count += count;
	qsort(all, m->fix_count, sizeof(*all), by_addr);
	return NULL;
}

/** Addresses of 32 bits, if there are any. */
static struct graft_error *
take_low(struct graft_cursor *c, struct graft_patch_module *m)
{
	GRAFT_FREE struct graft_fix *low = NULL;
	size_t count;
	uint64_t addr = 0;
	uint64_t value = 0;

	if (graft_cursor_left(c) == 0)
		return NULL;
	struct graft_error *err = take_array(c, GRAFT_PATCH_RECORDS_MAX,
					     sizeof(*low), &low, &count,
					     "number of low fixes");
	if (err)
		return err;
	if (count == 0)
		return bad("no low fixes");
	for (size_t i = 0; i < count; i++) {
		addr = graft_pack_take_delta(c, addr);
		uint64_t kind = graft_pack_take(c);
		value = graft_pack_take_delta(c, value);
		if (c->bad || kind > 1 || (i && addr <= low[i - 1].new_addr))
			return bad("low fixes");
		low[i] = (struct graft_fix){
			.new_addr = addr,
			.value = (int64_t)value,
			.kind = kind ? GRAFT_FIX_ABS32_NEW
				     : GRAFT_FIX_ABS32_OLD,
		};
	}
	return merge_fixes(m, low, count);
}

struct graft_error *
graft_map_decode_records(struct graft_cursor *c, struct graft_patch_module *m)
{
	struct map_state state = { 0 };
	struct graft_error *err = take_array(
		c, GRAFT_PATCH_RECORDS_MAX, sizeof(*m->redirects),
		&m->redirects, &m->redirect_count, "number of redirects");

	for (size_t i = 0; !err && i < m->redirect_count; i++)
		err = take_redirect(c, m, &m->redirects[i], &state);
	if (!err)
		err = take_fragments(c, m);
	if (!err)
		err = take_fixes(c, m);
	if (!err)
		err = take_imports(c, m);
	if (!err)
		err = take_old_slots(c, m);
	if (!err)
		err = take_expects(c, m);
	if (!err)
		err = take_low(c, m);
	if (!err && graft_cursor_left(c) > 0)
		err = bad("bytes behind its end");
	return err;
}
