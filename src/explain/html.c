// SPDX-License-Identifier: Apache-2.0

#include "explain/html.h"

#include "base/cleanup.h"
#include "base/sha256.h"
#include "explain/visible.h"

#include <stdint.h>
#include <string.h>

void
graft_html_put(struct graft_text *text, const char *str)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text seen = { 0 };

	graft_visible_put(&seen, str, strlen(str), SIZE_MAX);
	text->failed |= seen.failed;
	for (const char *at = graft_text_str(&seen); *at; at++) {
		switch (*at) {
		case '&':
			graft_text_put(text, "&amp;");
			break;
		case '<':
			graft_text_put(text, "&lt;");
			break;
		case '>':
			graft_text_put(text, "&gt;");
			break;
		case '"':
			graft_text_put(text, "&quot;");
			break;
		case '\'':
			graft_text_put(text, "&#39;");
			break;
		default:
			graft_text_put_bytes(text, at, 1);
		}
	}
}

void
graft_html_put_class(struct graft_text *text, const char *str)
{
	for (const char *at = str; *at; at++) {
		bool word = (*at >= 'a' && *at <= 'z') ||
			    (*at >= '0' && *at <= '9');
		graft_text_put_bytes(text, word ? at : "-", 1);
	}
}

struct graft_error *
graft_html_put_hash(struct graft_text *text, const char *str)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t hash[GRAFT_SHA256_LEN + 1] = { 0 };
	char out[(GRAFT_SHA256_LEN + 1) / 3 * 4 + 1];
	size_t len = 0;

	struct graft_error *err = graft_sha256(str, strlen(str), hash);
	if (err)
		return err;
	// RFC 4648: 32 bytes are ten groups of three and one of two.
	for (size_t i = 0; i < GRAFT_SHA256_LEN; i += 3) {
		uint32_t group = (uint32_t)hash[i] << 16 |
				 (uint32_t)hash[i + 1] << 8 |
				 (i + 2 < GRAFT_SHA256_LEN ? hash[i + 2] : 0U);
		for (int shift = 18; shift >= 0; shift -= 6)
			out[len++] = digits[group >> shift & 63];
	}
	out[len - 1] = '=';
	out[len] = '\0';
	graft_text_printf(text, "'sha256-%s'", out);
	return NULL;
}
