// SPDX-License-Identifier: Apache-2.0

#include "patch/manifest.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "patch/limits.h"
#include "patch/objects.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	/** Longest build-id that names a member. */
	MEMBER_BUILD_ID_MAX = 32,
	MEMBER_KEY_LEN = 2 * 32 + 1,
};
static_assert(GRAFT_PATCH_FORMAT < 10, "GRAFT_MANIFEST_START has one digit");

static void
make_key(const struct graft_patch_module *m, char ret[MEMBER_KEY_LEN])
{
	if (m->old_build_id_len > 0 &&
	    m->old_build_id_len <= MEMBER_BUILD_ID_MAX)
		graft_hex_encode(m->old_build_id, m->old_build_id_len, ret);
	else
		graft_hex_encode(m->old_sha256, sizeof(m->old_sha256), ret);
}

void
graft_manifest_member(const struct graft_patch *patch, size_t i,
		      char ret[GRAFT_TAR_NAME_LEN])
{
	char key[MEMBER_KEY_LEN];
	char other[MEMBER_KEY_LEN];
	bool taken = false;

	i = graft_patch_module_first(patch, i);
	make_key(&patch->modules[i], key);
	for (size_t k = 0; k < i && !taken; k++) {
		if (patch->modules[k].verdict != GRAFT_VERDICT_HOTPATCH)
			continue;
		make_key(&patch->modules[k], other);
		taken = strcmp(key, other) == 0;
	}
	if (taken)
		(void)snprintf(ret, GRAFT_TAR_NAME_LEN, "modules/%s-%zu.elf",
			       key, i);
	else
		(void)snprintf(ret, GRAFT_TAR_NAME_LEN, "modules/%s.elf", key);
}

void
graft_manifest_delta_member(const struct graft_patch *patch, size_t i,
			    char ret[GRAFT_TAR_NAME_LEN])
{
	static const char suffix[] = ".delta";

	graft_manifest_member(patch, i, ret);
	char *dot = strrchr(ret, '.');
	static_assert(sizeof("modules/-4096") + MEMBER_KEY_LEN +
				      sizeof(suffix) <=
			      GRAFT_TAR_NAME_LEN,
		      "room for the name of a delta");
	memcpy(dot, suffix, sizeof(suffix));
}

void
graft_manifest_put_string(struct graft_text *out, const char *str)
{
	graft_text_put(out, "\"");
	if (graft_utf8_printable(str, strlen(str))) {
		for (const char *at = str; *at; at++) {
			if (*at == '"' || *at == '\\')
				graft_text_put(out, "\\");
			graft_text_put_bytes(out, at, 1);
		}
	} else {
		// Never in a file; `graft diff` may meet such a path.
		for (const char *at = str; *at; at++) {
			if (*at == '"' || *at == '\\')
				graft_text_put(out, "\\");
			if (*at >= 0x20 && *at < 0x7f)
				graft_text_put_bytes(out, at, 1);
			else
				graft_text_put(out, "\\ufffd");
		}
	}
	graft_text_put(out, "\"");
}

static void
put_key(struct graft_text *out, const char *key)
{
	graft_text_printf(out, ",\"%s\":", key);
}

static void
put_text(struct graft_text *out, const char *key, const char *str)
{
	put_key(out, key);
	graft_manifest_put_string(out, str ? str : "");
}

static void
put_optional(struct graft_text *out, const char *key, const char *str)
{
	if (str)
		put_text(out, key, str);
}

static void
put_hex(struct graft_text *out, const char *key, const uint8_t *bytes,
	size_t len)
{
	char digits[2 * GRAFT_PATCH_BUILD_ID_MAX + 1];

	assert(len <= GRAFT_PATCH_BUILD_ID_MAX);
	graft_hex_encode(bytes, len, digits);
	graft_text_printf(out, ",\"%s\":\"%s\"", key, digits);
}

void
graft_manifest_put_reasons(struct graft_text *out,
			   const struct graft_patch_module *m)
{
	graft_text_put(out, "[");
	for (size_t i = 0; i < m->reason_count; i++) {
		const struct graft_reason *r = &m->reasons[i];
		graft_text_put(out, i ? ",{\"rule\":" : "{\"rule\":");
		graft_manifest_put_string(out, r->rule);
		put_text(out, "where", r->where);
		put_text(out, "text", r->text);
		graft_text_put(out, r->note ? ",\"note\":true}" : "}");
	}
	graft_text_put(out, "]");
}

void
graft_manifest_put_counts(struct graft_text *out,
			  const struct graft_patch_counts *counts)
{
	graft_text_printf(out,
			  "{\"old\":%" PRIu32 ",\"new\":%" PRIu32
			  ",\"changed\":%" PRIu32 ",\"added\":%" PRIu32
			  ",\"carried\":%" PRIu32 "}",
			  counts->old_count, counts->new_count, counts->changed,
			  counts->added, counts->carried);
}

static void
put_immediate(struct graft_text *out, const struct graft_patch_module *m)
{
	if (m->immediate == GRAFT_IMMEDIATE_PROVEN)
		put_text(out, "immediate", "proven");
	if (m->immediate != GRAFT_IMMEDIATE_REFUSED)
		return;
	put_text(out, "immediate", "refused");
	put_text(out, "immediate_why", m->immediate_why);
}

