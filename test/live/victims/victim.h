// SPDX-License-Identifier: Apache-2.0

/** @file What the victims' library has; built twice, as OLD and (-DNEW) as NEW. */

#ifndef VICTIM_H
#define VICTIM_H

/** OLD: 2x + 1; NEW: 3x + 2. Counts its calls. */
int
victim_answer(int x);

/** How often victim_answer() was called. */
long
victim_calls(void);

/** Calls itself @p depth times, sleeps @p ms at the bottom. OLD: depth; NEW:
 * twice that. */
int
victim_climb(int depth, int ms);

/** Reads a byte from @p fd. OLD: the byte; NEW: the byte + 1000. */
int
victim_block(int fd);

/** OLD: the length of @p text; NEW: its value by strtol(3), a new import. */
long
victim_parse(const char *text);

/** Calls @p fn. OLD: what it returns + 1; NEW: twice that, + 1. */
int
victim_call(int (*fn)(void));

#endif /* VICTIM_H */
