// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where does one reference go? One function for each kind of thing that it can
 * name; resolve.c asks the right one.
 *
 * Each sets the place of the resolution, carries what must come along, and notes
 * a finding if nothing settles it. None decides whether that is safe.
 */

#ifndef GRAFT_DIFF_QUESTION_H
#define GRAFT_DIFF_QUESTION_H

#include "diff/closure/closure.h"

/** One reference with what is known around it. Plain data, all borrowed. */
struct graft_question {
	struct graft_closure *closure;
	const struct graft_ref *ref;
	/** The reference of OLD at the same place of the function, or NULL. */
	const struct graft_ref *partner;
	/** The answer; thing and place are written. */
	struct graft_resolution *resolution;
};

/** Make a finding about a reference. */
static inline struct graft_finding
graft_question_finding(const struct graft_question *q,
		       enum graft_finding_kind kind)
{
	return (struct graft_finding){ .kind = kind,
				       .func = q->resolution->func,
				       .addr = q->ref->at };
}

/** Answer: in the OLD module. */
static inline void
graft_question_put_old(struct graft_resolution *resolution, uint64_t old_addr)
{
	resolution->place = GRAFT_PLACE_OLD;
	resolution->old_addr = old_addr;
}

/** A reference to code. */
GRAFT_MUST_CHECK struct graft_error *
graft_question_code(const struct graft_question *q);

/**
 * The address of a function of another module, which in a program at a fixed address
 * is that of its stub: for all modules, if the linker says so.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_stub(const struct graft_question *q);

/** A reference to a constant or a jump table. */
GRAFT_MUST_CHECK struct graft_error *
graft_question_constant(const struct graft_question *q);

/**
 * Find the OLD constant that stands for one: in the code or by contents.
 *
 * @param[in] access Bytes that are read right there, or 0 for the whole object.
 * @param[out] old_ret OLD constant at the same place of the code, or 0, whether
 * it is the same or not.
 * @param[out] done Whether the question is answered.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_find_constant(const struct graft_question *q, uint64_t access,
			     uint64_t *old_ret, bool *done);

/** A reference to writable data. */
GRAFT_MUST_CHECK struct graft_error *
graft_question_data(const struct graft_question *q);

/**
 * A reference to the end of what code walks over, which the flow of data showed.
 *
 * @param[out] done Whether the question is answered, or noted as a finding.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_end(const struct graft_question *q, bool *done);

/** A reference to the thread block. */
GRAFT_MUST_CHECK struct graft_error *
graft_question_tls(const struct graft_question *q);

/**
 * Answer with the OLD address that the code speaks for, unless the names of what
 * stands there speak against it: that a changed function does to one object what
 * it did to another is just what a change may be.
 *
 * @param[out] done Whether there is an answer: the address, or a finding.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_settle(const struct graft_question *q, uint64_t old_addr,
		      bool *done);

/**
 * Look whether what the symbols say is new has the place in the code of an
 * object that is gone: it got another name (a static local that became global),
 * or is another.
 *
 * @param[out] done Whether that is so and answered, perhaps by a finding.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_renamed(const struct graft_question *q, bool *done);

/**
 * Note a finding if the code may mean another object than the one that symbols
 * show at an address: one that it is in front of, or more of it than there is.
 *
 * @param[in] old_addr Where the address is in OLD by that object's symbol; NULL if
 * the object may be new.
 * @param[out] done Whether there is a finding.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_question_front(const struct graft_question *q, const uint64_t *old_addr,
		     bool *done);

/** Count how often a function takes an address; never if it is #GRAFT_NONE. */
uint32_t
graft_question_count_taken(const struct graft_code *code, uint32_t func,
			   uint64_t addr);

#endif /* GRAFT_DIFF_QUESTION_H */
