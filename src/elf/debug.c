// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "base/file.h"
#include "base/limits.h"
#include "elf/debuginfod.h"
#include "elf/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/** The section `.gnu_debuglink`: a file name and the checksum of that file. */
struct link {
	const char *name;
	uint32_t crc;
};

/** The search, while it goes on. */
struct hunt {
	struct graft_image *image;
	const struct graft_debug_search *search;
	uint8_t *bytes;
	struct graft_reader *reader;
};

static void
hunt_deinit(struct hunt *hunt)
{
	graft_reader_close(hunt->reader);
	free(hunt->bytes);
}

/** The checksum of gdb's manual, "Separate Debug Files": CRC-32 of IEEE. */
static uint32_t
crc32(const uint8_t *bytes, size_t len)
{
	uint32_t table[256];
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
		table[i] = value;
	}
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
	return ~crc;
}

static bool
has_dwarf(const struct graft_reader *reader)
{
	const struct graft_reader_section *section =
		graft_reader_named(reader, ".debug_info");
	return section && section->bytes && section->header.sh_size;
}

/** Say whether a debug file was made from the image. */
static bool
is_same_build(const struct graft_image *image,
	      const struct graft_reader *reader, bool crc_matches)
{
	uint8_t id[GRAFT_BUILD_ID_MAX];
	size_t len = 0;
	struct graft_error *err = graft_notes_read(reader, id, &len);
	if (err) {
		graft_error_free(err);
		return false;
	}
	if (len != image->build_id_len ||
	    memcmp(id, image->build_id, image->build_id_len))
		return false;
	// Without a build-id on either side the checksum has to speak.
	return len || crc_matches;
}

