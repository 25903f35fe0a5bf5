// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * The constants among which a value is chosen. A zeroed choice is an unknown one.
 */

#ifndef GRAFT_JUDGE_CHOICE_H
#define GRAFT_JUDGE_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/** Most constants among which is chosen. */
	GRAFT_CHOICE_MAX = 8,
	/** A choice of more, or of what is no constant: nothing is known. */
	GRAFT_CHOICE_UNKNOWN = 0,
	/** What is read from a table of constants. */
	GRAFT_CHOICE_TABLE = 255,
};

/** What a value is chosen from. */
struct graft_choice {
	/** How many constants, ascending; or _UNKNOWN, or _TABLE. */
	uint8_t count;
	/** Bytes of an element of the table. */
	uint8_t size;
	int32_t list[GRAFT_CHOICE_MAX];
	/** How many elements of it are read at most; 0 if that is not known. */
	uint8_t rows;
	/** Where the table begins, in its own build; 0 without one. */
	uint64_t table;
};

/** Choose one constant; unknown if it takes more than 32 bits. */
struct graft_choice
graft_choice_of(int64_t value);

/** Choose one of two constants; unknown if either takes more than 32 bits. */
struct graft_choice
graft_choice_of_two(int64_t a, int64_t b);

/** Say whether all constants among which is chosen are known: no table, and not
 * unknown. */
bool
graft_choice_is_known(const struct graft_choice *choice);

/** Say whether two choices are among the same. */
bool
graft_choice_is_same(const struct graft_choice *a,
		     const struct graft_choice *b);

/**
 * Find a constant that one choice has and another has not.
 *
 * @param[out] value_ret The constant; written if true is returned.
 */
bool
graft_choice_only_in(const struct graft_choice *choice,
		     const struct graft_choice *other, int32_t *value_ret);

/** Put the constants of one choice into another, which becomes unknown if those
 * are too many. */
void
graft_choice_add(struct graft_choice *into, const struct graft_choice *from);

/**
 * Compute every constant that an operation makes of one from each of two choices.
 *
 * @param[in] mnemonic Operation (ZydisMnemonic) of two values.
 * @return The results; unknown if they are too many, or for an operation that is
 * not followed.
 */
struct graft_choice
graft_choice_combine(uint16_t mnemonic, const struct graft_choice *a,
		     const struct graft_choice *b);

#endif /* GRAFT_JUDGE_CHOICE_H */
