// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Unwind tables of files: opened once for all processes that map the same file.
 *
 * A file is the same where stat(2) of the open file says so, with size and times; not
 * by what /proc/PID/maps names, which on btrfs is one number for several files. What
 * was changed in place since it was opened is another file.
 */

#ifndef GRAFT_PROC_TABLES_H
#define GRAFT_PROC_TABLES_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/maps.h"

#include <elfutils/libdw.h>
#include <sys/types.h>

/** The tables of one file. */
struct graft_table {
	/** The file, or -1 for the vdso, whose image is there. */
	int fd;
	char *image;
	size_t image_len;
	/** NULL: it is no file of ours. */
	Elf *elf;
	/** NULL: it has none. */
	Dwarf_CFI *cfi;
	/** What stat(2) says: device, inode, size, two times. */
	uint64_t key[5];
	/** How often it is lent, and whether it is kept when it is not. */
	size_t users;
	bool kept;
};

/** Tables that are kept. */
struct graft_tables;

/** Make a place for tables. @param[out] ret Free with graft_tables_free(). */
GRAFT_MUST_CHECK struct graft_error *
graft_tables_new(struct graft_tables **ret);

/** Free it, and its tables: none may be lent. NULL is a no-op. */
void
graft_tables_free(struct graft_tables *tables);
GRAFT_DEFINE_CLEANUP(struct graft_tables, graft_tables_free)

/**
 * Get the tables of the file of a mapping, or of the vdso.
 *
 * @param[in,out] tables Where they are looked for and kept; NULL: they are not.
 * @param[in] tid A live thread of the process.
 * @param[in] map The mapping.
 * @param[out] ret Lent; give back with graft_table_release(). What cannot be opened has
 * no tables.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_tables_get(struct graft_tables *tables, pid_t tid,
		 const struct graft_map *map, struct graft_table **ret);

/** Give tables back. NULL is a no-op. */
void
graft_table_release(struct graft_table *table);

#endif /* GRAFT_PROC_TABLES_H */
