// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Where passphrases and PINs come from: a file, a descriptor, or the terminal.
 *
 * Never the command line and never the environment: other users and other programs can
 * read those. What was read is wiped when it was used.
 */

#ifndef GRAFT_TRUST_SECRETS_H
#define GRAFT_TRUST_SECRETS_H

#include "base/cleanup.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum {
	/** Longest passphrase, with its NUL. */
	GRAFT_SECRET_LEN = 1024,
};

/** A source of secrets. */
struct graft_secrets;

/**
 * Open a source. Also sees to it that this process leaves no core dump and can be traced
 * by root only, for good.
 *
 * @param[in] file Its lines are the secrets, in the order in which they are asked for;
 * a single one serves all. Nobody else may read it. NULL: none.
 * @param[in] fd The same from a descriptor, which is read to its end; -1: none. Without
 * file and descriptor the terminal is asked.
 * @param[out] ret New source; graft_secrets_close().
 * @return NULL; #GRAFT_ERROR_NOT_PERMITTED if others may read the file;
 * #GRAFT_ERROR_NOT_FOUND; #GRAFT_ERROR_LIMIT; #GRAFT_ERROR_BAD_INPUT; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_secrets_open(const char *file, int fd, struct graft_secrets **ret);

/**
 * Get the next secret.
 *
 * @param[in] what What it opens, for the question on the terminal.
 * @param[out] ret The secret; the caller wipes it.
 * @return NULL; #GRAFT_ERROR_NOT_FOUND if there is no more, or no terminal.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_secrets_next(struct graft_secrets *secrets, const char *what,
		   char ret[GRAFT_SECRET_LEN]);

/** Wipe and close a source. NULL is a no-op. */
void
graft_secrets_close(struct graft_secrets *secrets);
GRAFT_DEFINE_CLEANUP(struct graft_secrets, graft_secrets_close)

/**
 * Open a file that nobody but us may read, and which nobody but us or root could have put
 * there.
 *
 * @param[out] fd_ret Read-only; the caller closes it.
 * @return NULL; #GRAFT_ERROR_NOT_PERMITTED with what to do; #GRAFT_ERROR_NOT_FOUND;
 * #GRAFT_ERROR_UNSUPPORTED; #GRAFT_ERROR_OS.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_secrets_open_file(const char *path, int *fd_ret);

/** Wipe a buffer for good. Also a guard, of arrays of #GRAFT_SECRET_LEN. */
void
graft_secrets_wipe(char (*secret)[GRAFT_SECRET_LEN]);

#endif /* GRAFT_TRUST_SECRETS_H */
