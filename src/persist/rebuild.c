// SPDX-License-Identifier: Apache-2.0

#include "persist/rebuild.h"

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/text.h"
#include "patch/difference.h"
#include "patch/disk.h"
#include "patch/moved.h"
#include "patch/prefix.h"
#include "persist/deb_write.h"
#include "persist/gzip.h"
#include "persist/installed.h"

#include <string.h>

/** What is under construction. */
struct rebuilding {
	const struct graft_disk *disk;
	const struct graft_installed *installed;
	struct graft_hidden *hidden;
	/** NULL: nothing is written. */
	struct graft_deb_writer *writer;
	/** Looked up once: to find one takes as long as to find all. */
	struct graft_disk_frames frames;
	uint8_t *whole;
	size_t whole_off;
};

static void
rebuilding_deinit(struct rebuilding *r)
{
	graft_deb_writer_free(r->writer);
	graft_disk_frames_deinit(&r->frames);
	free(r->whole);
}

/** Compare bytes with a hash. */
static struct graft_error *
has_hash(const uint8_t *bytes, size_t len,
	 const uint8_t wanted[GRAFT_SHA256_LEN], bool *ret)
{
	uint8_t sha256[GRAFT_SHA256_LEN];
	struct graft_error *err = graft_sha256(bytes, len, sha256);

	*ret = !err && memcmp(sha256, wanted, sizeof(sha256)) == 0;
	return err;
}

/** What the hotpatch gives must have the hash that it says. */
static struct graft_error *
check_new(const uint8_t *bytes, size_t len,
	  const uint8_t wanted[GRAFT_SHA256_LEN], const char *name)
{
	bool right;
	struct graft_error *err = has_hash(bytes, len, wanted, &right);

	if (!err && !right)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "%s: what the hotpatch gives has "
				      "another SHA-256 than it says",
				      name);
	return err;
}

static struct graft_error *
not_as_it_came(const struct graft_disk *disk, const char *what)
{
	if (!disk->package)
		return graft_error_new(GRAFT_ERROR_REFUSED,
				       "%s: is not the old file", what);
	return graft_error_new(
		GRAFT_ERROR_REFUSED,
		"%s: is not as %s %s brought it; `apt-get install --reinstall "
		"%s=%s` mends it",
		what, disk->package, disk->old_version, disk->package,
		disk->old_version);
}

struct graft_error *
graft_rebuild_read_whole(const struct graft_disk *disk, uint8_t **ret)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	struct graft_error *err = graft_disk_find_frames(disk, &frames);

	if (err)
		return err;
	if (!frames.whole.bytes) {
		*ret = calloc(1, 1);
		return *ret ? NULL : graft_error_no_memory();
	}
	if (disk->joined) {
		*ret = malloc(frames.whole.len + 1);
		if (!*ret)
			return graft_error_no_memory();
		memcpy(*ret, frames.whole.bytes, frames.whole.len);
		return NULL;
	}
	return graft_prefix_decompress(frames.whole.bytes, frames.whole.len,
				       NULL, 0, graft_disk_whole_size(disk),
				       ret);
}

static struct graft_error *
apply_difference(const struct graft_disk_entry *entry,
		 const struct graft_disk_frame *frame, const uint8_t *old,
		 size_t old_len, uint8_t **ret)
{
	GRAFT_FREE uint8_t *difference = NULL;

	struct graft_error *err =
		graft_prefix_decompress(frame->bytes, frame->len, old, old_len,
					entry->difference_size, &difference);
	return err ? err
		   : graft_difference_apply(difference, entry->difference_size,
					    old, old_len, entry->size, ret);
}

/** Make the bytes of a delta between what gzip unpacks, or of one between files. */
static struct graft_error *
apply_frame(const struct graft_disk *disk, const struct graft_disk_frame *frame,
	    const uint8_t *old, size_t old_len, uint64_t size, uint8_t **ret)
{
	return disk->joined ? graft_moved_apply(frame->bytes, frame->len, old,
						old_len, size, ret)
			    : graft_prefix_decompress(frame->bytes, frame->len,
						      old, old_len, size, ret);
}

