// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Scope guards: what a function opens, it closes on every way out.
 *
 * A guarded variable is always initialised where it is declared. Each module
 * defines the guard of its own type beside its destructor, with
 * GRAFT_DEFINE_CLEANUP().
 */

#ifndef GRAFT_BASE_CLEANUP_H
#define GRAFT_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

/** Call @p fn with a pointer to the variable when it goes out of scope. */
#define GRAFT_CLEANUP(fn) __attribute__((__cleanup__(fn)))

/** Define `<destructor>p()`, the guard for pointers that @p destructor frees. */
#define GRAFT_DEFINE_CLEANUP(type, destructor)                                 \
	static inline void destructor##p(type **p)                             \
	{                                                                      \
		destructor(*p);                                                \
	}

/** Free the variable at the end of its scope. */
#define GRAFT_FREE GRAFT_CLEANUP(graft_freep)
static inline void
graft_freep(void *p)
{
	free(*(void **)p);
}

/** Close the file descriptor at the end of its scope. Negative: nothing. */
#define GRAFT_CLOSE GRAFT_CLEANUP(graft_closep)
static inline void
graft_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/** Take a pointer out of a guarded variable: its scope no longer owns it. */
#define GRAFT_TAKE(p)                                                          \
	({                                                                     \
		__auto_type taken_ = (p);                                      \
		(p) = NULL;                                                    \
		taken_;                                                        \
	})

#endif /* GRAFT_BASE_CLEANUP_H */