static void
put_module(const struct graft_patch *patch, size_t i,
	   const struct graft_manifest_elf *elf, struct graft_text *out)
{
	const struct graft_patch_module *m = &patch->modules[i];
	char member[GRAFT_TAR_NAME_LEN];
	char sha256[2 * GRAFT_PATCH_SHA256_SIZE + 1];

	graft_text_put(out, i ? ",\n{\"path\":" : "\n{\"path\":");
	graft_manifest_put_string(out, m->path);
	put_optional(out, "soname", m->soname);
	put_hex(out, "old_build_id", m->old_build_id, m->old_build_id_len);
	put_hex(out, "new_build_id", m->new_build_id, m->new_build_id_len);
	put_hex(out, "old_sha256", m->old_sha256, sizeof(m->old_sha256));
	put_hex(out, "new_sha256", m->new_sha256, sizeof(m->new_sha256));
	put_text(out, "verdict", graft_verdict_name(m->verdict));
	put_text(out, "assurance", graft_assurance_name(m->assurance));
	put_key(out, "reasons");
	graft_manifest_put_reasons(out, m);
	put_key(out, "functions");
	graft_manifest_put_counts(out, &m->counts);
	if (m->verdict == GRAFT_VERDICT_HOTPATCH) {
		graft_manifest_member(patch, i, member);
		graft_hex_encode(elf->sha256, sizeof(elf->sha256), sha256);
		graft_text_printf(out, ",\"carried_bytes\":%" PRIu64,
				  m->carried_bytes);
		if (m->frames_len)
			graft_text_printf(out,
					  ",\"frames\":{\"addr\":%" PRIu64
					  ",\"size\":%" PRIu64 "}",
					  m->frames_addr, m->frames_len);
		graft_objects_put(out, m);
		put_immediate(out, m);
		graft_text_printf(out,
				  ",\"elf\":{\"member\":\"%s\",\"size\":"
				  "%" PRIu64 ",\"sha256\":\"%s\"",
				  member, elf->size, sha256);
		if (elf->delta)
			put_hex(out, "skeleton_sha256", elf->skeleton_sha256,
				sizeof(elf->skeleton_sha256));
		graft_text_put(out, "}");
	}
	graft_text_put(out, "}");
}

struct graft_error *
graft_manifest_id(const char *json, size_t len,
		  char ret[GRAFT_PATCH_ID_LEN + 1])
{
	const size_t head = GRAFT_MANIFEST_ID_OFF;
	const size_t tail = head + GRAFT_PATCH_ID_LEN;
	uint8_t sha256[GRAFT_SHA256_LEN];

	assert(len >= tail);
	GRAFT_FREE char *rest = malloc(len);
	if (!rest)
		return graft_error_no_memory();
	memcpy(rest, json, head);
	memcpy(rest + head, json + tail, len - tail);
	struct graft_error *err = graft_sha256(rest, len - GRAFT_PATCH_ID_LEN,
					       sha256);
	if (!err)
		graft_hex_encode(sha256, GRAFT_PATCH_ID_LEN / 2, ret);
	return err;
}

// One part is written as ever.
static void
put_disks(const struct graft_manifest_disks *disks, struct graft_text *out)
{
	if (!disks->count)
		return;
	put_key(out, disks->count > 1 ? "disks" : "disk");
	graft_text_put(out, disks->count > 1 ? "[" : "");
	for (size_t i = 0; i < disks->count; i++) {
		const struct graft_manifest_disk *disk = &disks->items[i];
		graft_text_printf(out, "%s{\"size\":%" PRIu64, i ? "," : "",
				  disk->size);
		put_hex(out, "sha256", disk->sha256, sizeof(disk->sha256));
		graft_text_put(out, "}");
	}
	graft_text_put(out, disks->count > 1 ? "]" : "");
}

struct graft_error *
graft_manifest_encode(struct graft_patch *patch,
		      const struct graft_manifest_elf *elfs,
		      const struct graft_manifest_disks *disks,
		      struct graft_text *out)
{
	char id[GRAFT_PATCH_ID_LEN + 1] = "";
	int format = 1;

	for (size_t i = 0; i < patch->module_count; i++) {
		if (patch->modules[i].immediate != GRAFT_IMMEDIATE_UNKNOWN)
			format = 4;
		else if (format < 3 && patch->modules[i].object_count)
			format = 3;
		else if (format < 2 &&
			 (elfs[i].delta || patch->modules[i].frames_len))
			format = 2;
	}
	if (patch->jumps_behind && format < 3)
		format = 3;
	if (disks->count)
		format = disks->count > 1 ? 6 : 5;
	if (patch->is_low)
		format = 7;
	if (disks->count && disks->joined)
		format = 8;
	graft_text_printf(out, GRAFT_MANIFEST_START "%0*d\"", format,
			  (int)GRAFT_PATCH_ID_LEN, 0);
	put_text(out, "title", patch->title);
	put_text(out, "classification", patch->classification);
	put_text(out, "toolchain", patch->toolchain);
	put_optional(out, "package", patch->package);
	put_optional(out, "old_version", patch->old_version);
	put_optional(out, "new_version", patch->new_version);
	put_key(out, "cves");
	graft_text_put(out, "[");
	for (size_t i = 0; i < patch->cve_count; i++) {
		graft_text_put(out, i ? "," : "");
		graft_manifest_put_string(out, patch->cves[i]);
	}
	graft_text_put(out, "]");
	put_disks(disks, out);
	put_key(out, "modules");
	graft_text_put(out, "[");
	for (size_t i = 0; i < patch->module_count; i++)
		put_module(patch, i, &elfs[i], out);
	graft_text_put(out, "\n]}\n");
	if (out->failed)
		return graft_error_no_memory();
	if (out->len > GRAFT_LIMIT_MANIFEST_BYTES)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "manifest of %zu bytes", out->len);

	struct graft_error *err = graft_manifest_id(out->str, out->len, id);
	if (err)
		return err;
	memcpy(out->str + GRAFT_MANIFEST_ID_OFF, id, GRAFT_PATCH_ID_LEN);
	memcpy(patch->id, id, sizeof(patch->id));
	return NULL;
}
