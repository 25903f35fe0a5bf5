// SPDX-License-Identifier: Apache-2.0

#include "base/hex.h"

#include <string.h>

void
graft_hex_encode(const uint8_t *bytes, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * len] = '\0';
}

/** Value of a digit, or -1. Without isxdigit(3), which asks the locale. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct graft_error *
graft_hex_decode(const char *text, size_t max, uint8_t *ret, size_t *len_ret)
{
	size_t len = strlen(text);

	if (len % 2 != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "odd number of hexadecimal digits");
	if (len / 2 > max)
		return graft_error_new(
			GRAFT_ERROR_LIMIT,
			"%zu bytes of hexadecimal digits, more than %zu",
			len / 2, max);
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit_value(text[2 * i]);
		int low = digit_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "not hexadecimal, at digit %zu",
					       2 * i + (high >= 0));
		ret[i] = (uint8_t)(high << 4 | low);
	}
	*len_ret = len / 2;
	return NULL;
}
