// SPDX-License-Identifier: Apache-2.0

#include "elf/image.h"

#include "elf/limits.h"
#include "elf/model.h"

#include <string.h>

/** Symbols while they are gathered, in the order of the files. */
struct gather {
	struct graft_symbol *symbols;
	/** Where each stands in its table: what the maps are made from. */
	struct origin {
		struct graft_symbol_map *map;
		size_t index;
	} * origins;
	size_t count;
};

static void
gather_deinit(struct gather *gather)
{
	free(gather->symbols);
	free(gather->origins);
}

/** A table of symbols that is being read. */
struct table {
	const struct graft_reader *reader;
	Elf_Data *data;
	size_t count;
	struct graft_strings names;
	const struct graft_versions *versions;
	struct graft_symbol_map *map;
	bool dynamic;
};

static struct graft_error *
open_table(const struct graft_reader *reader, size_t index, struct table *ret)
{
	*ret = (struct table){
		.reader = reader,
		.dynamic = reader->sections[index].header.sh_type == SHT_DYNSYM,
	};
	struct graft_error *err = graft_reader_table(reader, index, ELF_T_SYM,
						     &ret->data, &ret->count);
	if (err)
		return err;
	return graft_reader_strings(
		reader, reader->sections[index].header.sh_link, &ret->names);
}

static struct graft_error *
check_symbol(const struct table *table, const GElf_Sym *sym)
{
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return NULL;
	// The loader does not look at the index, and objcopy(1) leaves those of
	// .dynsym as they were when it removes sections before theirs.
	if (!table->dynamic && sym->st_shndx >= table->reader->section_count)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "is in section %u, which does not exist",
				       sym->st_shndx);
	if (sym->st_value > GRAFT_LIMIT_ADDR ||
	    sym->st_size > GRAFT_LIMIT_ADDR - sym->st_value)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "its address is outside of user space");
	return NULL;
}

static struct graft_error *
read_symbol(const struct table *table, size_t index, const char **file_io,
	    struct gather *gather)
{
	GElf_Sym sym;
	const char *name;
	if (!gelf_getsym(table->data, (int)index, &sym))
		return graft_error_new(GRAFT_ERROR_BAD_INPUT, "%s",
				       elf_errmsg(-1));
	struct graft_error *err = graft_strings_at(&table->names, sym.st_name,
						   &name);
	if (err)
		return err;
	err = check_symbol(table, &sym);
	if (err)
		return err;

	if (GELF_ST_TYPE(sym.st_info) == STT_FILE) {
		// The linker closes the list with a file that has no name and
		// puts its own local symbols under it.
		*file_io = *name ? name : NULL;
		return NULL;
	}
	uint8_t bind = GELF_ST_BIND(sym.st_info);
	gather->origins[gather->count] = (struct origin){ .map = table->map,
							  .index = index };
	gather->symbols[gather->count++] = (struct graft_symbol){
		.name = name,
		.version = table->versions
				   ? graft_versions_at(table->versions, index)
				   : NULL,
		.file = bind == STB_LOCAL ? *file_io : NULL,
		.addr = sym.st_value,
		.size = sym.st_size,
		.type = GELF_ST_TYPE(sym.st_info),
		.bind = bind,
		.visibility = GELF_ST_VISIBILITY(sym.st_other),
		.dynamic = table->dynamic,
		.defined = sym.st_shndx != SHN_UNDEF,
		.absolute = sym.st_shndx == SHN_ABS,
	};
	return NULL;
}

/** Read a table, all but its first symbol, which stands for "none". */
static struct graft_error *
read_table(const struct table *table, struct gather *gather)
{
	size_t total = gather->count + table->count;
	struct graft_symbol *symbols = reallocarray(gather->symbols, total + 1,
						    sizeof(*gather->symbols));
	if (symbols)
		gather->symbols = symbols;
	struct origin *origins = reallocarray(gather->origins, total + 1,
					      sizeof(*gather->origins));
	if (origins)
		gather->origins = origins;
	if (!symbols || !origins)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	if (table->map) {
		table->map->at = calloc(table->count + 1,
					sizeof(*table->map->at));
		if (!table->map->at)
			return graft_error_new(GRAFT_ERROR_NO_MEMORY,
					       "out of memory");
		table->map->count = table->count;
	}

	const char *file = NULL;
	for (size_t i = 1; i < table->count; i++) {
		struct graft_error *err = read_symbol(table, i, &file, gather);
		if (err)
			return graft_error_prefix(err, "symbol %zu", i);
	}
	return NULL;
}

