// SPDX-License-Identifier: Apache-2.0

#include "patch/check.h"

#include "base/sorted.h"
#include "patch/frames.h"
#include "patch/limits.h"

#include <string.h>

/** A range of addresses, to find those that overlap. */
struct span {
	uint64_t start;
	uint64_t end;
};

static int
compare_spans(const void *a, const void *b)
{
	const struct span *left = a;
	const struct span *right = b;
	return (left->start > right->start) - (left->start < right->start);
}

// Sorts in place.
static struct graft_error *
check_disjoint(struct span *spans, size_t count, const char *what)
{
	if (count > 1)
		qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 1; i < count; i++) {
		if (spans[i].start < spans[i - 1].end)
			return graft_check_bad(
				"two %s overlap at 0x%llx", what,
				(unsigned long long)spans[i].start);
	}
	return NULL;
}

// The run that holds all of [addr, addr + len), or NULL.
static const struct graft_run *
find_run(const struct graft_patch_module *m, uint64_t addr, uint64_t len)
{
	const struct graft_run *run = graft_patch_run_at(m, addr);

	return run && len <= run->mem_len - (addr - run->new_addr) ? run : NULL;
}

// The same, and the bytes come from the file.
static const struct graft_run *
find_stored(const struct graft_patch_module *m, uint64_t addr, uint64_t len)
{
	const struct graft_run *run = find_run(m, addr, len);
	if (!run || addr - run->new_addr + len > run->file_len)
		return NULL;
	return run;
}

static struct graft_error *
check_carried(const struct graft_patch_module *m)
{
	struct graft_error *err =
		graft_check_count(m->carried_count, GRAFT_PATCH_RECORDS_MAX,
				  m->carried, "carried pieces");

	for (size_t i = 0; !err && i < m->carried_count; i++) {
		const struct graft_carried *piece = &m->carried[i];
		const struct graft_run *run = find_stored(m, piece->new_addr,
							  piece->size);
		err = graft_check_string(piece->name, false, false,
					 "name of a carried piece");
		if (!err && (piece->size == 0 || !run ||
			     !(run->flags & GRAFT_RUN_EXEC)))
			err = graft_check_bad(
				"carried piece at 0x%llx: not inside an "
				"executable run",
				(unsigned long long)piece->new_addr);
	}
	return err;
}

static struct graft_error *
check_redirect(const struct graft_patch_module *m, const struct span *pieces,
	       size_t i)
{
	const struct graft_redirect *r = &m->redirects[i];
	const unsigned long long at = r->old_addr;

	struct graft_error *err = graft_check_string(r->name, false, false,
						     "name of a redirect");
	if (err)
		return err;
	if (r->behind ? r->skip == 0 || r->skip > GRAFT_INSN_MAX
		      : r->skip != 0 && r->skip != GRAFT_ENDBR_SIZE)
		return graft_check_bad("redirect at 0x%llx: skips %u bytes", at,
				       (unsigned)r->skip);
	if (r->old_room < r->skip + GRAFT_JUMP_SIZE)
		return graft_check_bad(
			"redirect at 0x%llx: %u bytes are no room for the "
			"jump (R-11)",
			at, (unsigned)r->old_room);
	if (!graft_check_range(r->old_addr, r->old_room))
		return graft_check_bad(
			"redirect at 0x%llx: past the end of memory", at);

	const uint64_t target = graft_redirect_target(r);
	// Revert looks for threads in the carried pieces: a jump that leads
	// elsewhere would be invisible to it. Pieces are sorted by start.
	size_t low = GRAFT_SORTED_UP_TO(pieces, m->carried_count, start,
					target);
	if (low == 0 || target >= pieces[low - 1].end)
		return graft_check_bad(
			"redirect at 0x%llx: leads to 0x%llx, in no carried "
			"piece",
			at, (unsigned long long)target);
	return NULL;
}

static struct graft_error *
check_redirects(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(m->redirect_count,
						    GRAFT_PATCH_RECORDS_MAX,
						    m->redirects, "redirects");
	if (err)
		return err;
	if (m->redirect_count == 0)
		return graft_check_bad("no redirects: nothing would change");

	GRAFT_FREE struct span *pieces = calloc(m->carried_count + 1,
						sizeof(*pieces));
	GRAFT_FREE struct span *rooms = calloc(m->redirect_count,
					       sizeof(*rooms));
	if (!pieces || !rooms)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "redirects");
	for (size_t i = 0; i < m->carried_count; i++)
		pieces[i] = (struct span){ m->carried[i].new_addr,
					   m->carried[i].new_addr +
						   m->carried[i].size };
	err = check_disjoint(pieces, m->carried_count, "carried pieces");
	for (size_t i = 0; !err && i < m->redirect_count; i++) {
		const struct graft_redirect *r = &m->redirects[i];
		err = check_redirect(m, pieces, i);
		rooms[i] = (struct span){ r->old_addr,
					  r->old_addr + r->old_room };
	}
	if (err)
		return err;
	return check_disjoint(rooms, m->redirect_count, "redirects");
}

