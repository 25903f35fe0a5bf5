// SPDX-License-Identifier: Apache-2.0

#include "persist/make.h"

#include "base/text.h"
#include "patch/disk.h"
#include "patch/limits.h"
#include "patch/moved.h"
#include "persist/deb.h"
#include "persist/gzip.h"
#include "persist/hidden.h"

#include <string.h>

/** What is under construction. */
struct making {
	const struct graft_deb *old;
	const struct graft_deb *new;
	struct graft_disk *disk;
	struct graft_text whole;
	struct graft_text deltas;
};

static void
making_deinit(struct making *making)
{
	graft_text_deinit(&making->whole);
	graft_text_deinit(&making->deltas);
	graft_disk_free(making->disk);
}

/** How much of a name is alike in all versions: "libx.so" of "libx.so.1.2". */
static size_t
stem_len(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *so = strstr(name, ".so.");

	return so ? (size_t)(so - path) + 3 : 0;
}

/** May the bytes of one path come from another? */
static bool
may_serve(const struct making *m, const struct graft_deb_entry *old,
	  const struct graft_deb_entry *new)
{
	return old && old->size > 0 &&
	       !graft_deb_is_conffile(m->old, old->path) &&
	       graft_hidden_may_be(old->path) == graft_hidden_may_be(new->path);
}

/** Find what a file of NEW is made from; NULL: it travels whole. */
static const struct graft_deb_entry *
find_old(const struct making *m, const struct graft_deb_entry *new)
{
	const struct graft_deb_entry *old = graft_deb_find_file(m->old,
								new->path);
	const size_t stem = stem_len(new->path);

	if (new->size == 0 || graft_deb_is_conffile(m->new, new->path))
		return NULL;
	if (old)
		return may_serve(m, old, new) ? old : NULL;
	// A library whose version is in its name.
	for (size_t i = 0; stem && i < m->old->file_count; i++) {
		old = m->old->by_path[i];
		if (stem_len(old->path) == stem &&
		    strncmp(old->path, new->path, stem) == 0 &&
		    may_serve(m, old, new))
			return old;
	}
	return NULL;
}

static bool
ends_with(const char *str, const char *end)
{
	size_t len = strlen(str);
	size_t end_len = strlen(end);

	return len >= end_len && strcmp(str + len - end_len, end) == 0;
}

/** The texts in two files that gzip packed. */
struct texts {
	uint8_t *old;
	size_t old_len;
	uint8_t *new;
	size_t new_len;
};

static void
texts_deinit(struct texts *texts)
{
	free(texts->old);
	free(texts->new);
}

/** Unpack two files, if gzip makes the new one of its text again. */
static struct graft_error *
unpack(const struct graft_disk_entry *entry, const uint8_t *old,
       const uint8_t *new, struct texts *ret)
{
	GRAFT_CLEANUP(texts_deinit) struct texts texts = { 0 };
	GRAFT_FREE uint8_t *again = NULL;
	size_t len = 0;

	if (!ends_with(entry->path, ".gz") ||
	    !ends_with(graft_disk_old_path(entry), ".gz") ||
	    entry->size > GRAFT_PATCH_DISK_RAW_MAX ||
	    entry->old_size > GRAFT_PATCH_DISK_RAW_MAX)
		return NULL;
	struct graft_error *err = graft_gzip_unpack(new, entry->size,
						    &texts.new, &texts.new_len);
	if (!err)
		err = graft_gzip_unpack(old, entry->old_size, &texts.old,
					&texts.old_len);
	if (!err && texts.new &&texts.new_len &&texts.old &&texts.old_len)
		err = graft_gzip_pack(texts.new, texts.new_len, &again, &len);
	if (err) {
		// Too much of it: packed as it is, then.
		bool limit = graft_error_code(err) == GRAFT_ERROR_LIMIT;
		if (limit)
			graft_error_free(err);
		return limit ? NULL : err;
	}
	if (!again || len != entry->size || memcmp(again, new, len) != 0)
		return NULL;
	*ret = texts;
	texts = (struct texts){ 0 };
	return NULL;
}

