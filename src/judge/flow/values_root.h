// SPDX-License-Identifier: Apache-2.0

/** @file What expressions begin with. Private to values*.c. */

#ifndef GRAFT_JUDGE_VALUES_ROOT_H
#define GRAFT_JUDGE_VALUES_ROOT_H

enum {
	VAGUE = 1,
	/** Roots that are no hashes; odd ones are known only in part. */
	ROOT_UNKNOWN = 1,
	ROOT_CONSTANT = 2,
	/** Where ways meet that bring different things. */
	ROOT_MET = 3,
	/** An address of OLD. */
	ROOT_ADDRESS = 4,
	/** An address of NEW of which nobody knows what it was. */
	ROOT_NEW_ADDRESS = 5,
	/** The stack pointer at the entry. */
	ROOT_FRAME = 6,
};

#endif /* GRAFT_JUDGE_VALUES_ROOT_H */
