// SPDX-License-Identifier: Apache-2.0

#include "base/hex.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "patch/immediate.h"
#include "patch/manifest.h"
#include "patch/print.h"

#include <inttypes.h>
#include <string.h>

static void
put_string(struct graft_text *text, const char *key, const char *str)
{
	graft_text_printf(text, "\"%s\":", key);
	if (str)
		graft_manifest_put_string(text, str);
	else
		graft_text_put(text, "null");
	graft_text_put(text, ",");
}

static void
put_hex(struct graft_text *text, const char *key, const uint8_t *bytes,
	size_t len)
{
	char digits[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	graft_hex_encode(bytes, len, digits);
	graft_text_printf(text, "\"%s\":\"%s\",", key, digits);
}

// What both kinds of output say of a module, without the closing brace.
static void
put_module(struct graft_text *text, const struct graft_patch_module *m,
	   uint64_t package_bytes)
{
	graft_text_put(text, "{");
	put_string(text, "path", m->path);
	put_string(text, "soname", m->soname);
	put_hex(text, "old_build_id", m->old_build_id, m->old_build_id_len);
	put_hex(text, "new_build_id", m->new_build_id, m->new_build_id_len);
	put_string(text, "verdict", graft_verdict_name(m->verdict));
	put_string(text, "assurance", graft_assurance_name(m->assurance));
	graft_text_put(text, "\"reasons\":");
	graft_manifest_put_reasons(text, m);
	graft_text_put(text, ",\"functions\":");
	graft_manifest_put_counts(text, &m->counts);
	graft_text_printf(text,
			  ",\"carried_bytes\":%" PRIu64
			  ",\"package_bytes\":%" PRIu64,
			  m->carried_bytes, package_bytes);
}

static void
put_redirects(struct graft_text *text, const struct graft_patch_module *m)
{
	graft_text_put(text, ",\"redirects\":[");
	for (size_t i = 0; i < m->redirect_count; i++) {
		const struct graft_redirect *r = &m->redirects[i];
		graft_text_put(text, i ? ",{" : "{");
		put_string(text, "name", r->name);
		graft_text_printf(text,
				  "\"old_addr\":%" PRIu64 ",\"old_room\":"
				  "%" PRIu32 ",\"new_addr\":%" PRIu64 "}",
				  r->old_addr, r->old_room, r->new_addr);
	}
	graft_text_put(text, "],\"carried\":[");
	for (size_t i = 0; i < m->carried_count; i++) {
		const struct graft_carried *piece = &m->carried[i];
		graft_text_put(text, i ? ",{" : "{");
		put_string(text, "name", piece->name);
		graft_text_printf(
			text, "\"new_addr\":%" PRIu64 ",\"size\":%" PRIu64 "}",
			piece->new_addr, piece->size);
	}
	graft_text_put(text, "]");
}

static void
put_runs(struct graft_text *text, const struct graft_patch_module *m)
{
	graft_text_put(text, ",\"runs\":[");
	for (size_t i = 0; i < m->run_count; i++) {
		const struct graft_run *run = &m->runs[i];
		graft_text_printf(text,
				  "%s{\"new_addr\":%" PRIu64 ",\"mem_len\":"
				  "%" PRIu64 ",\"file_len\":%" PRIu64
				  ",\"flags\":\"%s%s%s\"}",
				  i ? "," : "", run->new_addr, run->mem_len,
				  run->file_len,
				  run->flags & GRAFT_RUN_READ ? "r" : "",
				  run->flags & GRAFT_RUN_WRITE ? "w" : "",
				  run->flags & GRAFT_RUN_EXEC ? "x" : "");
	}
	graft_text_printf(text,
			  "],\"fixes\":%zu,\"imports\":%zu,\"old_slots\":%zu,"
			  "\"expects\":%zu",
			  m->fix_count, m->import_count, m->old_slot_count,
			  m->expect_count);
}

static void
put_disk(struct graft_text *text, const struct graft_disk *disk)
{
	graft_text_put(text, "{");
	put_string(text, "package", disk->package);
	put_string(text, "architecture", disk->architecture);
	put_string(text, "old_version", disk->old_version);
	put_string(text, "new_version", disk->new_version);
	graft_text_printf(text, "\"%s\":%zu,\"files\":[",
			  disk->joined ? "unpacked_bytes" : "bytes",
			  disk->index_len + disk->data_len);
	for (size_t i = 0, count = 0; i < disk->entry_count; i++) {
		const struct graft_disk_entry *entry = &disk->entries[i];
		if (entry->type != GRAFT_DISK_FILE)
			continue;
		graft_text_put(text, count++ ? ",{" : "{");
		put_string(text, "path", entry->path);
		put_string(text, "source",
			   graft_disk_source_name(entry->source));
		put_hex(text, "sha256", entry->sha256, sizeof(entry->sha256));
		graft_text_printf(text, "\"size\":%" PRIu64 "}", entry->size);
	}
	graft_text_put(text, "]}");
}

/** What there is for the disk: "disk" of one part, "disks" of several. */
static void
put_disks(struct graft_text *text, const struct graft_patch *patch)
{
	if (!patch->disk_count)
		return;
	graft_text_put(text,
		       patch->disk_count > 1 ? "\"disks\":[" : "\"disk\":");
	for (size_t i = 0; i < patch->disk_count; i++) {
		graft_text_put(text, i ? "," : "");
		put_disk(text, patch->disks[i]);
	}
	graft_text_put(text, patch->disk_count > 1 ? "]," : ",");
	if (patch->joined)
		graft_text_printf(text, "\"disk_bytes\":%zu,",
				  patch->joined_len);
}

void
graft_patch_print_json(const struct graft_patch *patch, uint64_t file_len,
		       struct graft_text *text)
{
	graft_text_put(text, "{");
	put_string(text, "id", patch->id);
	put_string(text, "title", patch->title);
	put_string(text, "classification", patch->classification);
	put_string(text, "toolchain", patch->toolchain);
	put_string(text, "package", patch->package);
	put_string(text, "old_version", patch->old_version);
	put_string(text, "new_version", patch->new_version);
	graft_text_put(text, "\"cves\":[");
	for (size_t i = 0; i < patch->cve_count; i++) {
		graft_text_put(text, i ? "," : "");
		graft_manifest_put_string(text, patch->cves[i]);
	}
	graft_text_put(text, "],");
	put_string(text, "verdict",
		   graft_verdict_name(graft_patch_verdict(patch)));
	const char *why = graft_patch_not_immediate(patch);
	graft_text_printf(text, "\"immediate\":%s,", why ? "false" : "true");
	put_string(text, "not_immediate", why);
	put_disks(text, patch);
	graft_text_put(text, "\"modules\":[");
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		graft_text_put(text, i ? "," : "");
		put_module(text, m, m->packed_len + m->delta_len);
		graft_text_put(text, ",");
		put_hex(text, "old_sha256", m->old_sha256,
			sizeof(m->old_sha256));
		put_hex(text, "new_sha256", m->new_sha256,
			sizeof(m->new_sha256));
		put_string(text, "caveat",
			   graft_assurance_caveat(m->assurance));
		graft_text_printf(text, "\"delta\":%s,",
				  m->delta ? "true" : "false");
		graft_text_printf(text, "\"align\":%" PRIu64, m->align);
		put_redirects(text, m);
		put_runs(text, m);
		graft_text_put(text, "}");
	}
	graft_text_printf(text, "],\"package_bytes\":%" PRIu64 "}\n", file_len);
}

