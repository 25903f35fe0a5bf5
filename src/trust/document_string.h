// SPDX-License-Identifier: Apache-2.0

/** @file A string of JSON, decoded where it stands. Inside trust/ only. */

#ifndef GRAFT_TRUST_DOCUMENT_STRING_H
#define GRAFT_TRUST_DOCUMENT_STRING_H

#include <stddef.h>

/**
 * Decode a string. It begins one byte behind where it began with its quote, and gets
 * a NUL at its end.
 *
 * @param[in,out] at At its first quote; behind its last one after it, or where it is
 * wrong.
 * @param[in] end Of the document.
 * @param[out] len_ret Bytes of UTF-8, without the NUL.
 * @return NULL; else what is wrong, static.
 */
const char *
graft_document_string(char **at, char *end, size_t *len_ret);

#endif /* GRAFT_TRUST_DOCUMENT_STRING_H */
