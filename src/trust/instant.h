// SPDX-License-Identifier: Apache-2.0

/** @file Instants of metadata: `2030-01-31T23:59:59Z`, in seconds of Unix time. */

#ifndef GRAFT_TRUST_INSTANT_H
#define GRAFT_TRUST_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/** Room for an instant as text, with its NUL. */
	GRAFT_INSTANT_LEN = 32,
};

/**
 * Read an instant: year, month, day, `T`, hour, minute, second, a fraction that is
 * dropped (some writers have one), `Z`.
 *
 * @param[out] ret Seconds since 1970.
 * @return false if it is anything else, or there is no such day.
 */
bool
graft_instant_parse(const char *text, int64_t *ret);

/** Write an instant. Years outside of 0 to 9999 are cut off to those. */
void
graft_instant_print(int64_t instant, char ret[GRAFT_INSTANT_LEN]);

#endif /* GRAFT_TRUST_INSTANT_H */
