// SPDX-License-Identifier: Apache-2.0

#include "proc/tables.h"

#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	/** Files that are kept open; those of a process that has more are opened
	 * again for the next one. */
	KEPT_MAX = 128,
	/** A vdso is two pages; more is none. */
	VDSO_BYTES_MAX = 1 << 20,
};

struct graft_tables {
	struct graft_table *list[KEPT_MAX];
	size_t count;
};

static void
table_free(struct graft_table *table)
{
	if (!table)
		return;
	if (table->cfi)
		(void)dwarf_cfi_end(table->cfi);
	if (table->elf)
		(void)elf_end(table->elf);
	if (table->fd >= 0)
		(void)close(table->fd);
	free(table->image);
	free(table);
}
GRAFT_DEFINE_CLEANUP(struct graft_table, table_free)

struct graft_error *
graft_tables_new(struct graft_tables **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? NULL
		    : graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind tables");
}

void
graft_tables_free(struct graft_tables *tables)
{
	if (!tables)
		return;
	for (size_t i = 0; i < tables->count; i++)
		table_free(tables->list[i]);
	free(tables);
}

// The vdso has no file; it is small and always readable.
static bool
read_vdso(pid_t tid, const struct graft_map *map, struct graft_table *table)
{
	size_t len = map->end - map->start;
	if (len > VDSO_BYTES_MAX)
		return false;
	table->image = malloc(len);
	if (!table->image)
		return false;
	struct iovec local = { .iov_base = table->image, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)map->start,
				.iov_len = len };
	table->image_len = len;
	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

static uint64_t
in_ns(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static void
take_key(const struct stat *st, struct graft_table *table)
{
	memcpy(table->key,
	       (uint64_t[]){ st->st_dev, st->st_ino, (uint64_t)st->st_size,
			     in_ns(st->st_mtim), in_ns(st->st_ctim) },
	       sizeof(table->key));
}

/** Say which file a mapping has, without opening it; where we may ask so. */
static bool
ask_file(pid_t tid, const struct graft_map *map, struct graft_table *table)
{
	struct stat st;
	char path[96];

	(void)snprintf(path, sizeof(path),
		       "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tid,
		       map->start, map->end);
	if (stat(path, &st) != 0)
		return false;
	take_key(&st, table);
	return true;
}

/** Open the file of a mapping, and say which one it is. */
static bool
open_file(pid_t tid, const struct graft_map *map, struct graft_table *table)
{
	struct stat st;
	struct graft_error *err = graft_map_open_file_of(tid, map, &table->fd);
	if (err) {
		graft_error_free(err);
		table->fd = -1;
		return false;
	}
	if (fstat(table->fd, &st) != 0)
		return false;
	take_key(&st, table);
	return true;
}

static struct graft_table *
find(const struct graft_tables *tables, const struct graft_table *like)
{
	for (size_t i = 0; tables && i < tables->count; i++) {
		struct graft_table *table = tables->list[i];
		if (memcmp(table->key, like->key, sizeof(like->key)) == 0 &&
		    table->image_len == like->image_len &&
		    (!like->image ||
		     memcmp(table->image, like->image, like->image_len) == 0))
			return table;
	}
	return NULL;
}

static bool
is_ours(Elf *elf)
{
	GElf_Ehdr header;
	return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	       header.e_machine == EM_X86_64 &&
	       header.e_ident[EI_CLASS] == ELFCLASS64;
}

struct graft_error *
graft_tables_get(struct graft_tables *tables, pid_t tid,
		 const struct graft_map *map, struct graft_table **ret)
{
	GRAFT_CLEANUP(table_freep)
	struct graft_table *table = calloc(1, sizeof(*table));
	if (!table)
		return graft_error_new(GRAFT_ERROR_NO_MEMORY, "unwind tables");
	table->fd = -1;
	bool ok = map->inode ? ask_file(tid, map, table)
			     : read_vdso(tid, map, table);
	struct graft_table *known = ok ? find(tables, table) : NULL;
	if (!known && map->inode) {
		ok = open_file(tid, map, table);
		known = ok ? find(tables, table) : NULL;
	}
	if (known) {
		known->users++;
		*ret = known;
		return NULL;
	}
	// Files are read, not mapped: one that is cut short meanwhile gives an
	// error, not a SIGBUS.
	if (ok)
		table->elf = map->inode ? elf_begin(table->fd, ELF_C_READ, NULL)
					: elf_memory(table->image,
						     table->image_len);
	ok = table->elf != NULL;
	if (ok && is_ours(table->elf))
		table->cfi = dwarf_getcfi_elf(table->elf);
	table->users = 1;
	if (ok && tables && tables->count < KEPT_MAX) {
		table->kept = true;
		tables->list[tables->count++] = table;
	}
	*ret = GRAFT_TAKE(table);
	return NULL;
}

void
graft_table_release(struct graft_table *table)
{
	if (table && --table->users == 0 && !table->kept)
		table_free(table);
}
