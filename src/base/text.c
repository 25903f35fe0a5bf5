// SPDX-License-Identifier: Apache-2.0

#include "base/text.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

/** Make room for @p len more bytes and the NUL. */
static bool
reserve(struct graft_text *text, size_t len)
{
	if (text->failed)
		return false;
	size_t need;
	if (__builtin_add_overflow(text->len, len, &need) ||
	    __builtin_add_overflow(need, 1, &need)) {
		text->failed = true;
		return false;
	}
	if (need <= text->room)
		return true;

	size_t room = text->room ? text->room : FIRST_ROOM;
	while (room < need && room <= SIZE_MAX / 2)
		room *= 2;
	if (room < need)
		room = need;
	char *str = realloc(text->str, room);
	if (!str) {
		text->failed = true;
		return false;
	}
	text->str = str;
	text->room = room;
	return true;
}

void
graft_text_deinit(struct graft_text *text)
{
	if (!text)
		return;
	free(text->str);
	*text = (struct graft_text){ 0 };
}

void
graft_text_printf(struct graft_text *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0) {
		text->failed = true;
		return;
	}
	if (!reserve(text, (size_t)len))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text->str + text->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	text->len += (size_t)len;
}

void
graft_text_put(struct graft_text *text, const char *str)
{
	graft_text_put_bytes(text, str, strlen(str));
}

void
graft_text_put_bytes(struct graft_text *text, const void *bytes, size_t len)
{
	if (!reserve(text, len))
		return;
	if (len > 0)
		memcpy(text->str + text->len, bytes, len);
	text->len += len;
	text->str[text->len] = '\0';
}

/**
 * Length of the UTF-8 character at @p s, or 0 if there is none that a terminal
 * may get: C0 and C1 controls, what turns text around, overlong forms and
 * surrogates are refused.
 */
static size_t
character_len(const uint8_t *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80             ? 1
		     : (s[0] & 0xe0) == 0xc0 ? 2
		     : (s[0] & 0xf0) == 0xe0 ? 3
		     : (s[0] & 0xf8) == 0xf0 ? 4
					     : 0;

	if (len <= 1)
		return len == 1 && s[0] >= 0x20 && s[0] != 0x7f;
	uint32_t value = s[0] & (0xffU >> (len + 1));
	// The NUL at the end is no continuation byte, so this stops there.
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3fU);
	}
	bool bad = value < least[len] || value > 0x10ffff ||
		   (value >= 0xd800 && value <= 0xdfff) || value < 0xa0 ||
		   graft_utf8_turns(value);
	return bad ? 0 : len;
}

void
graft_text_put_safe(struct graft_text *text, const char *str)
{
	const uint8_t *s = (const uint8_t *)str;

	while (*s) {
		size_t len = character_len(s);
		if (len > 0) {
			graft_text_put_bytes(text, s, len);
			s += len;
		} else {
			graft_text_printf(text, "\\x%02x", *s++);
		}
	}
}

const char *
graft_text_str(const struct graft_text *text)
{
	return text->str ? text->str : "";
}

struct graft_error *
graft_text_take(struct graft_text *text, char **ret)
{
	if (!reserve(text, 0)) {
		graft_text_deinit(text);
		return graft_error_no_memory();
	}
	text->str[text->len] = '\0';
	*ret = GRAFT_TAKE(text->str);
	graft_text_deinit(text);
	return NULL;
}
