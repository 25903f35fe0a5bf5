// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Fuzz the decoder of `.graft` files.
 *
 * The first byte of the input chooses what the rest is: a whole file (its
 * hashes made right first, so that mutations get past them), the ELF file of a
 * module, a manifest, the index of a part for the disk ('i'), a difference ('x'),
 * what leads from one library to another ('m'), or ('d') a whole file whose deltas are completed with the
 * OLD file of make_old(). Properties: what decodes, encodes to the same
 * bytes, also when it was completed; what cannot be completed is left as it was.
 */

#include "fuzz.h"
#include "patch/delta.h"
#include "patch/difference.h"
#include "patch/disk.h"
#include "patch/file.h"
#include "patch/manifest.h"
#include "patch/module.h"
#include "patch/moved.h"
#include "patch/print.h"

/** What a hotpatch says of itself stands in no error. */
static void
refused_in_a_line(struct graft_error *err)
{
	promise(!strchr(graft_error_message(err), '\n'));
	refused(err);
}

static void
refused_or_not(struct graft_error *err)
{
	if (err)
		refused_in_a_line(err);
}

static void
fuzz_file(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE uint8_t *copy = copy_input(data, size);
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;

	if (!copy)
		return;
	graft_patch_seal(copy, size);
	struct graft_error *err = graft_patch_decode(copy, size, &patch);
	if (err) {
		refused_in_a_line(err);
		return;
	}
	must(graft_patch_encode(patch, &again, &len));
	if (len != size || memcmp(again, copy, size) != 0)
		abort();
	graft_patch_print_text(patch, size, &text);
	graft_patch_print_json(patch, size, &text);
	must(graft_patch_print_diff_json(patch, &text));
}

static void
fuzz_module(const uint8_t *data, size_t size)
{
	struct graft_patch_module m = {
		.verdict = GRAFT_VERDICT_HOTPATCH,
		.assurance = GRAFT_ASSURANCE_INFERRED,
		.path = strdup("module"),
	};
	GRAFT_FREE uint8_t *copy = copy_input(data, size);

	// graft_patch_module_decode() compares with the input itself.
	if (copy && m.path) {
		struct graft_error *err = graft_patch_module_decode(copy, size,
								    &m);
		if (err)
			refused_in_a_line(err);
		else
			must(graft_patch_module_check(&m));
	}
	graft_patch_module_deinit(&m);
}

static void
fuzz_manifest(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE struct graft_manifest_elf *elfs = NULL;
	GRAFT_FREE char *json = (char *)copy_input(data, size);
	char id[GRAFT_PATCH_ID_LEN + 1];

	if (!json)
		return;
	if (size > GRAFT_MANIFEST_ID_OFF + GRAFT_PATCH_ID_LEN) {
		must(graft_manifest_id(json, size, id));
		memcpy(json + GRAFT_MANIFEST_ID_OFF, id, GRAFT_PATCH_ID_LEN);
	}
	GRAFT_CLEANUP(graft_manifest_disks_deinit)
	struct graft_manifest_disks disks = { 0 };
	struct graft_error *err = graft_manifest_decode(json, size, &patch,
							&elfs, &disks);
	if (err)
		refused_in_a_line(err);
}

enum {
	OLD_LEN = 20000,
};

// An OLD file: the same bytes on every machine, none of them alike.
static void
make_old(uint8_t ret[OLD_LEN])
{
	uint64_t state = 42;

	for (size_t i = 0; i < OLD_LEN; i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		ret[i] = (uint8_t)(state * 0x2545f4914f6cdd1dU);
	}
}

static void
must_encode_to(struct graft_patch *patch, const uint8_t *bytes, size_t size)
{
	GRAFT_FREE uint8_t *again = NULL;
	size_t len;

	must(graft_patch_encode(patch, &again, &len));
	if (len != size || memcmp(again, bytes, size) != 0)
		abort();
}