static struct graft_error *
check_fragments(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(m->fragment_count,
						    GRAFT_PATCH_RECORDS_MAX,
						    m->fragments, "fragments");
	if (err)
		return err;

	GRAFT_FREE bool *covered = calloc(m->redirect_count, sizeof(*covered));
	if (!covered)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "fragments");
	for (size_t i = 0; i < m->fragment_count; i++) {
		const struct graft_fragment *f = &m->fragments[i];
		if (f->size == 0 || !graft_check_range(f->old_addr, f->size))
			return graft_check_bad(
				"fragment at 0x%llx: empty or past the end "
				"of memory",
				(unsigned long long)f->old_addr);
		if (f->redirect >= m->redirect_count)
			return graft_check_bad(
				"fragment at 0x%llx: belongs to redirect "
				"%u, which is not there",
				(unsigned long long)f->old_addr,
				(unsigned)f->redirect);
		uint64_t entry = m->redirects[f->redirect].old_addr;
		if (entry >= f->old_addr && entry - f->old_addr < f->size)
			covered[f->redirect] = true;
	}
	// NOTE(R-13): threads are looked for in fragments only.
	for (size_t i = 0; i < m->redirect_count; i++) {
		if (!covered[i])
			return graft_check_bad(
				"redirect at 0x%llx: no fragment covers it",
				(unsigned long long)m->redirects[i].old_addr);
	}
	return NULL;
}

static struct graft_error *
check_fix(const struct graft_patch_module *m, const struct graft_fix *fix,
	  struct span *span)
{
	const unsigned long long at = fix->new_addr;
	const int64_t end = (int64_t)GRAFT_PATCH_ADDR_END;
	uint64_t len = 8;
	bool inside;

	switch (fix->kind) {
	case GRAFT_FIX_REL32_OLD:
		// An addition to what is stored, so something must be stored.
		len = 4;
		inside = find_stored(m, fix->new_addr, len) != NULL;
		if (fix->value <= -end || fix->value >= end)
			return graft_check_bad(
				"fix at 0x%llx: value out of range", at);
		break;
	case GRAFT_FIX_ABS32_OLD:
	case GRAFT_FIX_ABS32_NEW:
		len = 4;
		inside = find_stored(m, fix->new_addr, len) != NULL;
		if (fix->value < 0 || fix->value > INT32_MAX)
			return graft_check_bad(
				"fix at 0x%llx: value out of range", at);
		break;
	case GRAFT_FIX_ABS64_OLD:
	case GRAFT_FIX_ABS64_NEW:
	case GRAFT_FIX_COPY64_OLD:
		inside = find_run(m, fix->new_addr, len) != NULL;
		if (fix->value < 0 || fix->value >= end)
			return graft_check_bad(
				"fix at 0x%llx: value out of range", at);
		break;
	default:
		return graft_check_bad("fix at 0x%llx: kind %d", at,
				       (int)fix->kind);
	}
	if (!inside)
		return graft_check_bad("fix at 0x%llx: outside of every run",
				       at);
	*span = (struct span){ fix->new_addr, fix->new_addr + len };
	return NULL;
}

// Objects ascend and lie in writable runs.
static struct graft_error *
check_objects(const struct graft_patch_module *m, size_t *refs_ret)
{
	static const uint8_t none[GRAFT_PATCH_IDENTITY_SIZE];
	uint64_t end = 0;
	struct graft_error *err = graft_check_count(m->object_count,
						    GRAFT_PATCH_RECORDS_MAX,
						    m->objects, "objects");

	*refs_ret = 0;
	for (size_t i = 0; !err && i < m->object_count; i++) {
		const struct graft_object *o = &m->objects[i];
		const struct graft_run *run = find_run(m, o->new_addr, o->size);
		if (!o->size || !run || !(run->flags & GRAFT_RUN_WRITE) ||
		    o->new_addr < end ||
		    memcmp(o->identity, none, sizeof(none)) == 0)
			return graft_check_bad("object at 0x%llx: impossible",
					       (unsigned long long)o->new_addr);
		end = o->new_addr + o->size;
		*refs_ret += o->ref_count;
		err = graft_check_count(o->ref_count, GRAFT_PATCH_RECORDS_MAX,
					o->refs, "references of an object");
	}
	return err;
}

