// SPDX-License-Identifier: Apache-2.0

#include "elf/model.h"

/** Bit of a version index that says "not the default": not part of it. */
enum { HIDDEN = 0x8000 };

/** One of the two sections that give names to version indices. */
struct source {
	const struct graft_reader *reader;
	Elf_Data *data;
	struct graft_strings names;
};

static struct graft_error *
open_source(const struct graft_reader *reader, size_t index, Elf_Type type,
	    struct source *ret)
{
	const GElf_Shdr *header = &reader->sections[index].header;
	ret->reader = reader;
	ret->data = elf_getdata_rawchunk(
		reader->elf, (int64_t)header->sh_offset, header->sh_size, type);
	if (!ret->data)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s",
				       elf_errmsg(-1));
	return graft_reader_strings(reader, header->sh_link, &ret->names);
}

static struct graft_error *
put_name(const struct source *source, struct graft_versions *versions,
	 size_t index, uint64_t name_off)
{
	index &= ~(size_t)HIDDEN;
	const char *name;
	struct graft_error *err = graft_strings_at(&source->names, name_off,
						   &name);
	if (err)
		return err;
	versions->names[index] = name;
	if (versions->name_count <= index)
		versions->name_count = index + 1;
	return NULL;
}

static struct graft_error *
outside(void)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT,
			       "a version lies outside of its section");
}

static struct graft_error *
read_defined(const struct source *source, struct graft_versions *versions)
{
	uint64_t at = 0;
	for (;;) {
		GElf_Verdef def;
		GElf_Verdaux aux;
		if (at > INT32_MAX ||
		    !gelf_getverdef(source->data, (int)at, &def))
			return outside();
		uint64_t aux_at = at + def.vd_aux;
		// The first name is the version's, others are its parents'. The
		// base definition names the file.
		if (!(def.vd_flags & VER_FLG_BASE)) {
			if (aux_at > INT32_MAX ||
			    !gelf_getverdaux(source->data, (int)aux_at, &aux))
				return outside();
			struct graft_error *err = put_name(
				source, versions, def.vd_ndx, aux.vda_name);
			if (err)
				return err;
		}
		if (def.vd_next == 0)
			return NULL;
		at += def.vd_next;
	}
}

static struct graft_error *
read_needed(const struct source *source, struct graft_versions *versions)
{
	// Chains that share their links would cost the square of the section.
	size_t left = source->data->d_size / sizeof(Elf64_Vernaux) + 1;
	uint64_t at = 0;
	for (;;) {
		GElf_Verneed need;
		if (at > INT32_MAX ||
		    !gelf_getverneed(source->data, (int)at, &need))
			return outside();
		uint64_t aux_at = at + need.vn_aux;
		for (size_t i = 0; i < need.vn_cnt; i++) {
			GElf_Vernaux aux;
			if (left-- == 0 || aux_at > INT32_MAX ||
			    !gelf_getvernaux(source->data, (int)aux_at, &aux))
				return outside();
			struct graft_error *err = put_name(
				source, versions, aux.vna_other, aux.vna_name);
			if (err)
				return err;
			aux_at += aux.vna_next;
		}
		if (need.vn_next == 0)
			return NULL;
		at += need.vn_next;
	}
}

static struct graft_error *
read_names(const struct graft_reader *reader, struct graft_versions *versions)
{
	// Fifteen bits: an index needs no check.
	versions->names = calloc(HIDDEN, sizeof(*versions->names));
	if (!versions->names)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");

	size_t index;
	struct source source;
	struct graft_error *err = graft_reader_find(reader, SHT_GNU_verdef,
						    &index);
	if (err)
		return err;
	if (index) {
		err = open_source(reader, index, ELF_T_VDEF, &source);
		if (!err)
			err = read_defined(&source, versions);
		if (err)
			return graft_error_prefix(err, "%s",
						  reader->sections[index].name);
	}
	err = graft_reader_find(reader, SHT_GNU_verneed, &index);
	if (err)
		return err;
	if (index) {
		err = open_source(reader, index, ELF_T_VNEED, &source);
		if (!err)
			err = read_needed(&source, versions);
		if (err)
			return graft_error_prefix(err, "%s",
						  reader->sections[index].name);
	}
	return NULL;
}

struct graft_error *
graft_versions_read(const struct graft_reader *reader, size_t symbol_count,
		    struct graft_versions *ret)
{
	size_t index;
	struct graft_error *err = graft_reader_find(reader, SHT_GNU_versym,
						    &index);
	if (err)
		return err;
	GRAFT_CLEANUP(graft_versions_deinit)
	struct graft_versions versions = { 0 };
	if (index == 0) {
		*ret = versions;
		return NULL;
	}

	size_t count;
	err = graft_reader_table(reader, index, ELF_T_HALF, &versions.indices,
				 &count);
	if (err)
		return err;
	if (count != symbol_count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "%zu symbols, but versions of %zu",
				       symbol_count, count);
	err = read_names(reader, &versions);
	if (err)
		return err;
	*ret = versions;
	versions.names = NULL;
	return NULL;
}

void
graft_versions_deinit(struct graft_versions *versions)
{
	free(versions->names);
}

const char *
graft_versions_at(const struct graft_versions *versions, size_t index)
{
	GElf_Versym version;
	if (!versions->indices ||
	    !gelf_getversym(versions->indices, (int)index, &version))
		return NULL;
	version &= (GElf_Versym)~HIDDEN;
	return version < versions->name_count ? versions->names[version] : NULL;
}
