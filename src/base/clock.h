// SPDX-License-Identifier: Apache-2.0

/** @file Time: of the calendar for records, of a monotonic clock for lengths. */

#ifndef GRAFT_BASE_CLOCK_H
#define GRAFT_BASE_CLOCK_H

#include <stdint.h>

/** Get the Unix time in microseconds. For records and people. */
uint64_t
graft_clock_now_us(void);

/** Get microseconds since some moment; never goes back. For lengths of time. */
uint64_t
graft_clock_monotonic_us(void);

/**
 * Sleep, through signals, at least as long as asked.
 *
 * @param[in] length_us Microseconds. 0 returns at once.
 */
void
graft_clock_sleep_us(uint64_t length_us);

#endif /* GRAFT_BASE_CLOCK_H */