/** Unpack a delta whose old file is the right one. */
static struct graft_error *
apply_delta(const struct graft_disk *disk, const struct graft_disk_entry *entry,
	    const struct graft_disk_frame *frame, const uint8_t *old,
	    size_t old_len, uint8_t **ret)
{
	GRAFT_FREE uint8_t *old_raw = NULL;
	GRAFT_FREE uint8_t *raw = NULL;
	GRAFT_FREE uint8_t *packed = NULL;
	size_t old_raw_len;
	size_t packed_len;

	if (entry->difference_size && !disk->joined)
		return apply_difference(entry, frame, old, old_len, ret);
	if (!entry->raw_size)
		return apply_frame(disk, frame, old, old_len, entry->size, ret);
	struct graft_error *err = graft_gzip_unpack(old, old_len, &old_raw,
						    &old_raw_len);
	if (!err && !old_raw)
		err = graft_error_new(GRAFT_ERROR_NOT_FOUND,
				      "there is no gzip on this host");
	if (!err)
		err = apply_frame(disk, frame, old_raw, old_raw_len,
				  entry->raw_size, &raw);
	if (!err)
		err = graft_gzip_pack(raw, entry->raw_size, &packed,
				      &packed_len);
	if (err)
		return err;
	if (!packed || packed_len != entry->size)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "gzip of this host packs it otherwise");
	*ret = GRAFT_TAKE(packed);
	return NULL;
}

struct graft_error *
graft_rebuild_delta(const struct graft_disk *disk,
		    const struct graft_disk_frames *frames, size_t i,
		    const uint8_t *old, size_t old_len, uint8_t **ret)
{
	const struct graft_disk_entry *entry = &disk->entries[i];
	GRAFT_FREE uint8_t *bytes = NULL;
	bool right;

	struct graft_error *err = has_hash(old, old_len, entry->old_sha256,
					   &right);
	if (!err && !right)
		err = not_as_it_came(disk, graft_disk_old_path(entry));
	if (!err)
		err = apply_delta(disk, entry, &frames->deltas[i], old, old_len,
				  &bytes);
	if (!err)
		err = check_new(bytes, entry->size, entry->sha256, entry->path);
	if (err)
		return err;
	*ret = GRAFT_TAKE(bytes);
	return NULL;
}

/** Get the bytes of an entry out of what is installed; *ret stays NULL if it is hidden. */
static struct graft_error *
from_installed(struct rebuilding *r, size_t i, uint8_t **ret)
{
	const struct graft_disk_entry *entry = &r->disk->entries[i];
	const char *path = graft_disk_old_path(entry);
	GRAFT_FREE uint8_t *old = NULL;
	size_t len;
	bool right;

	struct graft_error *err = graft_installed_read(r->installed, path, &old,
						       &len);
	if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
		graft_error_free(err);
		return graft_hidden_may_be(entry->path)
			       ? graft_hidden_add(r->hidden, entry->path)
			       : not_as_it_came(r->disk, path);
	}
	if (err)
		return err;
	if (entry->source == GRAFT_DISK_DELTA)
		return graft_rebuild_delta(r->disk, &r->frames, i, old, len,
					   ret);
	err = has_hash(old, len, entry->sha256, &right);
	if (!err && (!right || len != entry->size))
		err = not_as_it_came(r->disk, path);
	if (!err)
		*ret = GRAFT_TAKE(old);
	return err;
}

static struct graft_error *
rebuild_entry(struct rebuilding *r, size_t i)
{
	const struct graft_disk_entry *entry = &r->disk->entries[i];
	GRAFT_FREE uint8_t *owned = NULL;
	const uint8_t *bytes = NULL;
	struct graft_error *err = NULL;

	if (entry->type == GRAFT_DISK_FILE &&
	    entry->source == GRAFT_DISK_WHOLE) {
		bytes = r->whole + r->whole_off;
		r->whole_off += entry->size;
		err = check_new(bytes, entry->size, entry->sha256, entry->path);
	} else if (entry->type == GRAFT_DISK_FILE) {
		err = from_installed(r, i, &owned);
		bytes = owned;
	} else if (entry->type == GRAFT_DISK_LINK &&
		   graft_hidden_has(r->hidden, entry->target)) {
		err = graft_hidden_may_be(entry->path)
			      ? graft_hidden_add(r->hidden, entry->path)
			      : not_as_it_came(r->disk, entry->target);
	}
	if (err || !r->writer)
		return err;
	return graft_deb_writer_add(r->writer, entry, bytes,
				    bytes ? entry->size : 0);
}

