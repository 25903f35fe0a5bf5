// SPDX-License-Identifier: Apache-2.0

#include "patch/check.h"

#include "base/utf8.h"
#include "patch/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct graft_error *
graft_check_bad(const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s", what);
}

struct graft_error *
graft_check_count(size_t count, size_t max, const void *array, const char *what)
{
	if (count > max)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%zu %s, more than %zu", count, what,
				       max);
	if (count > 0 && !array)
		return graft_check_bad("%zu %s that are not there", count,
				       what);
	return NULL;
}

// A string that may be shown. NULL is allowed if @p optional, "" never is
// unless @p empty.
struct graft_error *
graft_check_string(const char *str, bool optional, bool empty, const char *what)
{
	if (!str)
		return optional ? NULL : graft_check_bad("%s: missing", what);
	size_t len = strlen(str);
	if (len == 0 && !empty)
		return graft_check_bad("%s: empty", what);
	if (len > GRAFT_PATCH_STRING_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "%s: %zu bytes, more than %d", what, len,
				       (int)GRAFT_PATCH_STRING_MAX);
	if (!graft_utf8_printable(str, len))
		return graft_check_bad("%s: not UTF-8, or a control character",
				       what);
	return NULL;
}

bool
graft_check_range(uint64_t addr, uint64_t len)
{
	return len <= GRAFT_PATCH_ADDR_END &&
	       addr <= GRAFT_PATCH_ADDR_END - len;
}

static struct graft_error *
check_run(const struct graft_patch_module *m, size_t i)
{
	const struct graft_run *run = &m->runs[i];
	const uint32_t both = GRAFT_RUN_WRITE | GRAFT_RUN_EXEC;
	const unsigned long long at = run->new_addr;

	if (run->mem_len == 0 ||
	    !graft_check_range(run->new_addr, run->mem_len))
		return graft_check_bad(
			"run %zu at 0x%llx: empty or past the end of memory", i,
			at);
	if (run->file_len > run->mem_len || (run->file_len && !run->bytes))
		return graft_check_bad(
			"run %zu at 0x%llx: more in the file than in memory", i,
			at);
	if (run->flags & ~(both | GRAFT_RUN_READ) ||
	    !(run->flags & GRAFT_RUN_READ))
		return graft_check_bad("run %zu at 0x%llx: protection %u", i,
				       at, (unsigned)run->flags);
	if ((run->flags & both) == both)
		return graft_check_bad(
			"run %zu at 0x%llx: writable and executable", i, at);
	if (i == 0)
		return NULL;

	const struct graft_run *before = run - 1;
	uint64_t end = before->new_addr + before->mem_len;
	if (run->new_addr < end)
		return graft_check_bad(
			"run %zu at 0x%llx: overlaps the one before, or is "
			"not sorted",
			i, at);
	if (run->flags != before->flags &&
	    run->new_addr / GRAFT_PATCH_PAGE == (end - 1) / GRAFT_PATCH_PAGE)
		return graft_check_bad(
			"run %zu at 0x%llx: shares a page with a run of "
			"other protection",
			i, at);
	return NULL;
}