/** Try one file. Whatever is wrong with it, it is just not the one. */
GRAFT_PRINTF(3)
static struct graft_error *
try_file(struct hunt *hunt, const struct link *link, const char *fmt, ...)
{
	char path[GRAFT_LIMIT_PATH];
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (hunt->reader || len < 0 || (size_t)len >= sizeof(path))
		return NULL;

	GRAFT_FREE uint8_t *bytes = NULL;
	size_t size = 0;
	GRAFT_CLEANUP(graft_reader_closep) struct graft_reader *reader = NULL;
	const struct graft_debug_search *search = hunt->search;
	struct graft_error *err =
		search->read
			? search->read(search->arg, path, GRAFT_LIMIT_ELF_BYTES,
				       &bytes, &size)
			: graft_file_read(path, GRAFT_LIMIT_ELF_BYTES, &bytes,
					  &size);
	if (!err && link && crc32(bytes, size) != link->crc)
		return NULL;
	if (!err)
		err = graft_reader_open(bytes, size, &reader);
	if (err && graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	if (err) {
		graft_error_free(err);
		return NULL;
	}
	if (!is_same_build(hunt->image, reader, link != NULL))
		return NULL;

	hunt->image->debug_path = strdup(path);
	if (!hunt->image->debug_path)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	hunt->bytes = GRAFT_TAKE(bytes);
	hunt->reader = GRAFT_TAKE(reader);
	return NULL;
}

static struct graft_error *
hunt_by_build_id(struct hunt *hunt, const struct graft_debug_search *search)
{
	const struct graft_image *image = hunt->image;
	char hex[2 * GRAFT_BUILD_ID_MAX + 1] = "";
	for (size_t i = 0; i < image->build_id_len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", image->build_id[i]);
	if (image->build_id_len < 2 || !search->dirs)
		return NULL;
	for (const char *const *dir = search->dirs; *dir; dir++) {
		struct graft_error *err = try_file(hunt, NULL,
						   "%s/.build-id/%.2s/%s.debug",
						   *dir, hex, hex + 2);
		if (err)
			return err;
	}
	return NULL;
}

static bool
read_link(const struct graft_reader *reader, struct link *ret)
{
	const struct graft_reader_section *section =
		graft_reader_named(reader, ".gnu_debuglink");
	if (!section || !section->bytes)
		return false;
	// The name, padded to four bytes, then the checksum.
	const uint8_t *bytes = section->bytes;
	size_t len = section->header.sh_size;
	const uint8_t *end = len ? memchr(bytes, '\0', len) : NULL;
	if (!end || end == bytes || memchr(bytes, '/', (size_t)(end - bytes)))
		return false;
	size_t at = ((size_t)(end - bytes) + 4) & ~(size_t)3;
	if (at > len || len - at < 4)
		return false;
	ret->name = (const char *)bytes;
	ret->crc = (uint32_t)bytes[at] | (uint32_t)bytes[at + 1] << 8 |
		   (uint32_t)bytes[at + 2] << 16 |
		   (uint32_t)bytes[at + 3] << 24;
	return true;
}

static struct graft_error *
hunt_by_link(struct hunt *hunt, const struct graft_reader *reader,
	     const struct graft_debug_search *search)
{
	struct link link;
	if (search->read || !read_link(reader, &link))
		return NULL;
	GRAFT_FREE char *dir = realpath(hunt->image->path, NULL);
	// An image that lies in memory has no directory.
	char *slash = dir ? strrchr(dir, '/') : NULL;
	if (!slash)
		return NULL;
	*slash = '\0';

	struct graft_error *err = try_file(hunt, &link, "%s/%s", dir,
					   link.name);
	if (!err)
		err = try_file(hunt, &link, "%s/.debug/%s", dir, link.name);
	for (const char *const *root = search->dirs; !err && root && *root;
	     root++)
		err = try_file(hunt, &link, "%s%s/%s", *root, dir, link.name);
	return err;
}

/** Remember why a server gave nothing that can be used. @p err is freed. */
static struct graft_error *
keep_fault(struct hunt *hunt, struct graft_error *err)
{
	char text[512];

	if (graft_error_code(err) == GRAFT_ERROR_NO_MEMORY)
		return err;
	(void)snprintf(text, sizeof(text), "debuginfod: %s",
		       graft_error_message(err));
	graft_error_free(err);
	hunt->image->debug_fault = strdup(text);
	return hunt->image->debug_fault ? NULL : graft_error_no_memory();
}

/** Take what a server gave, if it is of this build and says something. */
static struct graft_error *
take_fetched(struct hunt *hunt, char **path, uint8_t **bytes, size_t len)
{
	GRAFT_CLEANUP(graft_reader_closep) struct graft_reader *reader = NULL;
	struct graft_error *err = graft_reader_open(*bytes, len, &reader);

	if (!err && !is_same_build(hunt->image, reader, false))
		err = graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"the server gave a file of another build");
	if (!err && !has_dwarf(reader))
		err = graft_error_new(GRAFT_ERROR_NOT_FOUND,
				      "the server gave a file without types");
	if (err)
		return keep_fault(hunt, err);
	hunt->image->debug_path = GRAFT_TAKE(*path);
	hunt->bytes = GRAFT_TAKE(*bytes);
	hunt->reader = GRAFT_TAKE(reader);
	return NULL;
}

/** Ask the servers, where no file with types was found. */
static struct graft_error *
hunt_by_server(struct hunt *hunt, const struct graft_debug_search *search)
{
	const struct graft_image *image = hunt->image;
	GRAFT_FREE char *path = NULL;
	GRAFT_FREE uint8_t *bytes = NULL;
	size_t len = 0;

	if (!search->debuginfod_limit_us || image->has_dwarf || hunt->reader ||
	    !image->build_id_len)
		return NULL;
	struct graft_error *err = graft_debuginfod_fetch(
		image->build_id, image->build_id_len,
		search->debuginfod_limit_us, &path, &bytes, &len);
	if (err)
		return keep_fault(hunt, err);
	return take_fetched(hunt, &path, &bytes, len);
}

struct graft_error *
graft_debug_find(struct graft_image *image, const struct graft_reader *reader,
		 const struct graft_debug_search *search, uint8_t **bytes_ret,
		 struct graft_reader **ret)
{
	image->has_dwarf = has_dwarf(reader);
	if (!search)
		return NULL;
	GRAFT_CLEANUP(hunt_deinit)
	struct hunt hunt = { .image = image, .search = search };
	struct graft_error *err = hunt_by_build_id(&hunt, search);
	if (!err)
		err = hunt_by_link(&hunt, reader, search);
	if (!err)
		err = hunt_by_server(&hunt, search);
	if (err)
		return err;
	if (hunt.reader)
		image->has_dwarf = image->has_dwarf || has_dwarf(hunt.reader);
	*bytes_ret = GRAFT_TAKE(hunt.bytes);
	*ret = GRAFT_TAKE(hunt.reader);
	return NULL;
}
