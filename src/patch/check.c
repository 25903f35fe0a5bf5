// SPDX-License-Identifier: Apache-2.0

#include "patch/limits.h"
#include "patch/patch.h"
#include "patch/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** A range of addresses, to find those that overlap. */
struct span {
	uint64_t start;
	uint64_t end;
};

GRAFT_PRINTF(1)
static struct graft_error *
bad(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s", what);
}

static struct graft_error *
check_count(size_t count, size_t max, const void *array, const char *what)
{
	if (count > max)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%zu %s, more than %zu", count, what,
				       max);
	if (count > 0 && !array)
		return bad("%zu %s that are not there", count, what);
	return NULL;
}

// A string that may be shown. NULL is allowed if @p optional, "" never is
// unless @p empty.
static struct graft_error *
check_string(const char *str, bool optional, bool empty, const char *what)
{
	if (!str)
		return optional ? NULL : bad("%s: missing", what);
	size_t len = strlen(str);
	if (len == 0 && !empty)
		return bad("%s: empty", what);
	if (len > GRAFT_PATCH_STRING_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: %zu bytes, more than %d", what, len,
				       (int)GRAFT_PATCH_STRING_MAX);
	if (!graft_utf8_printable(str, len))
		return bad("%s: not UTF-8, or a control character", what);
	return NULL;
}

static bool
range_ok(uint64_t addr, uint64_t len)
{
	return len <= GRAFT_PATCH_ADDR_END &&
	       addr <= GRAFT_PATCH_ADDR_END - len;
}

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
			return bad("two %s overlap at 0x%llx", what,
				   (unsigned long long)spans[i].start);
	}
	return NULL;
}

// The run that holds all of [addr, addr + len), or NULL.
static const struct graft_run *
find_run(const struct graft_patch_module *m, uint64_t addr, uint64_t len)
{
	size_t low = 0;
	size_t high = m->run_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct graft_run *run = &m->runs[mid];
		if (addr < run->new_addr)
			high = mid;
		else if (addr - run->new_addr >= run->mem_len)
			low = mid + 1;
		else if (len <= run->mem_len - (addr - run->new_addr))
			return run;
		else
			return NULL;
	}
	return NULL;
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
check_run(const struct graft_patch_module *m, size_t i)
{
	const struct graft_run *run = &m->runs[i];
	const uint32_t both = GRAFT_RUN_WRITE | GRAFT_RUN_EXEC;
	const unsigned long long at = run->new_addr;

	if (run->mem_len == 0 || !range_ok(run->new_addr, run->mem_len))
		return bad("run %zu at 0x%llx: empty or past the end of memory",
			   i, at);
	if (run->file_len > run->mem_len || (run->file_len && !run->bytes))
		return bad("run %zu at 0x%llx: more in the file than in memory",
			   i, at);
	if (run->flags & ~(both | GRAFT_RUN_READ) ||
	    !(run->flags & GRAFT_RUN_READ))
		return bad("run %zu at 0x%llx: protection %u", i, at,
			   (unsigned)run->flags);
	if ((run->flags & both) == both)
		return bad("run %zu at 0x%llx: writable and executable", i, at);
	if (i == 0)
		return NULL;

	const struct graft_run *before = run - 1;
	uint64_t end = before->new_addr + before->mem_len;
	if (run->new_addr < end)
		return bad("run %zu at 0x%llx: overlaps the one before, or is "
			   "not sorted",
			   i, at);
	if (run->flags != before->flags &&
	    run->new_addr / GRAFT_PATCH_PAGE == (end - 1) / GRAFT_PATCH_PAGE)
		return bad("run %zu at 0x%llx: shares a page with a run of "
			   "other protection",
			   i, at);
	return NULL;
}