// The bytes of the one or two members of a module.
static struct graft_error *
take_stored(const struct graft_patch *patch, size_t i, const uint8_t *bytes,
	    size_t len, size_t *off, size_t *ret)
{
	struct graft_tar_member member;
	char name[GRAFT_TAR_NAME_LEN];

	struct graft_error *err = graft_tar_next(bytes, len, off, &member);
	if (err)
		return err;
	*ret = member.len;
	graft_manifest_delta_member(patch, i, name);
	// A header begins with its name; zeroes are the end.
	if (strncmp((const char *)bytes + *off, name, sizeof(name)) != 0)
		return NULL;
	err = graft_tar_next(bytes, len, off, &member);
	if (!err)
		*ret += member.len;
	return err;
}

struct graft_error *
graft_patch_print_diff_json(struct graft_patch *patch, struct graft_text *text)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	struct graft_tar_member member;
	size_t len;
	size_t off = 0;

	struct graft_error *err = graft_patch_encode(patch, &bytes, &len);
	if (err)
		return err;
	err = graft_tar_next(bytes, len, &off, &member);
	if (err)
		return err;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text out = { 0 };
	graft_text_put(&out, "{\"modules\":[");
	for (size_t i = 0; i < patch->module_count; i++) {
		const struct graft_patch_module *m = &patch->modules[i];
		size_t stored = 0;
		// Members stand in the order of their modules.
		if (m->verdict == GRAFT_VERDICT_HOTPATCH &&
		    graft_patch_module_first(patch, i) == i)
			err = take_stored(patch, i, bytes, len, &off, &stored);
		if (err)
			return err;
		graft_text_put(&out, i ? ",\n" : "\n");
		put_module(&out, m, stored);
		graft_text_put(&out, "}");
	}
	graft_text_printf(&out, "\n],\"package_bytes\":%zu}\n", len);
	if (out.failed)
		return graft_error_no_memory();
	graft_text_put_bytes(text, out.str, out.len);
	return NULL;
}
