// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Errors.
 *
 * Every function that can fail returns a `struct graft_error *`: NULL on success,
 * an error otherwise. An error says what went wrong (a code from errors.def),
 * where (a message that grows as it travels up) and, for system calls, the
 * errno. Results go through a last parameter named `ret`, which is written only
 * on success.
 *
 * This folder knows nothing of ELF, processes or the network.
 */

#ifndef GRAFT_BASE_ERROR_H
#define GRAFT_BASE_ERROR_H

/** Mark a result that the caller has to look at. */
#define GRAFT_MUST_CHECK __attribute__((__warn_unused_result__))

/** Mark a function that never returns NULL. */
#define GRAFT_NOT_NULL __attribute__((__returns_nonnull__))

/** Mark a printf-like function; the format is parameter @p fmt, from 1. */
#define GRAFT_PRINTF(fmt)                                                      \
	__attribute__((__format__(__printf__, fmt, (fmt) + 1)))

/** The same for a function that takes a va_list. */
#define GRAFT_VPRINTF(fmt) __attribute__((__format__(__printf__, fmt, 0)))

/** What went wrong. Stable: values are never reused, names go over the wire. */
enum graft_error_code {
#define GRAFT_ERROR(symbol, wire, status, kind, text) GRAFT_ERROR_##symbol,
#include "base/errors.def"
#undef GRAFT_ERROR
	GRAFT_ERROR_COUNT,
};

/** What the caller can do about it. */
enum graft_error_kind {
	/** This machine is in trouble. Stop, report, ask a person. */
	GRAFT_KIND_FAULT,
	/** What we were given is wrong. Asking again gives the same answer. */
	GRAFT_KIND_INPUT,
	/** It is not safe now. Nothing was changed; it may work later. */
	GRAFT_KIND_REFUSAL,
};

/** An error. NULL means success. */
struct graft_error;

/**
 * Make an error.
 *
 * @param[in] code What went wrong.
 * @param[in] fmt Where and with what values; printf-style, no final newline.
 * @return A new error, or a static out-of-memory error. Never NULL.
 */
GRAFT_PRINTF(2)
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_error_new(enum graft_error_code code, const char *fmt, ...);

/**
 * Make an error from a failed system call.
 *
 * @param[in] errnum The `errno` of the call, saved by the caller. Not 0.
 * @param[in] fmt What was attempted: "open %s", not "cannot open %s".
 * @return A new error, or a static out-of-memory error. Never NULL.
 */
GRAFT_PRINTF(2)
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_error_os(int errnum, const char *fmt, ...);

/** Get the error for failed allocations. It needs no memory. Never NULL. */
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_error_no_memory(void);

/**
 * Say where an error happened, in front of what it says so far.
 *
 * @param[in] err Error to extend; ownership passes in and comes back.
 * @param[in] fmt Context; printf-style. ": " is put behind it.
 * @return @p err. Without memory to extend it, @p err unchanged.
 */
GRAFT_PRINTF(2)
GRAFT_NOT_NULL
GRAFT_MUST_CHECK struct graft_error *
graft_error_prefix(struct graft_error *err, const char *fmt, ...);

/** Get the code of an error. @p err is not NULL. */
enum graft_error_code
graft_error_code(const struct graft_error *err);

/** Get what can be done about an error. @p err is not NULL. */
enum graft_error_kind
graft_error_kind(const struct graft_error *err);

/** Get the `errno` of the failed system call, or 0 if there was none. */
int
graft_error_errno(const struct graft_error *err);

/** Get the message: one line, no newline. Lives as long as @p err. */
const char *
graft_error_message(const struct graft_error *err);

/** Get the name under which a code travels to the fleet. Static. */
const char *
graft_error_wire(enum graft_error_code code);

/** Get the exit code of a command that ends with this code (errors.def). */
int
graft_error_status(enum graft_error_code code);

/** Get what a code means, in a few words. Static. */
const char *
graft_error_text(enum graft_error_code code);

/** Free an error. NULL is a no-op. */
void
graft_error_free(struct graft_error *err);

#endif /* GRAFT_BASE_ERROR_H */