/** Put what dpkg keeps of the old control part one behind the other. */
static struct graft_error *
read_old_controls(const struct graft_disk *disk,
		  const struct graft_installed *installed,
		  struct graft_text *out)
{
	for (size_t i = 0; i < disk->old_control_count; i++) {
		const struct graft_disk_file *file = &disk->old_controls[i];
		GRAFT_FREE uint8_t *bytes = NULL;
		size_t len = 0;
		bool right = false;
		struct graft_error *err = graft_installed_read_info(
			installed, file->name, &bytes, &len);
		if (err && graft_error_code(err) == GRAFT_ERROR_NOT_FOUND) {
			graft_error_free(err);
			err = NULL;
		} else if (!err) {
			err = has_hash(bytes, len, file->sha256, &right);
		}
		if (!err && !right) {
			GRAFT_CLEANUP(graft_text_deinit)
			struct graft_text what = { 0 };
			graft_text_printf(&what, "what dpkg keeps as its %s",
					  file->name);
			err = not_as_it_came(disk, graft_text_str(&what));
		}
		if (err)
			return err;
		graft_text_put_bytes(out, bytes, len);
	}
	return out->failed ? graft_error_no_memory() : NULL;
}

struct graft_error *
graft_rebuild_read_controls(const struct graft_disk *disk,
			    const struct graft_installed *installed,
			    uint8_t **ret)
{
	GRAFT_CLEANUP(graft_disk_frames_deinit)
	struct graft_disk_frames frames = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text old = { 0 };
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t off = 0;

	struct graft_error *err = read_old_controls(disk, installed, &old);
	if (!err)
		err = graft_disk_find_frames(disk, &frames);
	if (!err && !frames.control.bytes)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "a control part of nothing");
	if (!err)
		err = apply_frame(disk, &frames.control,
				  (const uint8_t *)graft_text_str(&old),
				  old.len,
				  graft_disk_control_size(disk->controls,
							  disk->control_count),
				  &bytes);
	for (size_t i = 0; !err && i < disk->control_count; i++) {
		const struct graft_disk_file *file = &disk->controls[i];
		err = check_new(bytes + off, file->size, file->sha256,
				file->name);
		off += file->size;
	}
	if (!err)
		*ret = GRAFT_TAKE(bytes);
	return err;
}

static struct graft_error *
rebuild_controls(struct rebuilding *r)
{
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t off = 0;

	struct graft_error *err =
		graft_rebuild_read_controls(r->disk, r->installed, &bytes);
	for (size_t i = 0; !err && r->writer && i < r->disk->control_count;
	     i++) {
		const struct graft_disk_file *file = &r->disk->controls[i];
		err = graft_deb_writer_add_control(r->writer, file->name,
						   file->mode, bytes + off,
						   file->size);
		off += file->size;
	}
	return err;
}

struct graft_error *
graft_rebuild(const struct graft_disk *disk,
	      const struct graft_installed *installed, const char *path,
	      struct graft_hidden *hidden)
{
	GRAFT_CLEANUP(rebuilding_deinit)
	struct rebuilding r = {
		.disk = disk,
		.installed = installed,
		.hidden = hidden,
	};
	struct graft_error *err = NULL;

	if (path)
		err = graft_deb_writer_new(path, &r.writer);
	if (!err)
		err = graft_disk_find_frames(disk, &r.frames);
	if (!err)
		err = graft_rebuild_read_whole(disk, &r.whole);
	if (!err)
		err = rebuild_controls(&r);
	for (size_t i = 0; !err && i < disk->entry_count; i++)
		err = rebuild_entry(&r, i);
	if (!err && path)
		err = graft_deb_writer_finish(r.writer);
	return err;
}