// Complete a module with the hashes that it takes for that.
static void
complete(struct graft_patch *patch, struct graft_patch_module *m,
	 const uint8_t *old, const uint8_t *bytes, size_t size)
{
	uint8_t old_sha256[GRAFT_PATCH_SHA256_SIZE];
	uint8_t elf_sha256[GRAFT_PATCH_SHA256_SIZE];

	memcpy(old_sha256, m->old_sha256, sizeof(old_sha256));
	memcpy(elf_sha256, m->elf_sha256, sizeof(elf_sha256));
	graft_delta_seal(m, old, OLD_LEN);
	struct graft_error *err = graft_delta_complete(m, "old", old, OLD_LEN);
	memcpy(m->old_sha256, old_sha256, sizeof(old_sha256));
	if (!err) {
		if (m->lacks_code)
			abort();
		must(graft_patch_module_check(m));
		return;
	}
	refused_in_a_line(err);
	if (!m->lacks_code)
		abort();
	memcpy(m->elf_sha256, elf_sha256, sizeof(elf_sha256));
	must_encode_to(patch, bytes, size);
}

static void
fuzz_delta(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_patch_freep) struct graft_patch *patch = NULL;
	GRAFT_FREE uint8_t *copy = copy_input(data, size);
	GRAFT_FREE uint8_t *old = malloc(OLD_LEN);

	if (!copy || !old)
		return;
	make_old(old);
	graft_patch_seal(copy, size);
	struct graft_error *err = graft_patch_decode(copy, size, &patch);
	if (err) {
		refused_in_a_line(err);
		return;
	}
	must_encode_to(patch, copy, size);
	// One only: the hash of another file would be in the manifest.
	for (size_t i = 0; i < patch->module_count; i++) {
		if (!patch->modules[i].lacks_code)
			continue;
		complete(patch, &patch->modules[i], old, copy, size);
		break;
	}
}

static void
fuzz_index(const uint8_t *data, size_t size)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	GRAFT_FREE char *json = (char *)copy_input(data, size);

	if (!json)
		return;
	// graft_disk_decode_index() compares with the input itself.
	struct graft_error *err = graft_disk_decode_index(json, size, &disk);
	if (err) {
		refused_in_a_line(err);
		return;
	}
	must(graft_disk_check(disk));
	graft_disk_print_text(disk, &text);
}

static void
fuzz_difference(const uint8_t *data, size_t size)
{
	GRAFT_FREE uint8_t *bytes = copy_input(data, size);
	GRAFT_FREE uint8_t *old = malloc(OLD_LEN);
	GRAFT_FREE uint8_t *new = NULL;

	if (!bytes || !old)
		return;
	make_old(old);
	// The last bytes are those of the new file: try each length that is short.
	for (size_t len = 0; !new &&len <= size &&len < 64; len++)
		refused_or_not(graft_difference_apply(bytes, size, old, OLD_LEN,
						      len, &new));
}

/**
 * What leads from one library to another: two bytes are the length of the old file, which
 * follows them.
 */
static void
fuzz_moved(const uint8_t *data, size_t size)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	GRAFT_FREE uint8_t *old = NULL;
	GRAFT_FREE uint8_t *new = NULL;

	if (size < 2)
		return;
	const size_t wanted = (size_t)data[0] << 8 | data[1];
	const size_t old_len = wanted < size - 2 ? wanted : size - 2;
	old = copy_input(data + 2, old_len);
	bytes = copy_input(data + 2 + old_len, size - 2 - old_len);
	if (!bytes || !old)
		return;
	for (size_t len = 0; !new &&len < 2 * size &&len < 4096;
	     len += len < 64 ? 1 : 64)
		refused_or_not(graft_moved_apply(bytes, size - 2 - old_len, old,
						 old_len, len, &new));
	if (new)
		return;
	// Whatever the two are, what is made of them leads from one to the other.
	GRAFT_FREE uint8_t *made = NULL;
	GRAFT_FREE uint8_t *back = NULL;
	size_t len;
	must(graft_moved_make(old, old_len, bytes, size - 2 - old_len, &made,
			      &len));
	must(graft_moved_apply(made, len, old, old_len, size - 2 - old_len,
			       &back));
	if (memcmp(back, bytes, size - 2 - old_len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'e':
		fuzz_module(data + 1, size - 1);
		break;
	case 'j':
		fuzz_manifest(data + 1, size - 1);
		break;
	case 'i':
		fuzz_index(data + 1, size - 1);
		break;
	case 'x':
		fuzz_difference(data + 1, size - 1);
		break;
	case 'm':
		fuzz_moved(data + 1, size - 1);
		break;
	case 'd':
		fuzz_delta(data + 1, size - 1);
		break;
	default:
		// A plain `.graft` file is a seed too: it starts with an 'm'.
		fuzz_file(data, size);
		break;
	}
	return 0;
}
