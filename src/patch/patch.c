// SPDX-License-Identifier: Apache-2.0

#include "patch/patch.h"

#include "base/sorted.h"
#include "patch/disk.h"

#include <string.h>

struct graft_error *
graft_patch_new(struct graft_patch **ret)
{
	struct graft_patch *patch = calloc(1, sizeof(*patch));
	if (!patch)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "hotpatch");
	*ret = patch;
	return NULL;
}

void
graft_patch_free(struct graft_patch *patch)
{
	if (!patch)
		return;
	free(patch->title);
	free(patch->classification);
	free(patch->toolchain);
	free(patch->package);
	free(patch->old_version);
	free(patch->new_version);
	for (size_t i = 0; patch->cves && i < patch->cve_count; i++)
		free(patch->cves[i]);
	free(patch->cves);
	for (size_t i = 0; patch->modules && i < patch->module_count; i++)
		graft_patch_module_deinit(&patch->modules[i]);
	free(patch->modules);
	for (size_t i = 0; patch->disks && i < patch->disk_count; i++)
		graft_disk_free(patch->disks[i]);
	free(patch->disks);
	free(patch->joined);
	free(patch);
}

// A module that is half built has counts without arrays: ask for both.
static void
free_named(struct graft_patch_module *m)
{
	for (size_t i = 0; m->redirects && i < m->redirect_count; i++)
		free(m->redirects[i].name);
	free(m->redirects);
	for (size_t i = 0; m->carried && i < m->carried_count; i++)
		free(m->carried[i].name);
	free(m->carried);
	for (size_t i = 0; m->imports && i < m->import_count; i++) {
		free(m->imports[i].symbol);
		free(m->imports[i].version);
	}
	free(m->imports);
	for (size_t i = 0; m->old_slots && i < m->old_slot_count; i++) {
		free(m->old_slots[i].symbol);
		free(m->old_slots[i].version);
	}
	free(m->old_slots);
}

void
graft_patch_module_forget(struct graft_patch_module *module)
{
	module->align = 0;
	module->runs = NULL;
	module->run_count = 0;
	module->redirects = NULL;
	module->redirect_count = 0;
	module->fragments = NULL;
	module->fragment_count = 0;
	module->carried = NULL;
	module->carried_count = 0;
	module->fixes = NULL;
	module->fix_count = 0;
	module->imports = NULL;
	module->import_count = 0;
	module->old_slots = NULL;
	module->old_slot_count = 0;
	module->expects = NULL;
	module->expect_count = 0;
}

void
graft_patch_module_clear(struct graft_patch_module *module)
{
	for (size_t i = 0; module->runs && i < module->run_count; i++)
		free(module->runs[i].bytes);
	free(module->runs);
	free_named(module);
	free(module->fragments);
	free(module->fixes);
	free(module->expects);
	graft_patch_module_forget(module);
}

void
graft_patch_module_deinit(struct graft_patch_module *module)
{
	if (!module)
		return;
	free(module->path);
	free(module->soname);
	for (size_t i = 0; module->reasons && i < module->reason_count; i++)
		graft_reason_deinit(&module->reasons[i]);
	free(module->reasons);
	graft_patch_module_clear(module);
	for (size_t i = 0; module->objects && i < module->object_count; i++)
		free(module->objects[i].refs);
	free(module->objects);
	free(module->immediate_why);
	free(module->packed);
	free(module->delta);
	memset(module, 0, sizeof(*module));
}

void
graft_reason_deinit(struct graft_reason *reason)
{
	if (!reason)
		return;
	free(reason->rule);
	free(reason->where);
	free(reason->text);
	memset(reason, 0, sizeof(*reason));
}

const char *
graft_verdict_name(enum graft_verdict verdict)
{
	switch (verdict) {
	case GRAFT_VERDICT_IDENTICAL:
		return "identical";
	case GRAFT_VERDICT_HOTPATCH:
		return "hotpatch";
	case GRAFT_VERDICT_BASELINE:
		return "baseline";
	}
	return "unknown";
}

const char *
graft_assurance_name(enum graft_assurance assurance)
{
	switch (assurance) {
	case GRAFT_ASSURANCE_NONE:
		return "none";
	case GRAFT_ASSURANCE_INFERRED:
		return "inferred";
	case GRAFT_ASSURANCE_PROVEN:
		return "proven";
	}
	return "unknown";
}

size_t
graft_patch_module_first(const struct graft_patch *patch, size_t i)
{
	const struct graft_patch_module *m = &patch->modules[i];

	for (size_t k = 0; k < i; k++) {
		const struct graft_patch_module *other = &patch->modules[k];
		if (other->verdict == GRAFT_VERDICT_HOTPATCH &&
		    memcmp(other->old_sha256, m->old_sha256,
			   sizeof(m->old_sha256)) == 0 &&
		    memcmp(other->new_sha256, m->new_sha256,
			   sizeof(m->new_sha256)) == 0)
			return k;
	}
	return i;
}

bool
graft_patch_module_is_low(const struct graft_patch_module *module)
{
	for (size_t i = 0; i < module->fix_count; i++) {
		if (graft_fix_is_low(module->fixes[i].kind))
			return true;
	}
	return false;
}

bool
graft_patch_is_low(const struct graft_patch *patch)
{
	bool low = false;

	for (size_t i = 0; i < patch->module_count; i++)
		low |= graft_patch_module_is_low(&patch->modules[i]);
	return low;
}

bool
graft_patch_jumps_behind(const struct graft_patch *patch)
{
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		for (size_t k = 0; k < m->redirect_count; k++) {
			if (m->redirects[k].behind)
				return true;
		}
	}
	return false;
}

const struct graft_run *
graft_patch_run_at(const struct graft_patch_module *module, uint64_t addr)
{
	size_t i = GRAFT_SORTED_UP_TO(module->runs, module->run_count, new_addr,
				      addr);
	const struct graft_run *run = i ? &module->runs[i - 1] : NULL;

	return run && addr - run->new_addr < run->mem_len ? run : NULL;
}

const uint8_t *
graft_patch_module_bytes(const struct graft_patch_module *module, uint64_t addr,
			 uint64_t len)
{
	const struct graft_run *run = graft_patch_run_at(module, addr);
	uint64_t off = run ? addr - run->new_addr : 0;

	return run && off <= run->file_len && len <= run->file_len - off
		       ? run->bytes + off
		       : NULL;
}

enum graft_verdict
graft_patch_verdict(const struct graft_patch *patch)
{
	// The enum is in order of badness.
	enum graft_verdict worst = GRAFT_VERDICT_IDENTICAL;
	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].verdict > worst)
			worst = patch->modules[i].verdict;
	}
	return worst;
}
