// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The unwind tables of a process: for an address, how the frame there is undone.
 *
 * Tables come from the files behind the executable mappings, and for the vdso
 * from memory. They are opened before a stop. What libdw answers is kept in a
 * small cache, so that recursion and a second unwind are cheap.
 */

#ifndef GRAFT_PROC_CFI_H
#define GRAFT_PROC_CFI_H

#include "base/cleanup.h"
#include "base/error.h"
#include "proc/expression.h"
#include "proc/maps.h"
#include "proc/tables.h"
#include "proc/vmas.h"

/** How one register of the caller is found. */
enum graft_cfi_how {
	/** Unchanged by this frame. */
	GRAFT_CFI_SAME,
	/** Cannot be recovered. For the return address: the outermost frame. */
	GRAFT_CFI_UNDEFINED,
	/** In memory, at the CFA plus an offset. */
	GRAFT_CFI_AT_CFA,
	/** The CFA plus an offset. */
	GRAFT_CFI_CFA_PLUS,
	/** A register plus an offset. */
	GRAFT_CFI_REG_PLUS,
	/** What an expression says. */
	GRAFT_CFI_EXPRESSION,
	/** We cannot read the rule. */
	GRAFT_CFI_BAD,
};

/** The rule of one register, or of the CFA. */
struct graft_cfi_rule {
	enum graft_cfi_how how;
	unsigned reg;
	uint64_t off;
	const Dwarf_Op *ops;
	size_t op_count;
};

/** How the frame of one address is undone. */
struct graft_cfi_row {
	/** Address in the target, the key; 0 if the row is empty. */
	uint64_t addr;
	/** The caller is what a signal interrupted: its pc is exact. */
	bool signal;
	struct graft_cfi_rule cfa;
	struct graft_cfi_rule regs[GRAFT_DWARF_REGS];
	/** Owns what @ref cfa points to. */
	Dwarf_Frame *frame;
};

/** The tables of a process. */
struct graft_cfi;

/**
 * Open the tables of all modules that a process maps. A module without tables,
 * or one whose file is out of reach, has no rows.
 *
 * @param[in] pid Process, or any thread of it.
 * @param[in] maps Its mappings; borrowed for the call.
 * @param[in,out] tables Where those of files are kept; NULL: they are opened anew.
 * Borrowed until the tables of the process are freed.
 * @param[out] ret Free with graft_cfi_free().
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_cfi_new(pid_t pid, const struct graft_maps *maps,
	      struct graft_tables *tables, struct graft_cfi **ret);

/**
 * Begin with a new stop: before a module is used again, it is looked up whether
 * it is still mapped where it was.
 *
 * @param[in] vmas Borrowed until the next begin. NULL: trust what was read.
 */
void
graft_cfi_begin(struct graft_cfi *cfi, struct graft_vmas *vmas);

/**
 * Find the row of an address.
 *
 * @param[in] addr An address inside the frame's last instruction.
 * @return A row that is valid until the next call; NULL if no FDE covers the
 * address or it cannot be used.
 */
const struct graft_cfi_row *
graft_cfi_at(struct graft_cfi *cfi, uint64_t addr);

/** Free. NULL is a no-op. */
void
graft_cfi_free(struct graft_cfi *cfi);
GRAFT_DEFINE_CLEANUP(struct graft_cfi, graft_cfi_free)

#endif /* GRAFT_PROC_CFI_H */
