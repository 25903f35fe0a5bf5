// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Functions and variables as debug information names them.
 *
 * A subject has an address in the image. Two subjects of two builds are the same
 * if name, enclosing function and unit are; this file gives these, the comparing
 * is the caller's.
 */

#ifndef GRAFT_ELF_SUBJECTS_H
#define GRAFT_ELF_SUBJECTS_H

#include "elf/debug_info.h"

/** A function or variable that has an address. */
struct graft_subject {
	/** Entry of a function, start of a variable; for a thread-local one its
	 * offset in the thread's block as the linker laid it out. */
	uint64_t addr;
	/** As the source has it; "" if none. */
	const char *name;
	/** As the linker has it, or "" if that is the same. */
	const char *linkage;
	/** Linker's or source's name of the function around it, or "". */
	const char *scope;
	/** Unit that the source of it stands in. */
	uint32_t unit;
	/** The next one of the same kind at the same address (folded functions,
	 * repeated variables), or #GRAFT_DWARF_NONE. */
	uint32_t next;
	bool is_function;
	bool is_thread_local;
	/** A static variable of a function. Clang may leave out which one (the
	 * @ref scope is ""): it is one all the same. */
	bool is_local;
	/** Other units can see it. */
	bool external;
	/** A variable that was split; only a part of it is here. */
	bool partial;
};

/** A local variable, parameter or something alike of one function. */
struct graft_local {
	/** "" if the compiler made it. */
	const char *name;
	/** The function that it was written in, if that was inlined here; else
	 * "". */
	const char *scope;
	/** Type, for graft_dwarf_type(). */
	uint32_t type;
	/** A parameter of the function itself, in order. */
	bool parameter;
};

/** What a function is given, has and returns. */
struct graft_locals {
	struct graft_local *list;
	size_t count;
	/** Type that is returned. */
	uint32_t result;
	/** Takes more arguments than it names. */
	bool variadic;
	/** It was declared with its parameters (not K&R C). */
	bool prototyped;
};

/**
 * Read all functions, variables and names of types. Asked first by all that is
 * below; does nothing the second time.
 *
 * @return NULL; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_LIMIT;
 * #GRAFT_ERROR_NO_MEMORY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_scan(struct graft_dwarf *dwarf);

/** Get a subject by its number. Lives as long as @p dwarf. */
const struct graft_subject *
graft_dwarf_subject(const struct graft_dwarf *dwarf, uint32_t subject);

/** Get the number of subjects; functions come first. */
uint32_t
graft_dwarf_subject_count(const struct graft_dwarf *dwarf);

/** Find the function that code at an address belongs to (also its cut-off
 * parts), or #GRAFT_DWARF_NONE. After graft_dwarf_scan(). */
uint32_t
graft_dwarf_function_at(const struct graft_dwarf *dwarf, uint64_t addr);

/** Find the last variable that begins at or before an address, or
 * #GRAFT_DWARF_NONE. After graft_dwarf_scan(). */
uint32_t
graft_dwarf_variable_before(const struct graft_dwarf *dwarf, uint64_t addr);

/**
 * Get the type of a variable, or what a function returns.
 *
 * @param[out] ret For graft_dwarf_type().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_subject_type(struct graft_dwarf *dwarf, uint32_t subject,
			 uint32_t *ret);

/**
 * Get what a variable is aligned to: what the source asks for, or what its type
 * needs.
 *
 * @param[out] ret Bytes; 0 if unknown.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_subject_align(struct graft_dwarf *dwarf, uint32_t subject,
			  uint64_t *ret);

/**
 * Collect parameters and locals of a function, those of what was inlined into it
 * too.
 *
 * @param[out] ret Free with graft_locals_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_dwarf_locals(struct graft_dwarf *dwarf, uint32_t function,
		   struct graft_locals *ret);

/** Free locals, and zero them. Also their guard. */
void
graft_locals_deinit(struct graft_locals *locals);

#endif /* GRAFT_ELF_SUBJECTS_H */
