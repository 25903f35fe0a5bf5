// SPDX-License-Identifier: Apache-2.0

#include "patch/joined.h"

#include "base/sha256.h"
#include "patch/disks.h"
#include "patch/limits.h"
#include "patch/manifest.h"
#include "patch/prefix.h"

#include <string.h>
#include <zstd.h>

void
graft_joined_forget(struct graft_patch *patch)
{
	free(patch->joined);
	patch->joined = NULL;
	patch->joined_len = 0;
}

static struct graft_error *
check_size(uint64_t size, uint64_t len)
{
	if (size > GRAFT_PATCH_JOINED_MAX || size / GRAFT_PATCH_RATIO_MAX > len)
		return graft_error_new(
			GRAFT_ERROR_LIMIT, "%llu bytes that decompress to %llu",
			(unsigned long long)len, (unsigned long long)size);
	return NULL;
}

struct graft_error *
graft_joined_pack(struct graft_patch *patch)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text all = { 0 };
	GRAFT_FREE uint8_t *frame = NULL;
	size_t len;

	if (patch->joined)
		return NULL;
	for (size_t i = 0; i < patch->disk_count; i++) {
		const struct graft_disk *disk = patch->disks[i];
		if (!disk->joined)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a part that is packed by "
					       "itself beside one that is not");
		graft_text_put_bytes(&all, disk->index, disk->index_len);
	}
	for (size_t i = 0; i < patch->disk_count; i++)
		graft_text_put_bytes(&all, patch->disks[i]->data,
				     patch->disks[i]->data_len);
	if (all.failed)
		return graft_error_no_memory();
	struct graft_error *err =
		graft_prefix_compress((const uint8_t *)graft_text_str(&all),
				      all.len, NULL, 0, &frame, &len);
	if (!err)
		err = check_size(all.len, len);
	if (err)
		return err;
	patch->joined = GRAFT_TAKE(frame);
	patch->joined_len = len;
	return NULL;
}

static uint8_t *
copy_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (copy && len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

/** Read the index of a part; *off goes behind it. */
static struct graft_error *
take_index(const uint8_t *all, size_t size, size_t *off,
	   const struct graft_manifest_disk *wanted, struct graft_disk **ret)
{
	GRAFT_CLEANUP(graft_disk_freep) struct graft_disk *disk = NULL;
	const uint8_t *index = all + *off;
	uint8_t sha256[GRAFT_SHA256_LEN];

	if (wanted->size > size - *off)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "an index is cut off");
	struct graft_error *err = graft_sha256(index, wanted->size, sha256);
	if (!err && memcmp(sha256, wanted->sha256, sizeof(sha256)) != 0)
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"its SHA-256 is not the one in the manifest");
	if (!err)
		err = graft_disk_decode_index((const char *)index, wanted->size,
					      &disk);
	if (!err && !disk->joined)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "a part that is packed by itself");
	if (err)
		return err;
	disk->index = copy_bytes(index, wanted->size);
	if (!disk->index)
		return graft_error_no_memory();
	disk->index_len = wanted->size;
	disk->index_size = wanted->size;
	memcpy(disk->index_sha256, sha256, sizeof(sha256));
	*off += wanted->size;
	*ret = GRAFT_TAKE(disk);
	return NULL;
}

/** Take what an index says that it brings; *off goes behind it. */
static struct graft_error *
take_data(const uint8_t *all, size_t size, size_t *off, struct graft_disk *disk)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };

	if (disk->data_len > size - *off)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "what a part brings is cut off");
	disk->data = copy_bytes(all + *off, disk->data_len);
	if (!disk->data)
		return graft_error_no_memory();
	*off += disk->data_len;
	return graft_disk_find_frames(disk, &frames);
}

static struct graft_error *
take_parts(const uint8_t *all, size_t size,
	   const struct graft_manifest_disks *disks, struct graft_patch *patch)
{
	struct graft_error *err = NULL;
	size_t off = 0;

	for (size_t i = 0; !err && i < disks->count; i++) {
		err = take_index(all, size, &off, &disks->items[i],
				 &patch->disks[i]);
		if (err)
			err = graft_error_prefix(err, "index %zu", i);
	}
	for (size_t i = 0; !err && i < disks->count; i++) {
		err = take_data(all, size, &off, patch->disks[i]);
		if (err)
			err = graft_error_prefix(err, "part %zu", i);
	}
	if (!err && off != size)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "something behind the last part");
	return err;
}

struct graft_error *
graft_joined_unpack(const uint8_t *bytes, size_t len,
		    const struct graft_manifest_disks *disks,
		    struct graft_patch *patch)
{
	GRAFT_FREE uint8_t *all = NULL;
	const uint64_t size = ZSTD_getFrameContentSize(bytes, len);
	size_t end = 0;

	struct graft_error *err = graft_prefix_find_end(bytes, len, size, &end);
	if (!err && end != len)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "something behind the frame");
	if (!err)
		err = check_size(size, len);
	if (!err)
		err = graft_prefix_decompress(bytes, len, NULL, 0, size, &all);
	if (!err)
		err = take_parts(all, size, disks, patch);
	if (err)
		return graft_error_prefix(err, "%s", GRAFT_JOINED_MEMBER);
	patch->joined = copy_bytes(bytes, len);
	if (!patch->joined)
		return graft_error_no_memory();
	patch->joined_len = len;
	return NULL;
}
