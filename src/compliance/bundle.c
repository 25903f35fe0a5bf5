// SPDX-License-Identifier: Apache-2.0

#include "compliance/bundle.h"

#include "base/deb_member.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/tar.h"
#include "base/vec.h"
#include "compliance/hosts.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	BLOCK_LEN = 128 * 1024,
	COLLECTED_BYTES_MAX = 1 << 30,
};

static const char folder[] = "reports/";

void
graft_compliance_items_deinit(struct graft_compliance_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		free(items->list[i].bytes);
	free(items->list);
	*items = (struct graft_compliance_items){ 0 };
}

struct graft_error *
graft_compliance_items_add(struct graft_compliance_items *items,
			   const void *bytes, size_t len)
{
	GRAFT_CLEANUP(graft_compliance_freep)
	struct graft_compliance *report = NULL;
	struct graft_compliance_speaker speaker;

	struct graft_error *err =
		graft_compliance_speaker_read(bytes, len, &report, &speaker);
	if (!err && (items->count == GRAFT_COMPLIANCE_HOSTS_MAX ||
		     items->bytes + len > COLLECTED_BYTES_MAX))
		err = graft_error_new(GRAFT_ERROR_LIMIT,
				      "more than %d reports, or 1 GiB of them",
				      GRAFT_COMPLIANCE_HOSTS_MAX);
	if (!err)
		err = graft_vec_reserve(&items->list, &items->cap,
					items->count + 1, sizeof(*items->list));
	if (err)
		return err;
	GRAFT_FREE uint8_t *own = malloc(len + 1);
	if (!own)
		return graft_error_no_memory();
	memcpy(own, bytes, len);
	struct graft_compliance_item *item = &items->list[items->count++];
	*item = (struct graft_compliance_item){ .speaker = speaker,
						.serial = report->serial,
						.bytes = GRAFT_TAKE(own),
						.len = len };
	items->bytes += len;
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
put(const struct graft_tar *tar, const struct graft_compliance_item *item)
{
	char path[sizeof(folder) + GRAFT_COMPLIANCE_HOST_LEN + sizeof(".json")];

	(void)snprintf(path, sizeof(path), "%s%s.json", folder,
		       item->speaker.host);
	struct graft_error *err = graft_tar_put_file(tar, path, item->len);
	return err ? err : graft_tar_put_bytes(tar, item->bytes, item->len);
}

/** By host and key, the newest first. */
static int
compare(const void *left, const void *right)
{
	const struct graft_compliance_item *a = left;
	const struct graft_compliance_item *b = right;
	const int order = graft_compliance_speaker_compare(&a->speaker,
							   &b->speaker);

	return order ? order
		     : (a->serial < b->serial) - (a->serial > b->serial);
}

struct graft_error *
graft_compliance_bundle_write(struct graft_compliance_items *items,
			      const char *file, size_t *count_ret)
{
	GRAFT_CLEANUP(graft_tar_deinit) struct graft_tar tar = GRAFT_TAR_NONE;
	size_t count = 0;

	if (items->count)
		qsort(items->list, items->count, sizeof(*items->list), compare);
	struct graft_error *err = graft_tar_begin(file, &tar);
	for (size_t i = 0; !err && i < items->count; i++) {
		const struct graft_compliance_item *item = &items->list[i];
		// Who comes with a key of his own takes nobody's place.
		if (i && graft_compliance_speaker_compare(&item[-1].speaker,
							  &item->speaker) == 0)
			continue;
		err = put(&tar, item);
		count++;
	}
	if (!err)
		err = graft_fault("compliance-bundle");
	if (err)
		return err;
	*count_ret = count;
	return graft_tar_end(&tar, file);
}

/** Check that the archive stands at a part that may be a report. */
GRAFT_MUST_CHECK static struct graft_error *
check_part(struct archive_entry *entry, const char *path)
{
	const int64_t len = archive_entry_size(entry);

	if (archive_entry_filetype(entry) != AE_IFREG ||
	    archive_entry_hardlink(entry) || !archive_entry_size_is_set(entry))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a bundle holds plain files only");
	if (strncmp(path, folder, strlen(folder)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "no part of a bundle of reports");
	if (len < 0 || len > GRAFT_COMPLIANCE_BYTES_MAX)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "it has more than %d bytes",
				       GRAFT_COMPLIANCE_BYTES_MAX);
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
read_part(struct archive *archive, struct archive_entry *entry,
	  graft_compliance_part_fn *fn, void *arg)
{
	const char *utf8 = archive_entry_pathname_utf8(entry);
	const char *path = utf8 ? utf8 : archive_entry_pathname(entry);
	GRAFT_FREE uint8_t *bytes = NULL;

	if (!path)
		path = "?";
	struct graft_error *err = check_part(entry, path);
	if (err)
		return fn(arg, path, NULL, 0, err);
	const size_t len = (size_t)archive_entry_size(entry);
	bytes = malloc(len + 1);
	if (!bytes)
		return graft_error_no_memory();
	const la_ssize_t got = archive_read_data(archive, bytes, len);
	// It ends here: whatever is behind it cannot be found.
	if (got == ARCHIVE_FATAL)
		return graft_archive_bad(archive, "a report");
	// One with holes, of which only what is between them comes.
	if (got < 0 || (size_t)got != len)
		return fn(arg, path, NULL, 0,
			  graft_error_new(GRAFT_ERROR_BAD_INPUT,
					  "it is not as long as it says"));
	return fn(arg, path + strlen(folder), bytes, len, NULL);
}

struct graft_error *
graft_compliance_bundle_read(const char *file, graft_compliance_part_fn *fn,
			     void *arg)
{
	GRAFT_CLEANUP(graft_archive_close)
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	struct graft_error *err = NULL;
	size_t count = 0;
	int code = ARCHIVE_OK;

	if (!archive)
		return graft_error_no_memory();
	// No filter: what is packed is endless before it is measured.
	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_open_filename(archive, file, BLOCK_LEN) != ARCHIVE_OK)
		err = graft_archive_bad(archive, "open");
	// A name that the locale does not know is a warning, and that of one part only.
	while (!err && ((code = archive_read_next_header(archive, &entry)) ==
				ARCHIVE_OK ||
			code == ARCHIVE_WARN)) {
		if (count++ == GRAFT_COMPLIANCE_HOSTS_MAX)
			err = graft_error_new(GRAFT_ERROR_LIMIT,
					      "more than %d parts",
					      GRAFT_COMPLIANCE_HOSTS_MAX);
		else
			err = read_part(archive, entry, fn, arg);
	}
	if (!err && code != ARCHIVE_EOF)
		err = graft_archive_bad(archive, "tar");
	if (!err && !count)
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "it holds nothing: it was cut off, or "
				      "wiped on its way");
	return err ? graft_error_prefix(err, "%s", file) : NULL;
}
