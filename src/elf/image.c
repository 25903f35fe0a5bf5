// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "elf/model.h"

#include <string.h>

static struct graft_error *
read_symbols_and_relocs(struct graft_image *image,
			const struct graft_reader *reader,
			const struct graft_debug_search *search)
{
	GRAFT_FREE uint8_t *debug_bytes = NULL;
	GRAFT_CLEANUP(graft_reader_closep) struct graft_reader *debug = NULL;
	struct graft_error *err = graft_debug_find(image, reader, search,
						   &debug_bytes, &debug);
	if (err)
		return graft_error_prefix(err, "debug file");

	GRAFT_CLEANUP(graft_symbol_map_deinit)
	struct graft_symbol_map dynamic_map = { 0 };
	GRAFT_CLEANUP(graft_symbol_map_deinit)
	struct graft_symbol_map static_map = { 0 };
	err = graft_symbols_read(image, reader, debug, &dynamic_map,
				 &static_map);
	if (err)
		return graft_error_prefix(err, "symbols");
	err = graft_spans_make(image);
	if (err)
		return graft_error_prefix(err, "symbols");
	err = graft_relocs_read(image, reader, &dynamic_map, &static_map);
	if (err)
		return graft_error_prefix(err, "relocations");
	err = graft_fixed_read(image);
	if (err)
		return err;
	const struct graft_reader_section *info =
		debug ? graft_reader_named(debug, ".debug_info") : NULL;
	if (info && info->bytes && info->header.sh_size) {
		image->debug_len = debug->len;
		image->debug_bytes = GRAFT_TAKE(debug_bytes);
	}
	return NULL;
}

static struct graft_error *
read_all(struct graft_image *image, const struct graft_debug_search *search)
{
	struct graft_error *err = graft_sha256(image->bytes, image->len,
					       image->sha256);
	if (err)
		return err;
	GRAFT_CLEANUP(graft_reader_closep) struct graft_reader *reader = NULL;
	err = graft_reader_open(image->bytes, image->len, &reader);
	if (err)
		return err;
	image->type = reader->header.e_type;
	image->entry = reader->header.e_entry;

	err = graft_segments_read(image, reader);
	if (err)
		return graft_error_prefix(err, "program headers");
	err = graft_sections_read(image, reader);
	if (err)
		return err;
	err = graft_notes_read(reader, image->build_id, &image->build_id_len);
	if (err)
		return graft_error_prefix(err, "notes");
	err = graft_dynamic_read(image, reader);
	if (err)
		return graft_error_prefix(err, "dynamic section");
	err = read_symbols_and_relocs(image, reader, search);
	if (err)
		return err;
	err = graft_extents_read(image);
	if (err)
		return graft_error_prefix(err, ".eh_frame");
	err = graft_plts_read(image);
	if (err)
		return graft_error_prefix(err, ".plt");
	return NULL;
}

/** Build an image. @p bytes is taken, on failure too. */
static struct graft_error *
take_bytes(const char *name, uint8_t *bytes, size_t len,
	   const struct graft_debug_search *search, struct graft_image **ret)
{
	GRAFT_CLEANUP(graft_image_closep)
	struct graft_image *image = calloc(1, sizeof(*image));
	if (!image) {
		free(bytes);
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	}
	image->bytes = bytes;
	image->len = len;
	image->path = strdup(name);
	if (!image->path)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	struct graft_error *err = read_all(image, search);
	if (err)
		return graft_error_prefix(err, "%s", name);
	*ret = GRAFT_TAKE(image);
	return NULL;
}

struct graft_error *
graft_image_open(const char *path, const struct graft_debug_search *search,
		 struct graft_image **ret)
{
	uint8_t *bytes;
	size_t len;
	struct graft_error *err = graft_file_read(path, GRAFT_LIMIT_ELF_BYTES,
						  &bytes, &len);
	if (err)
		return err;
	return take_bytes(path, bytes, len, search, ret);
}

struct graft_error *
graft_image_open_bytes(const char *name, const uint8_t *bytes, size_t len,
		       const struct graft_debug_search *search,
		       struct graft_image **ret)
{
	uint8_t *copy = malloc(len ? len : 1);
	if (!copy)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	if (len)
		memcpy(copy, bytes, len);
	return take_bytes(name, copy, len, search, ret);
}

void
graft_image_close(struct graft_image *image)
{
	if (!image)
		return;
	free(image->plts);
	free(image->extents);
	free(image->static_relocs);
	free(image->relocs);
	free(image->spans);
	free(image->symbols);
	free(image->symtab_names);
	free(image->segments);
	free(image->solid);
	free(image->sections);
	free(image->needed);
	free(image->debug_bytes);
	free(image->debug_fault);
	free(image->debug_path);
	free(image->bytes);
	free(image->path);
	free(image);
}

const char *
graft_image_path(const struct graft_image *image)
{
	return image->path;
}

const char *
graft_image_soname(const struct graft_image *image)
{
	return image->soname;
}

const char *const *
graft_image_needed(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->needed_count;
	return image->needed;
}

const uint8_t *
graft_image_build_id(const struct graft_image *image, size_t *len_ret)
{
	*len_ret = image->build_id_len;
	return image->build_id;
}

const uint8_t *
graft_image_sha256(const struct graft_image *image)
{
	return image->sha256;
}

const uint8_t *
graft_image_file(const struct graft_image *image, size_t *len_ret)
{
	*len_ret = image->len;
	return image->bytes;
}

uint16_t
graft_image_type(const struct graft_image *image)
{
	return image->type;
}

uint64_t
graft_image_entry(const struct graft_image *image)
{
	return image->entry;
}

bool
graft_image_has_dwarf(const struct graft_image *image)
{
	return image->has_dwarf;
}

bool
graft_image_has_symtab(const struct graft_image *image)
{
	return image->has_symtab;
}

const char *
graft_image_debug_fault(const struct graft_image *image)
{
	return image->debug_fault;
}
