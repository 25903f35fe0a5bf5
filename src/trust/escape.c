// SPDX-License-Identifier: Apache-2.0

#include "trust/escape.h"

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/sha256.h"

#include <string.h>

/** NAME_MAX is 255; a temporary file beside has some letters more. */
enum { FILE_NAME_MAX = 240 };

// Without isalnum(3), which asks the locale.
static bool
stays(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

static void
escape(struct graft_text *out, const char *name, bool keep_slash)
{
	for (; *name; name++) {
		if (stays(*name) || (keep_slash && *name == '/'))
			graft_text_put_bytes(out, name, 1);
		else
			graft_text_printf(out, "%%%02X", (uint8_t)*name);
	}
}

void
graft_escape_component(struct graft_text *out, const char *name)
{
	escape(out, name, false);
}

void
graft_escape_path(struct graft_text *out, const char *path)
{
	escape(out, path, true);
}

struct graft_error *
graft_escape_file(const char *name, const char *suffix, char **ret)
{
	GRAFT_CLEANUP(graft_text_deinit) struct graft_text text = { 0 };
	uint8_t hash[GRAFT_SHA256_LEN];
	char digits[2 * GRAFT_SHA256_LEN + 1];

	if (*name == '.')
		graft_text_put(&text, "%2E");
	escape(&text, name + (*name == '.'), false);
	if (text.len + strlen(suffix) > FILE_NAME_MAX) {
		struct graft_error *err = graft_sha256(name, strlen(name),
						       hash);
		if (err)
			return err;
		graft_hex_encode(hash, sizeof(hash), digits);
		graft_text_deinit(&text);
		// A '+' is in no other name: what was quoted has none.
		graft_text_printf(&text, "sha256+%s", digits);
	}
	graft_text_put(&text, suffix);
	return graft_text_take(&text, ret);
}