static struct graft_error *
read_dynamic(const struct graft_reader *reader, struct graft_symbol_map *map,
	     struct gather *gather)
{
	size_t index;
	struct graft_error *err = graft_reader_find(reader, SHT_DYNSYM, &index);
	if (err || index == 0)
		return err;
	struct table table;
	err = open_table(reader, index, &table);
	if (err)
		return err;
	GRAFT_CLEANUP(graft_versions_deinit)
	struct graft_versions versions = { 0 };
	err = graft_versions_read(reader, table.count, &versions);
	if (err)
		return err;
	table.versions = &versions;
	table.map = map;
	return read_table(&table, gather);
}

/**
 * Copy the names of a `.symtab`, cut before "@VERSION".
 *
 * GNU ld writes versions into these names. One pass over the table, not one
 * over each name: names may share their ends.
 */
static struct graft_error *
copy_names(struct graft_image *image, struct graft_strings *names_io)
{
	image->symtab_names = malloc(names_io->len);
	if (!image->symtab_names)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	memcpy(image->symtab_names, names_io->bytes, names_io->len);
	for (size_t i = 1; i < names_io->len; i++)
		if (names_io->bytes[i] == '@' && names_io->bytes[i - 1])
			image->symtab_names[i] = '\0';
	names_io->bytes = image->symtab_names;
	return NULL;
}

/** Read a `.symtab`, if there is one. */
static struct graft_error *
read_static(struct graft_image *image, const struct graft_reader *reader,
	    struct graft_symbol_map *map, struct gather *gather)
{
	size_t index;
	struct graft_error *err = graft_reader_find(reader, SHT_SYMTAB, &index);
	if (err || index == 0)
		return err;
	struct table table;
	err = open_table(reader, index, &table);
	if (err)
		return err;
	err = copy_names(image, &table.names);
	if (err)
		return err;
	table.map = map;
	image->has_symtab = true;
	return read_table(&table, gather);
}

/** What symbols are sorted by; smaller than a symbol. */
struct key {
	uint64_t addr;
	size_t index;
	bool undefined;
};

static int
compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	if (x->undefined != y->undefined)
		return x->undefined ? 1 : -1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static struct graft_error *
sort_symbols(struct graft_image *image, const struct gather *gather)
{
	GRAFT_FREE struct key *keys = calloc(gather->count + 1, sizeof(*keys));
	image->symbols = calloc(gather->count + 1, sizeof(*image->symbols));
	if (!keys || !image->symbols)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < gather->count; i++)
		keys[i] = (struct key){ .addr = gather->symbols[i].addr,
					.index = i,
					.undefined =
						!gather->symbols[i].defined };
	qsort(keys, gather->count, sizeof(*keys), compare_keys);

	for (size_t i = 0; i < gather->count; i++) {
		const struct origin *origin = &gather->origins[keys[i].index];
		image->symbols[i] = gather->symbols[keys[i].index];
		if (origin->map)
			origin->map->at[origin->index] = &image->symbols[i];
	}
	image->symbol_count = gather->count;
	return NULL;
}

struct graft_error *
graft_symbols_read(struct graft_image *image, const struct graft_reader *reader,
		   const struct graft_reader *debug,
		   struct graft_symbol_map *dynamic_ret,
		   struct graft_symbol_map *static_ret)
{
	GRAFT_CLEANUP(gather_deinit) struct gather gather = { 0 };
	struct graft_error *err = read_dynamic(reader, dynamic_ret, &gather);
	if (err)
		return graft_error_prefix(err, ".dynsym");
	err = read_static(image, reader, static_ret, &gather);
	if (err)
		return graft_error_prefix(err, ".symtab");
	if (debug && !image->has_symtab) {
		err = read_static(image, debug, NULL, &gather);
		if (err)
			return graft_error_prefix(err, "%s: .symtab",
						  image->debug_path);
	}
	return sort_symbols(image, &gather);
}

const struct graft_symbol *
graft_image_symbols(const struct graft_image *image, size_t *count_ret)
{
	*count_ret = image->symbol_count;
	return image->symbols;
}
