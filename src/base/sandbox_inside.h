// SPDX-License-Identifier: Apache-2.0

/** @file What the two sides of a sandbox share. Inside this folder only. */

#ifndef GRAFT_BASE_SANDBOX_INSIDE_H
#define GRAFT_BASE_SANDBOX_INSIDE_H

#include "base/sandbox.h"

#include <sys/types.h>

enum {
	/** Longest name of a file that is asked for; longest message of an error. */
	GRAFT_SANDBOX_NAME_MAX = 4096,
	GRAFT_SANDBOX_TEXT_MAX = 4096,
	/** A frame: what it is, then how long what follows is, little-endian. */
	GRAFT_SANDBOX_FRAME_LEN = 9,
	/** What frames are: a result; a file is asked for; an error, its number in 4 bytes
	 * before the text. */
	GRAFT_SANDBOX_RESULT = 'R',
	GRAFT_SANDBOX_OPEN = 'O',
	GRAFT_SANDBOX_ERROR = 'E',
	/** The answer about a file, of one byte: there is none; it comes with the byte. */
	GRAFT_SANDBOX_NONE = 'n',
	GRAFT_SANDBOX_FILE = 'f',
};

struct graft_sandbox {
	int fd;
};

/**
 * Be the process: give up all rights, do the work, and say what came of it.
 *
 * @param[in] bounds As graft_sandbox_bounds_of().
 * @param[in] fd To the other side.
 * @param[in] parent Who must be our parent.
 */
_Noreturn void
graft_sandbox_be(const struct graft_sandbox_work *work,
		 const struct graft_sandbox_bounds *bounds, int fd,
		 pid_t parent);

#endif /* GRAFT_BASE_SANDBOX_INSIDE_H */