// The displacements that lead to objects, each in code.
static struct graft_error *
check_refs(const struct graft_patch_module *m, struct span *fields)
{
	for (size_t i = 0; i < m->object_count; i++) {
		const struct graft_object *o = &m->objects[i];
		for (size_t k = 0; k < o->ref_count; k++) {
			uint64_t at = o->refs[k];
			const struct graft_run *run = find_stored(m, at, 4);
			if (!run || !(run->flags & GRAFT_RUN_EXEC) ||
			    (k && at <= o->refs[k - 1]))
				return graft_check_bad(
					"reference at 0x%llx of an object: impossible",
					(unsigned long long)at);
			*fields++ = (struct span){ at, at + 4 };
		}
	}
	return NULL;
}

// Fixes, imports and references write fields of the runs: none may write what
// another did.
static struct graft_error *
check_fields(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(
		m->fix_count, GRAFT_PATCH_RECORDS_MAX, m->fixes, "fixes");
	if (!err)
		err = graft_check_count(m->import_count,
					GRAFT_PATCH_RECORDS_MAX, m->imports,
					"imports");
	size_t refs = 0;
	if (!err)
		err = check_objects(m, &refs);
	if (err)
		return err;

	size_t count = m->fix_count + m->import_count + refs;
	GRAFT_FREE struct span *fields = calloc(count + 1, sizeof(*fields));
	if (!fields)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "fixes");
	for (size_t i = 0; !err && i < m->fix_count; i++)
		err = check_fix(m, &m->fixes[i], &fields[i]);
	for (size_t i = 0; !err && i < m->import_count; i++) {
		const struct graft_import *import = &m->imports[i];
		err = graft_check_string(import->symbol, false, false,
					 "symbol of an import");
		if (!err)
			err = graft_check_string(import->version, true, false,
						 "version of an import");
		if (!err && !find_run(m, import->new_addr, 8))
			err = graft_check_bad(
				"import at 0x%llx: outside of every run",
				(unsigned long long)import->new_addr);
		fields[m->fix_count + i] =
			(struct span){ import->new_addr, import->new_addr + 8 };
	}
	if (!err)
		err = check_refs(m, &fields[m->fix_count + m->import_count]);
	if (err)
		return err;
	return check_disjoint(fields, count, "fixes or imports");
}

static struct graft_error *
check_old(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(m->old_slot_count,
						    GRAFT_PATCH_RECORDS_MAX,
						    m->old_slots, "old slots");
	if (!err)
		err = graft_check_count(m->expect_count,
					GRAFT_PATCH_RECORDS_MAX, m->expects,
					"expected ranges");
	for (size_t i = 0; !err && i < m->old_slot_count; i++) {
		const struct graft_old_slot *slot = &m->old_slots[i];
		err = graft_check_string(slot->symbol, true, false,
					 "symbol of an old slot");
		if (!err)
			err = graft_check_string(slot->version, true, false,
						 "version of an old slot");
		if (!err && slot->version && !slot->symbol)
			err = graft_check_bad(
				"old slot at 0x%llx: a version of no symbol",
				(unsigned long long)slot->old_addr);
		if (!err && !graft_check_range(slot->old_addr, 8))
			err = graft_check_bad(
				"old slot at 0x%llx: past the end of memory",
				(unsigned long long)slot->old_addr);
	}
	for (size_t i = 0; !err && i < m->expect_count; i++) {
		const struct graft_expect *e = &m->expects[i];
		if (e->len == 0 || !graft_check_range(e->old_addr, e->len))
			err = graft_check_bad(
				"expected range at 0x%llx: empty or past the "
				"end of memory",
				(unsigned long long)e->old_addr);
	}
	return err;
}

static struct graft_error *
check_frames(const struct graft_patch_module *m)
{
	GRAFT_FREE struct graft_patch_frame *frames = NULL;
	size_t count;

	if (!m->frames_len)
		return m->frames_addr ? graft_check_bad("empty unwind tables")
				      : NULL;
	// What they say is known once the code is.
	return m->lacks_code ? NULL
			     : graft_patch_frames_read(m, &frames, &count);
}

struct graft_error *
graft_check_records(const struct graft_patch_module *m)
{
	struct graft_error *err = check_carried(m);
	if (!err)
		err = check_redirects(m);
	if (!err)
		err = check_fragments(m);
	if (!err)
		err = check_fields(m);
	if (!err)
		err = check_old(m);
	if (!err)
		err = check_frames(m);
	return err;
}
