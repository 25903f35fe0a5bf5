// SPDX-License-Identifier: Apache-2.0

/** @file Tars whose headers are right, so that what is mutated is what they hold. */

#ifndef GRAFT_TEST_FUZZ_TAR_H
#define GRAFT_TEST_FUZZ_TAR_H

#include "base/text.h"

#include <stdio.h>
#include <string.h>

enum {
	TAR_BLOCK = 512,
	TAR_NAME_MAX = 100,
};

/** Append an entry. @param[in] type As a header has it: '0' is a file. */
static inline void
tar_entry(struct graft_text *out, char type, const char *name,
	  const char *bytes, size_t len)
{
	char header[TAR_BLOCK] = { 0 };
	unsigned int sum = 0;

	(void)snprintf(header, TAR_NAME_MAX, "%s", name);
	memcpy(header + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000\0",
	       24);
	(void)snprintf(header + 124, 12, "%011o", (unsigned int)len);
	memcpy(header + 136, "00000000000", 12);
	memset(header + 148, ' ', 8);
	header[156] = type;
	memcpy(header + 157, "link", 4);
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)header[i];
	(void)snprintf(header + 148, 7, "%06o", sum);
	graft_text_put_bytes(out, header, TAR_BLOCK);
	graft_text_put_bytes(out, bytes, len);
	static const char zeroes[TAR_BLOCK];
	graft_text_put_bytes(out, zeroes,
			     (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
}

#endif /* GRAFT_TEST_FUZZ_TAR_H */
