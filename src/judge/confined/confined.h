// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where the addresses of objects go that live in frames.
 *
 * The objects of one struct, local variables of which debug information tells the
 * place, are followed on one side: through registers, words of frames, arguments of
 * calls, also of calls through a pointer of which the same search sees what it is.
 * The address may be moved by constants, and members may be read and written. All
 * else is a fault, and then nothing is known: an address that is stored elsewhere,
 * that another module or a call without known target gets, that comes back from a
 * call, that is put into a computation, that is one of two things; an access with an
 * index, or to more than one member, but for constants that are stored; a word that
 * holds the address and that the address of a variable may reach.
 *
 * What is found holds for every way through the code, and is asked for by
 * confined_same.h.
 */

#ifndef GRAFT_JUDGE_CONFINED_H
#define GRAFT_JUDGE_CONFINED_H

#include "base/cleanup.h"
#include "diff/diff.h"
#include "elf/subjects.h"
#include "judge/flow/graph.h"
#include "judge/flow/op.h"

/** A local variable of a function. */
struct graft_confined_var {
	/** #graft_local_place, and how far from there it begins. */
	uint8_t place;
	int64_t off;
	/** Bytes; 0 if unknown. */
	uint64_t size;
	/** It is an object that is followed. */
	bool object;
};

/** The local variables of a function that stand in its frame. */
struct graft_confined_frame {
	struct graft_confined_var *vars;
	size_t count;
	/** One of them is an object. */
	bool owner;
	/** Registers of arguments that it may be given; all if unknown. */
	uint8_t argument_count;
	/** It is given no numbers of floating point, and returns none. */
	bool no_vectors;
};

/** A member of the struct. */
struct graft_confined_member {
	const char *name;
	uint64_t off;
	uint64_t size;
};

/** What is asked about one side. */
struct graft_confined_question {
	/** Borrowed, as is all that follows. */
	const struct graft_code *code;
	const struct graft_graph *graph;
	/** Bytes of an object, and what it is made of. */
	uint64_t size;
	const struct graft_confined_member *members;
	size_t member_count;
	/** One per function. */
	const struct graft_confined_frame *frames;
	/** One per function: it is called by anybody, with anything. */
	const bool *roots;
	/** One per function: each call of it matters. */
	const bool *closed;
};

/** What is known of one side. */
struct graft_confined;

/**
 * Follow the objects.
 *
 * @param[in] question Borrowed until the result is freed.
 * @param[out] ret New; free with graft_confined_free().
 */
GRAFT_MUST_CHECK struct graft_error *
graft_confined_make(const struct graft_confined_question *question,
		    struct graft_confined **ret);

/** Free it. NULL is a no-op. */
void
graft_confined_free(struct graft_confined *confined);
GRAFT_DEFINE_CLEANUP(struct graft_confined, graft_confined_free)

/** Get why nothing is known, or NULL. @param[out] addr_ret Where. */
const char *
graft_confined_fault(const struct graft_confined *confined, uint64_t *addr_ret);

/** Say whether each call that was seen of a function hands it an object. */
bool
graft_confined_is_given(const struct graft_confined *confined, uint32_t func);

#endif /* GRAFT_JUDGE_CONFINED_H */
