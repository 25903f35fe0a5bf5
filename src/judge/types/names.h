// SPDX-License-Identifier: Apache-2.0

/** @file Which variable of NEW a variable of OLD is, by its name. */

#ifndef GRAFT_JUDGE_TYPES_NAMES_H
#define GRAFT_JUDGE_TYPES_NAMES_H

#include "elf/subjects.h"
#include "elf/types.h"

/** A buffer for a variable's name: "counter of f in conn.c". */
struct graft_subject_text {
	char str[240];
};

/** Write a subject. */
struct graft_subject_text
graft_subject_print(const struct graft_dwarf *dwarf, uint32_t subject);

/** Say whether two subjects have the same name, function and unit. The folder
 * that a build was made in says nothing. */
bool
graft_subject_is_same(const struct graft_dwarf *a, uint32_t x,
		      const struct graft_dwarf *b, uint32_t y);

/** The subjects of one side by name. */
struct graft_subject_index {
	/** Borrowed. */
	const struct graft_dwarf *dwarf;
	/** Numbers of subjects; those of one name stand behind each other. */
	uint32_t *list;
	size_t count;
};

/** Sort the subjects of a side by name. @param[out] ret Free with
 * graft_subject_index_deinit(). */
GRAFT_MUST_CHECK struct graft_error *
graft_subject_index_make(const struct graft_dwarf *dwarf,
			 struct graft_subject_index *ret);

/** Free an index, and zero it. */
void
graft_subject_index_deinit(struct graft_subject_index *index);

/**
 * Find the subject of the other side that a subject is, by its name.
 *
 * If its unit has another name there, it is the only one of its name and function
 * on both sides.
 *
 * @param[in] own The side of @p subject; @p other the other one.
 * @return Its number; #GRAFT_DWARF_NONE if there is none, or if there are two at
 * different addresses.
 */
uint32_t
graft_subject_find(const struct graft_subject_index *own, uint32_t subject,
		   const struct graft_subject_index *other);

/**
 * Find the variable that an address is in.
 *
 * @param[in] end Also one that ends right there.
 * @param[out] ret Its number, or #GRAFT_DWARF_NONE.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_subject_at(struct graft_dwarf *dwarf, uint64_t addr, bool end,
		 uint32_t *ret);

/**
 * Get the type of a variable without what only qualifies or renames it.
 *
 * @param[out] number_ret Its number. @param[out] ret The type, borrowed.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_subject_peel(struct graft_dwarf *dwarf, uint32_t subject,
		   uint32_t *number_ret, const struct graft_type **ret);

/** Get the size of a variable; 0 if unknown. */
GRAFT_MUST_CHECK struct graft_error *
graft_subject_size(struct graft_dwarf *dwarf, uint32_t subject, uint64_t *ret);

#endif /* GRAFT_JUDGE_TYPES_NAMES_H */
