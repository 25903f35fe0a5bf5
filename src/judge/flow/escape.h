// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * What becomes of an address that a register holds: followed along every way
 * through a function, through copies of registers and what is computed from it.
 */

#ifndef GRAFT_JUDGE_ESCAPE_H
#define GRAFT_JUDGE_ESCAPE_H

#include "judge/case.h"
#include "judge/flow/arguments.h"

/** What becomes of an address; a set. */
enum graft_escape {
	/** Stored outside of the frame. */
	GRAFT_ESCAPE_STORED = 1,
	/** Compared with something. */
	GRAFT_ESCAPE_COMPARED = 2,
	/** Handed on to a function, or put into the frame. */
	GRAFT_ESCAPE_PASSED = 4,
	GRAFT_ESCAPE_RETURNED = 8,
	/** What stands there is read by this code. */
	GRAFT_ESCAPE_READ = 16,
};

/** How an address is followed. */
struct graft_escape_way {
	/** Through words of the frame, and into the functions of the module that
	 * it is handed to: only what is not known counts as _PASSED. */
	bool deep;
	/** Says that an import does no harm with the address that it is handed;
	 * all others count as _PASSED. NULL: those that only read do none, and
	 * if @ref deep, none does. */
	bool (*harmless)(const char *import);
	/** Whose types say what functions take, or NULL. */
	const struct graft_case *types;
	/** The address is that of a constant that ends there; 0: not known. What is
	 * called by a pointer in it is one of the functions that it names. */
	uint64_t table;
	uint64_t table_end;
};

/**
 * Follow an address.
 *
 * @param[in] at Index of the instruction before which the registers hold it.
 * @param[in] regs Registers, a bit each.
 * @param[out] ret A set of #graft_escape.
 * @return NULL; #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_escape_follow(struct graft_argument_reader *reader,
		    const struct graft_ops *ops, uint32_t at, uint32_t regs,
		    struct graft_escape_way how, uint32_t *ret);

#endif /* GRAFT_JUDGE_ESCAPE_H */
