// SPDX-License-Identifier: Apache-2.0

#include "patch/print.h"

#include "base/hex.h"
#include "patch/disk.h"
#include "patch/immediate.h"

#include <inttypes.h>

const char *
graft_assurance_caveat(enum graft_assurance assurance)
{
	switch (assurance) {
	case GRAFT_ASSURANCE_INFERRED:
		return "inferred: at least one side is stripped; each rule was "
		       "decided from evidence in the code. It says nothing of "
		       "lock protocols, of invariants that data built by OLD "
		       "do not keep, of formats on disk or wire, or of copies "
		       "of the same code inlined into other packages.";
	case GRAFT_ASSURANCE_PROVEN:
		return "proven: each listed rule was decided from types and "
		       "symbols of both sides. It says nothing of lock "
		       "protocols, of invariants that data built by OLD do "
		       "not keep, of formats on disk or wire, or of copies of "
		       "the same code inlined into other packages.";
	case GRAFT_ASSURANCE_NONE:
		break;
	}
	return "";
}

static void
print_line(struct graft_text *text, const char *what, const char *value)
{
	if (!value || !*value)
		return;
	graft_text_printf(text, "%-14s ", what);
	graft_text_put_safe(text, value);
	graft_text_put(text, "\n");
}

static void
print_hex(struct graft_text *text, const char *what, const uint8_t *bytes,
	  size_t len)
{
	char digits[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	if (len == 0)
		return;
	graft_hex_encode(bytes, len, digits);
	graft_text_printf(text, "    %-12s %s\n", what, digits);
}

static const char *
verdict_text(enum graft_verdict verdict)
{
	switch (verdict) {
	case GRAFT_VERDICT_IDENTICAL:
		return "identical: both builds run the same code on the same "
		       "data";
	case GRAFT_VERDICT_HOTPATCH:
		return "hotpatch: can be switched while it runs";
	case GRAFT_VERDICT_BASELINE:
		return "baseline: a restart is needed";
	}
	return "unknown";
}

static void
print_reasons(struct graft_text *text, const struct graft_patch_module *m)
{
	for (size_t i = 0; i < m->reason_count; i++) {
		const struct graft_reason *r = &m->reasons[i];
		graft_text_put(text, r->note ? "    note " : "    ");
		graft_text_put_safe(text, r->rule);
		graft_text_put(text, ": ");
		if (*r->where) {
			graft_text_put_safe(text, r->where);
			graft_text_put(text, ": ");
		}
		graft_text_put_safe(text, r->text);
		graft_text_put(text, "\n");
	}
}

static const struct graft_carried *
find_carried(const struct graft_patch_module *m, uint64_t addr)
{
	for (size_t i = 0; i < m->carried_count; i++) {
		const struct graft_carried *piece = &m->carried[i];
		if (addr >= piece->new_addr &&
		    addr - piece->new_addr < piece->size)
			return piece;
	}
	return NULL;
}

static void
print_runs(struct graft_text *text, const struct graft_patch_module *m)
{
	uint64_t code = 0;
	uint64_t constants = 0;
	uint64_t data = 0;
	uint64_t pages = 0;
	uint64_t last = UINT64_MAX;

	for (size_t i = 0; i < m->run_count; i++) {
		const struct graft_run *run = &m->runs[i];
		uint64_t *sum = run->flags & GRAFT_RUN_EXEC    ? &code
				: run->flags & GRAFT_RUN_WRITE ? &data
							       : &constants;
		uint64_t first = run->new_addr / 4096;
		uint64_t end = (run->new_addr + run->mem_len - 1) / 4096;
		*sum += run->mem_len;
		pages += end - first + (first != last);
		last = end;
	}
	graft_text_printf(text,
			  "    memory       code %" PRIu64
			  ", constants %" PRIu64 ", data %" PRIu64
			  " bytes in %zu runs on %" PRIu64 " pages\n",
			  code, constants, data, m->run_count, pages);
}

static void
print_carried(struct graft_text *text, const struct graft_patch_module *m)
{
	graft_text_printf(text, "    carried      %" PRIu64 " bytes", //
			  m->carried_bytes);
	if (m->packed)
		graft_text_printf(text, ", %zu in the file",
				  m->packed_len + m->delta_len);
	graft_text_put(text, "\n");
	if (m->delta)
		graft_text_printf(text,
				  "    delta        %zu bytes: the code is "
				  "read with the old file%s\n",
				  m->delta_len,
				  m->lacks_code ? ", and was not" : "");
	print_runs(text, m);
	graft_text_printf(text,
			  "    records      %zu redirects, %zu fixes, %zu "
			  "imports, %zu old slots, %zu expected ranges\n",
			  m->redirect_count, m->fix_count, m->import_count,
			  m->old_slot_count, m->expect_count);
	if (m->object_count)
		graft_text_printf(text,
				  "    variables    %zu new, shared with other "
				  "hotpatches that have them\n",
				  m->object_count);
	graft_text_put(text, "    replaces\n");
	for (size_t i = 0; i < m->redirect_count; i++) {
		const struct graft_redirect *r = &m->redirects[i];
		const struct graft_carried *piece = find_carried(m,
								 r->new_addr);
		graft_text_printf(text,
				  "      0x%-10" PRIx64 " -> 0x%-10" PRIx64
				  " %6" PRIu64 "  ",
				  r->old_addr, r->new_addr,
				  piece ? piece->size : 0);
		graft_text_put_safe(text, r->name);
		graft_text_put(text, "\n");
	}
}

static void
print_module(struct graft_text *text, const struct graft_patch_module *m)
{
	graft_text_put(text, "\n");
	graft_text_put_safe(text, m->path);
	if (m->soname) {
		graft_text_put(text, " (");
		graft_text_put_safe(text, m->soname);
		graft_text_put(text, ")");
	}
	graft_text_printf(text, "\n    verdict      %s\n",
			  verdict_text(m->verdict));
	print_hex(text, "old build-id", m->old_build_id, m->old_build_id_len);
	print_hex(text, "new build-id", m->new_build_id, m->new_build_id_len);
	print_hex(text, "old sha256", m->old_sha256, sizeof(m->old_sha256));
	print_hex(text, "new sha256", m->new_sha256, sizeof(m->new_sha256));
	graft_text_printf(text,
			  "    functions    old %" PRIu32 ", new %" PRIu32
			  ", changed %" PRIu32 ", added %" PRIu32
			  ", carried %" PRIu32 "\n",
			  m->counts.old_count, m->counts.new_count,
			  m->counts.changed, m->counts.added,
			  m->counts.carried);
	print_reasons(text, m);
	if (m->verdict == GRAFT_VERDICT_HOTPATCH) {
		print_carried(text, m);
		graft_text_printf(text, "    assurance    %s\n",
				  graft_assurance_caveat(m->assurance));
	}
}

/** Say whether it may be applied while threads are in what it replaces. */
static void
print_immediate(struct graft_text *text, const struct graft_patch *patch)
{
	const char *why = graft_patch_not_immediate(patch);

	if (graft_patch_verdict(patch) != GRAFT_VERDICT_HOTPATCH)
		return;
	graft_text_printf(text, "%-14s ", "--immediate");
	if (!why) {
		graft_text_put(text,
			       "yes: a thread may go on in the old function "
			       "while others run the new one\n");
		return;
	}
	graft_text_put(text, "no: ");
	graft_text_put_safe(text, why);
	graft_text_put(text, "\n");
}

void
graft_patch_print_text(const struct graft_patch *patch, uint64_t file_len,
		       struct graft_text *text)
{
	print_line(text, "hotpatch", patch->id);
	print_line(text, "title", patch->title);
	print_line(text, "class", patch->classification);
	for (size_t i = 0; i < patch->cve_count; i++)
		print_line(text, i ? "" : "fixes", patch->cves[i]);
	print_line(text, "made by", patch->toolchain);
	print_line(text, "package", patch->package);
	print_line(text, "old version", patch->old_version);
	print_line(text, "new version", patch->new_version);
	if (file_len > 0)
		graft_text_printf(text, "%-14s %" PRIu64 " bytes\n", "file",
				  file_len);
	graft_text_printf(text, "%-14s %s\n", "verdict",
			  verdict_text(graft_patch_verdict(patch)));
	print_immediate(text, patch);
	for (size_t i = 0; i < patch->disk_count; i++)
		graft_disk_print_text(patch->disks[i], text);
	if (patch->joined)
		graft_text_printf(text, "%-14s %zu bytes in the file\n",
				  "disk, packed", patch->joined_len);
	for (size_t i = 0; i < patch->module_count; i++)
		print_module(text, &patch->modules[i]);
}