static struct graft_error *
check_runs(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(
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
		return graft_check_bad("no runs: nothing is carried");
	const struct graft_run *last = &m->runs[m->run_count - 1];
	if (last->new_addr + last->mem_len - m->runs[0].new_addr >
	    GRAFT_PATCH_SPAN_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "the runs span more than 2 GiB");
	if (m->carried_bytes > total)
		return graft_check_bad(
			"%llu bytes carried, but the runs hold %llu",
			(unsigned long long)m->carried_bytes,
			(unsigned long long)total);
	return NULL;
}

static struct graft_error *
check_hotpatch(const struct graft_patch_module *m)
{
	if (m->assurance != GRAFT_ASSURANCE_INFERRED &&
	    m->assurance != GRAFT_ASSURANCE_PROVEN)
		return graft_check_bad("a hotpatch without assurance");
	if (m->align == 0 || (m->align & (m->align - 1)) ||
	    m->align > GRAFT_PATCH_ALIGN_MAX)
		return graft_check_bad("alignment 0x%llx",
				       (unsigned long long)m->align);

	struct graft_error *err = check_runs(m);
	if (!err)
		err = graft_check_records(m);
	return err;
}

static struct graft_error *
check_no_hotpatch(const struct graft_patch_module *m)
{
	if (m->assurance != GRAFT_ASSURANCE_NONE ||
	    m->immediate != GRAFT_IMMEDIATE_UNKNOWN)
		return graft_check_bad("assurance without a hotpatch");
	if (m->run_count || m->redirect_count || m->fragment_count ||
	    m->carried_count || m->fix_count || m->import_count ||
	    m->old_slot_count || m->expect_count || m->align ||
	    m->frames_addr || m->frames_len || m->object_count ||
	    m->carried_bytes)
		return graft_check_bad("carries code, but its verdict is %s",
				       graft_verdict_name(m->verdict));
	if (m->verdict == GRAFT_VERDICT_IDENTICAL)
		return NULL;
	for (size_t i = 0; i < m->reason_count; i++) {
		if (!m->reasons[i].note)
			return NULL;
	}
	return graft_check_bad("baseline without a reason");
}

static struct graft_error *
check_reasons(const struct graft_patch_module *m)
{
	struct graft_error *err = graft_check_count(m->reason_count,
						    GRAFT_PATCH_REASONS_MAX,
						    m->reasons, "reasons");
	for (size_t i = 0; !err && i < m->reason_count; i++) {
		const struct graft_reason *r = &m->reasons[i];
		err = graft_check_string(r->rule, false, false,
					 "rule of a reason");
		if (!err)
			err = graft_check_string(r->where, false, true,
						 "place of a reason");
		if (!err)
			err = graft_check_string(r->text, false, true,
						 "text of a reason");
	}
	return err;
}

struct graft_error *
graft_patch_module_check(const struct graft_patch_module *module)
{
	struct graft_error *err = graft_check_string(module->path, false, false,
						     "path of a module");
	if (err)
		return err;

	err = graft_check_string(module->soname, true, false, "soname");
	if (!err)
		err = check_reasons(module);
	if (!err && (module->old_build_id_len > GRAFT_PATCH_BUILD_ID_MAX ||
		     module->new_build_id_len > GRAFT_PATCH_BUILD_ID_MAX))
		err = graft_check_bad("build-id longer than %d bytes",
				      (int)GRAFT_PATCH_BUILD_ID_MAX);
	if (!err)
		err = graft_check_string(module->immediate_why,
					 module->immediate !=
						 GRAFT_IMMEDIATE_REFUSED,
					 false, "answer to --immediate");
	if (!err && module->immediate_why &&
	    module->immediate != GRAFT_IMMEDIATE_REFUSED)
		err = graft_check_bad("--immediate is refused and is not");
	if (!err)
		err = module->verdict == GRAFT_VERDICT_HOTPATCH
			      ? check_hotpatch(module)
		      : module->verdict == GRAFT_VERDICT_IDENTICAL ||
				      module->verdict == GRAFT_VERDICT_BASELINE
			      ? check_no_hotpatch(module)
			      : graft_check_bad("verdict %d",
						(int)module->verdict);
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
		err = graft_check_string(strings[i].str, true, strings[i].empty,
					 strings[i].what);
	if (!err)
		err = graft_check_count(patch->cve_count, GRAFT_PATCH_CVES_MAX,
					patch->cves, "CVEs");
	for (size_t i = 0; !err && i < patch->cve_count; i++)
		err = graft_check_string(patch->cves[i], false, false, "CVE");
	if (!err)
		err = graft_check_count(patch->module_count,
					GRAFT_LIMIT_MODULES, patch->modules,
					"modules");
	return err;
}