/** Append the delta of an entry. */
static struct graft_error *
put_delta(struct making *m, struct graft_disk_entry *entry, const uint8_t *old,
	  const uint8_t *new)
{
	GRAFT_CLEANUP(texts_deinit) struct texts texts = { 0 };
	GRAFT_FREE uint8_t *delta = NULL;
	size_t len;

	struct graft_error *err = unpack(entry, old, new, &texts);
	if (err)
		return err;
	entry->raw_size = texts.new_len;
	if (texts.new)
		err = graft_moved_make(texts.old, texts.old_len, texts.new,
				       texts.new_len, &delta, &len);
	else
		err = graft_moved_make(old, entry->old_size, new, entry->size,
				       &delta, &len);
	if (err)
		return err;
	entry->difference_size = len;
	graft_text_put_bytes(&m->deltas, delta, len);
	return NULL;
}

static struct graft_error *
take_file(struct making *m, const struct graft_deb_entry *from,
	  struct graft_disk_entry *entry)
{
	const struct graft_deb_entry *old = find_old(m, from);
	GRAFT_FREE uint8_t *old_bytes = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;

	entry->size = from->size;
	memcpy(entry->sha256, from->sha256, sizeof(entry->sha256));
	if (old && strcmp(old->path, from->path) != 0) {
		entry->old_path = strdup(old->path);
		if (!entry->old_path)
			return graft_error_no_memory();
	}
	if (old && memcmp(old->sha256, from->sha256, sizeof(old->sha256)) == 0)
		return NULL;
	struct graft_error *err = graft_deb_read_entry(m->new, from, &bytes);
	if (err)
		return err;
	if (!old) {
		entry->source = GRAFT_DISK_WHOLE;
		graft_text_put_bytes(&m->whole, bytes, from->size);
		return NULL;
	}
	entry->source = GRAFT_DISK_DELTA;
	entry->old_size = old->size;
	memcpy(entry->old_sha256, old->sha256, sizeof(entry->old_sha256));
	err = graft_deb_read_entry(m->old, old, &old_bytes);
	return err ? err : put_delta(m, entry, old_bytes, bytes);
}

static struct graft_error *
take_entries(struct making *m)
{
	struct graft_disk *disk = m->disk;

	disk->entries = calloc(m->new->entry_count + 1, sizeof(*disk->entries));
	if (!disk->entries)
		return graft_error_no_memory();
	for (size_t i = 0; i < m->new->entry_count; i++) {
		const struct graft_deb_entry *from = &m->new->entries[i];
		struct graft_disk_entry *entry = &disk->entries[i];
		disk->entry_count = i + 1;
		*entry = (struct graft_disk_entry){
			.path = strdup(from->path),
			.type = from->type,
			.mode = from->mode,
			.uid = from->uid,
			.gid = from->gid,
			.user = strdup(from->user),
			.group = strdup(from->group),
			.mtime = from->mtime,
			.target = from->target ? strdup(from->target) : NULL,
		};
		if (!entry->path || !entry->user || !entry->group ||
		    (from->target && !entry->target))
			return graft_error_no_memory();
		if (from->type != GRAFT_DISK_FILE)
			continue;
		struct graft_error *err = take_file(m, from, entry);
		if (err)
			return graft_error_prefix(err, "%s", from->path);
	}
	return NULL;
}

/** Keep what OLD brought of configuration files that are not NEW's any more. */
static struct graft_error *
take_old_conffiles(struct making *m)
{
	struct graft_disk *disk = m->disk;

	disk->old_conffiles = calloc(m->old->file_count + 1,
				     sizeof(*disk->old_conffiles));
	if (!disk->old_conffiles)
		return graft_error_no_memory();
	for (size_t i = 0; i < m->old->file_count; i++) {
		const struct graft_deb_entry *old = m->old->by_path[i];
		const struct graft_deb_entry *new =
			graft_deb_find_file(m->new, old->path);
		GRAFT_FREE uint8_t *bytes = NULL;
		if (!graft_deb_is_conffile(m->old, old->path) ||
		    (new &&graft_deb_is_conffile(m->new, new->path) &&
		     memcmp(old->sha256, new->sha256, sizeof(old->sha256)) ==
			     0))
			continue;
		struct graft_error *err = graft_deb_read_entry(m->old, old,
							       &bytes);
		if (err)
			return err;
		struct graft_disk_file *file =
			&disk->old_conffiles[disk->old_conffile_count++];
		file->name = strdup(old->path);
		if (!file->name)
			return graft_error_no_memory();
		file->size = old->size;
		memcpy(file->sha256, old->sha256, sizeof(file->sha256));
		graft_text_put_bytes(&m->whole, bytes, old->size);
	}
	return NULL;
}