static struct graft_error *
check_runs(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(
		m->run_count, GRAFT_PATCH_RUNS_MAX, m->runs, "runs");
	uint64_t total = 0;

	for (size_t i = 0; !err && i < m->run_count; i++) {
		err = check_run(m, i);
		// No sum of 2^14 lengths below 2^47 overflows.
		total += m->runs[i].mem_len;
	}
	if (err)
		return err;
	if (m->run_count == 0)
		return bad("no runs: nothing is carried");
	const struct graft_run *last = &m->runs[m->run_count - 1];
	if (last->new_addr + last->mem_len - m->runs[0].new_addr >
	    GRAFT_PATCH_SPAN_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the runs span more than 2 GiB");
	if (m->carried_bytes > total)
		return bad("%llu bytes carried, but the runs hold %llu",
			   (unsigned long long)m->carried_bytes,
			   (unsigned long long)total);
	return NULL;
}

static struct graft_error *
check_carried(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(m->carried_count,
					      GRAFT_PATCH_RECORDS_MAX,
					      m->carried, "carried pieces");

	for (size_t i = 0; !err && i < m->carried_count; i++) {
		const struct graft_carried *piece = &m->carried[i];
		const struct graft_run *run = find_stored(m, piece->new_addr,
							  piece->size);
		err = check_string(piece->name, false, false,
				   "name of a carried piece");
		if (!err && (piece->size == 0 || !run ||
			     !(run->flags & GRAFT_RUN_EXEC)))
			err = bad("carried piece at 0x%llx: not inside an "
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

	struct graft_error *err = check_string(r->name, false, false,
					       "name of a redirect");
	if (err)
		return err;
	if (r->skip != 0 && r->skip != GRAFT_ENDBR_SIZE)
		return bad("redirect at 0x%llx: skips %u bytes", at,
			   (unsigned)r->skip);
	if (r->old_room < r->skip + GRAFT_JUMP_SIZE)
		return bad("redirect at 0x%llx: %u bytes are no room for the "
			   "jump (R-11)",
			   at, (unsigned)r->old_room);
	if (!range_ok(r->old_addr, r->old_room))
		return bad("redirect at 0x%llx: past the end of memory", at);

	// Revert looks for threads in the carried pieces: a jump that leads
	// elsewhere would be invisible to it. Pieces are sorted by start.
	size_t low = 0;
	size_t high = m->carried_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (pieces[mid].start <= r->new_addr)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || r->new_addr >= pieces[low - 1].end)
		return bad("redirect at 0x%llx: leads to 0x%llx, in no carried "
			   "piece",
			   at, (unsigned long long)r->new_addr);
	return NULL;
}

static struct graft_error *
check_redirects(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(m->redirect_count,
					      GRAFT_PATCH_RECORDS_MAX,
					      m->redirects, "redirects");
	if (err)
		return err;
	if (m->redirect_count == 0)
		return bad("no redirects: nothing would change");

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
	struct graft_error *err = check_count(m->fragment_count,
					      GRAFT_PATCH_RECORDS_MAX,
					      m->fragments, "fragments");
	if (err)
		return err;

	GRAFT_FREE bool *covered = calloc(m->redirect_count, sizeof(*covered));
	if (!covered)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "fragments");
	for (size_t i = 0; i < m->fragment_count; i++) {
		const struct graft_fragment *f = &m->fragments[i];
		if (f->size == 0 || !range_ok(f->old_addr, f->size))
			return bad("fragment at 0x%llx: empty or past the end "
				   "of memory",
				   (unsigned long long)f->old_addr);
		if (f->redirect >= m->redirect_count)
			return bad("fragment at 0x%llx: belongs to redirect "
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
			return bad(
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
			return bad("fix at 0x%llx: value out of range", at);
		break;
	case GRAFT_FIX_ABS64_OLD:
	case GRAFT_FIX_ABS64_NEW:
	case GRAFT_FIX_COPY64_OLD:
		inside = find_run(m, fix->new_addr, len) != NULL;
		if (fix->value < 0 || fix->value >= end)
			return bad("fix at 0x%llx: value out of range", at);
		break;
	default:
		return bad("fix at 0x%llx: kind %d", at, (int)fix->kind);
	}
	if (!inside)
		return bad("fix at 0x%llx: outside of every run", at);
	*span = (struct span){ fix->new_addr, fix->new_addr + len };
	return NULL;
}

// Fixes and imports write fields of the runs: none may write what another did.
static struct graft_error *
check_fields(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(
		m->fix_count, GRAFT_PATCH_RECORDS_MAX, m->fixes, "fixes");
	if (!err)
		err = check_count(m->import_count, GRAFT_PATCH_RECORDS_MAX,
				  m->imports, "imports");
	if (err)
		return err;

	size_t count = m->fix_count + m->import_count;
	GRAFT_FREE struct span *fields = calloc(count + 1, sizeof(*fields));
	if (!fields)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "fixes");
	for (size_t i = 0; !err && i < m->fix_count; i++)
		err = check_fix(m, &m->fixes[i], &fields[i]);
	for (size_t i = 0; !err && i < m->import_count; i++) {
		const struct graft_import *import = &m->imports[i];
		err = check_string(import->symbol, false, false,
				   "symbol of an import");
		if (!err)
			err = check_string(import->version, true, false,
					   "version of an import");
		if (!err && !find_run(m, import->new_addr, 8))
			err = bad("import at 0x%llx: outside of every run",
				  (unsigned long long)import->new_addr);
		fields[m->fix_count + i] =
			(struct span){ import->new_addr, import->new_addr + 8 };
	}
	if (err)
		return err;
	return check_disjoint(fields, count, "fixes or imports");
}

static struct graft_error *
check_old(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(m->old_slot_count,
					      GRAFT_PATCH_RECORDS_MAX,
					      m->old_slots, "old slots");
	if (!err)
		err = check_count(m->expect_count, GRAFT_PATCH_RECORDS_MAX,
				  m->expects, "expected ranges");
	for (size_t i = 0; !err && i < m->old_slot_count; i++) {
		const struct graft_old_slot *slot = &m->old_slots[i];
		err = check_string(slot->symbol, true, false,
				   "symbol of an old slot");
		if (!err)
			err = check_string(slot->version, true, false,
					   "version of an old slot");
		if (!err && slot->version && !slot->symbol)
			err = bad("old slot at 0x%llx: a version of no symbol",
				  (unsigned long long)slot->old_addr);
		if (!err && !range_ok(slot->old_addr, 8))
			err = bad("old slot at 0x%llx: past the end of memory",
				  (unsigned long long)slot->old_addr);
	}
	for (size_t i = 0; !err && i < m->expect_count; i++) {
		const struct graft_expect *e = &m->expects[i];
		if (e->len == 0 || !range_ok(e->old_addr, e->len))
			err = bad("expected range at 0x%llx: empty or past the "
				  "end of memory",
				  (unsigned long long)e->old_addr);
	}
	return err;
}

static struct graft_error *
check_hotpatch(const struct graft_patch_module *m)
{
	if (m->assurance != GRAFT_ASSURANCE_INFERRED &&
	    m->assurance != GRAFT_ASSURANCE_PROVEN)
		return bad("a hotpatch without assurance");
	if (m->align == 0 || (m->align & (m->align - 1)) ||
	    m->align > GRAFT_PATCH_ALIGN_MAX)
		return bad("alignment 0x%llx", (unsigned long long)m->align);

	struct graft_error *err = check_runs(m);
	if (!err)
		err = check_carried(m);
	if (!err)
		err = check_redirects(m);
	if (!err)
		err = check_fragments(m);
	if (!err)
		err = check_fields(m);
	if (!err)
		err = check_old(m);
	return err;
}

static struct graft_error *
check_no_hotpatch(const struct graft_patch_module *m)
{
	if (m->assurance != GRAFT_ASSURANCE_NONE)
		return bad("assurance without a hotpatch");
	if (m->run_count || m->redirect_count || m->fragment_count ||
	    m->carried_count || m->fix_count || m->import_count ||
	    m->old_slot_count || m->expect_count || m->align ||
	    m->carried_bytes)
		return bad("carries code, but its verdict is %s",
			   graft_verdict_name(m->verdict));
	if (m->verdict == GRAFT_VERDICT_IDENTICAL)
		return NULL;
	for (size_t i = 0; i < m->reason_count; i++) {
		if (!m->reasons[i].note)
			return NULL;
	}
	return bad("baseline without a reason");
}

static struct graft_error *
check_reasons(const struct graft_patch_module *m)
{
	struct graft_error *err = check_count(m->reason_count,
					      GRAFT_PATCH_REASONS_MAX,
					      m->reasons, "reasons");
	for (size_t i = 0; !err && i < m->reason_count; i++) {
		const struct graft_reason *r = &m->reasons[i];
		err = check_string(r->rule, false, false, "rule of a reason");
		if (!err)
			err = check_string(r->where, false, true,
					   "place of a reason");
		if (!err)
			err = check_string(r->text, false, true,
					   "text of a reason");
	}
	return err;
}

struct graft_error *
graft_patch_module_check(const struct graft_patch_module *module)
{
	struct graft_error *err = check_string(module->path, false, false,
					       "path of a module");
	if (err)
		return err;

	err = check_string(module->soname, true, false, "soname");
	if (!err)
		err = check_reasons(module);
	if (!err && (module->old_build_id_len > GRAFT_PATCH_BUILD_ID_MAX ||
		     module->new_build_id_len > GRAFT_PATCH_BUILD_ID_MAX))
		err = bad("build-id longer than %d bytes",
			  (int)GRAFT_PATCH_BUILD_ID_MAX);
	if (!err)
		err = module->verdict == GRAFT_VERDICT_HOTPATCH
			      ? check_hotpatch(module)
		      : module->verdict == GRAFT_VERDICT_IDENTICAL ||
				      module->verdict == GRAFT_VERDICT_BASELINE
			      ? check_no_hotpatch(module)
			      : bad("verdict %d", (int)module->verdict);
	if (err)
		return graft_error_prefix(
			err, "%s",
			graft_utf8_printable(module->path, strlen(module->path))
				? module->path
				: "module");
	return NULL;
}

struct graft_error *
graft_patch_check(const struct graft_patch *patch)
{
	const struct {
		const char *str;
		bool empty;
		const char *what;
	} strings[] = {
		{ patch->title, true, "title" },
		{ patch->classification, true, "classification" },
		{ patch->toolchain, true, "toolchain" },
		{ patch->package, false, "package" },
		{ patch->old_version, false, "old version" },
		{ patch->new_version, false, "new version" },
	};
	struct graft_error *err = NULL;

	for (size_t i = 0; !err && i < sizeof(strings) / sizeof(*strings); i++)
		err = check_string(strings[i].str, true, strings[i].empty,
				   strings[i].what);
	if (!err)
		err = check_count(patch->cve_count, GRAFT_PATCH_CVES_MAX,
				  patch->cves, "CVEs");
	for (size_t i = 0; !err && i < patch->cve_count; i++)
		err = check_string(patch->cves[i], false, false, "CVE");
	if (!err)
		err = check_count(patch->module_count, GRAFT_LIMIT_MODULES,
				  patch->modules, "modules");
	return err;
}
