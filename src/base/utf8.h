// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Strings that may be shown: UTF-8 without control characters.
 *
 * Names in a hotpatch or a file of settings come from somebody else and end on a
 * terminal, so one rule holds for all of them, when written and when read.
 */

#ifndef GRAFT_BASE_UTF8_H
#define GRAFT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Ask whether a character ends a line or turns around how those beside it are
 * shown (U+2028 to U+202E, U+2066 to U+2069): a name that is read before
 * somebody signs it shall not look like another one.
 *
 * @param[in] point Any number.
 */
bool
graft_utf8_turns(uint32_t point);

/**
 * Ask whether bytes are well-formed UTF-8 (no overlong form, no surrogate,
 * nothing above U+10FFFF) without control characters (C0, DEL, C1) and those of
 * graft_utf8_turns().
 *
 * @param[in] chars @p len bytes; no NUL needed behind them.
 */
bool
graft_utf8_printable(const char *chars, size_t len);

#endif /* GRAFT_BASE_UTF8_H */