/** List control.tar, and put what it holds one behind the other. */
static struct graft_error *
take_controls(const struct graft_deb *deb, bool all,
	      struct graft_disk_file **files, size_t *count,
	      struct graft_text *bytes)
{
	*files = calloc(deb->control_count + 1, sizeof(**files));
	if (!*files)
		return graft_error_no_memory();
	for (size_t i = 0; i < deb->control_count; i++) {
		const struct graft_deb_control *from = &deb->controls[i];
		// dpkg keeps all but this one as they came.
		if (!all && strcmp(from->name, "control") == 0)
			continue;
		struct graft_disk_file *file = &(*files)[(*count)++];
		file->name = strdup(from->name);
		if (!file->name)
			return graft_error_no_memory();
		file->mode = all ? from->mode : 0;
		file->size = from->len;
		memcpy(file->sha256, from->sha256, sizeof(file->sha256));
		graft_text_put_bytes(bytes, from->bytes, from->len);
	}
	return bytes->failed ? graft_error_no_memory() : NULL;
}

/** Put all that is brought together, and make the index. */
static struct graft_error *
finish(struct making *m, const struct graft_text *controls,
       const struct graft_text *old_controls)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text data = { 0 };
	GRAFT_FREE uint8_t *delta = NULL;
	size_t len;
	char *bytes;

	if (m->whole.failed || m->deltas.failed)
		return graft_error_no_memory();
	struct graft_error *err = graft_moved_make(
		(const uint8_t *)graft_text_str(old_controls),
		old_controls->len, (const uint8_t *)graft_text_str(controls),
		controls->len, &delta, &len);
	if (err)
		return err;
	m->disk->joined = true;
	m->disk->control_delta_size = len;
	graft_text_put_bytes(&data, delta, len);
	graft_text_put_bytes(&data, graft_text_str(&m->whole), m->whole.len);
	graft_text_put_bytes(&data, graft_text_str(&m->deltas), m->deltas.len);
	m->disk->data_len = data.len;
	err = graft_text_take(&data, &bytes);
	if (err)
		return err;
	m->disk->data = (uint8_t *)bytes;
	return graft_disk_seal(m->disk);
}

static struct graft_error *
take_names(struct making *m)
{
	struct graft_disk *disk = m->disk;

	if (strcmp(m->old->package, m->new->package) != 0 ||
	    strcmp(m->old->architecture, m->new->architecture) != 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "%s and %s are two packages",
				       m->old->package, m->new->package);
	if (strcmp(m->old->version, m->new->version) == 0)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "both are %s %s", m->old->package,
				       m->old->version);
	disk->package = strdup(m->new->package);
	disk->architecture = strdup(m->new->architecture);
	disk->old_version = strdup(m->old->version);
	disk->new_version = strdup(m->new->version);
	return disk->package && disk->architecture && disk->old_version &&
			       disk->new_version
		       ? NULL
		       : graft_error_no_memory();
}

struct graft_error *
graft_disk_make(const char *old_path, const char *new_path,
		struct graft_disk **ret)
{
	GRAFT_CLEANUP(graft_deb_closep) struct graft_deb *old = NULL;
	GRAFT_CLEANUP(graft_deb_closep) struct graft_deb *new = NULL;
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text controls = { 0 };
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text old_controls = { 0 };
	GRAFT_CLEANUP(making_deinit) struct making m = { 0 };

	struct graft_error *err = graft_deb_open(old_path, &old);
	if (!err)
		err = graft_deb_open(new_path, &new);
	if (!err)
		err = graft_disk_new(&m.disk);
	if (err)
		return err;
	m.old = old;
	m.new = new;
	err = take_names(&m);
	if (!err)
		err = take_controls(new, true, &m.disk->controls,
				    &m.disk->control_count, &controls);
	if (!err)
		err = take_controls(old, false, &m.disk->old_controls,
				    &m.disk->old_control_count, &old_controls);
	if (!err)
		err = take_entries(&m);
	if (!err)
		err = take_old_conffiles(&m);
	if (!err)
		err = finish(&m, &controls, &old_controls);
	if (err)
		return err;
	*ret = GRAFT_TAKE(m.disk);
	return NULL;
}
