// SPDX-License-Identifier: Apache-2.0

/** @file Which argument registers a function reads, and whether it returns
 * something, as far as its code shows. */

#ifndef GRAFT_JUDGE_ARGUMENTS_H
#define GRAFT_JUDGE_ARGUMENTS_H

#include "judge/flow/op.h"

/** What the code of a function says of its signature. */
struct graft_arguments {
	/** Argument registers that may be read before they are written: bits
	 * of graft_op::reads. */
	uint32_t reads;
	/** Of those, the ones of which all 64 bits are used somewhere, which are
	 * copied as 32 bits, and which are handed on as they came. */
	uint32_t wide;
	uint32_t copied;
	uint32_t passed;
	/** Registers that hold something else after every way through it, but for
	 * what it saves and restores. */
	uint32_t destroys;
	/** It reads %al, as functions with `...` do. */
	bool variadic;
	/** On every way to a return %rax was written or a call made. */
	bool returns_value;
	/** Some way ends in a return. */
	bool returns;
};

/** Reads signatures, and remembers what it read of callees. */
struct graft_argument_reader {
	/** Borrowed. */
	const struct graft_code *code;
	/** One per level of calls and function; see arguments.c. */
	struct graft_arguments *known;
	bool *is_known;
};

/**
 * Make a reader.
 *
 * @param[in] code Borrowed until the reader is freed.
 * @param[out] ret Filled; free with graft_argument_reader_deinit().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_argument_reader_init(const struct graft_code *code,
			   struct graft_argument_reader *ret);

/** Free what a reader owns, and zero it. Also its guard. */
void
graft_argument_reader_deinit(struct graft_argument_reader *reader);

/**
 * Read the signature off a function.
 *
 * Follows every way from the entry. A register counts as read too if a call
 * passes it on to a function of this build that reads it.
 *
 * @param[out] ret What was found.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_arguments_read(struct graft_argument_reader *reader, uint32_t func,
		     struct graft_arguments *ret);

/** Get the registers of which a function uses 32 bits only, as it does with
 * arguments that have no more: bits as in graft_arguments::reads. */
uint32_t
graft_arguments_narrow(const struct graft_arguments *arguments);

/** Get the name of an argument register from its bit, as "%rdi". Static. */
const char *
graft_argument_name(uint32_t bit);

#endif /* GRAFT_JUDGE_ARGUMENTS_H */
