// SPDX-License-Identifier: Apache-2.0

#include "trust/document_string.h"

#include <stdint.h>
#include <string.h>

/** Where bytes are read and written: what is decoded is never longer. */
struct scan {
	char *at;
	char *end;
	char *to;
};

/** Take four hexadecimal digits behind `\u`. @return The number, or -1. */
static int32_t
take_hex(struct scan *p)
{
	int32_t value = 0;

	if (p->end - p->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p->at[i];
		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	p->at += 4;
	return value;
}

/** Write a code point as UTF-8: never longer than its escape was. */
static char *
put_point(char *to, uint32_t point)
{
	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (char)(0xe0 | point >> 12);
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (char)(0xf0 | point >> 18);
		*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	return to;
}

/** Take what follows `\u`. */
static const char *
take_unicode(struct scan *p)
{
	int32_t point = take_hex(p);

	if (point < 0)
		return "\\u needs four hexadecimal digits";
	if (point == 0)
		return "a NUL in a string";
	if (point >= 0xdc00 && point <= 0xdfff)
		return "half a surrogate pair";
	if (point >= 0xd800 && point <= 0xdbff) {
		if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
			return "half a surrogate pair";
		p->at += 2;
		int32_t low = take_hex(p);
		if (low < 0xdc00 || low > 0xdfff)
			return "half a surrogate pair";
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	}
	p->to = put_point(p->to, (uint32_t)point);
	return NULL;
}

/** Take an escape; the parser stands behind the backslash. */
static const char *
take_escape(struct scan *p)
{
	static const char from[] = "\"\\/bfnrt";
	static const char into[] = "\"\\/\b\f\n\r\t";
	char c = p->at < p->end ? *p->at : '\0';
	const char *found = c ? strchr(from, c) : NULL;

	if (found) {
		*p->to++ = into[found - from];
		p->at++;
		return NULL;
	}
	if (c != 'u')
		return "no such escape";
	p->at++;
	return take_unicode(p);
}

/** Bytes of the well-formed UTF-8 sequence at @p s; 0 if there is none. */
static size_t
sequence_len(const uint8_t *s, size_t left)
{
	if (left >= 2 && s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (left >= 3 && (s[0] & 0xf0) == 0xe0) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
		    (s[0] == 0xe0 && s[1] < 0xa0) ||
		    (s[0] == 0xed && s[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (left >= 4 && s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 ||
		    (s[3] & 0xc0) != 0x80 || (s[0] == 0xf0 && s[1] < 0x90) ||
		    (s[0] == 0xf4 && s[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

/** Take a sequence of UTF-8 of more than one byte. */
static const char *
take_sequence(struct scan *p)
{
	size_t len = sequence_len((const uint8_t *)p->at,
				  (size_t)(p->end - p->at));

	if (len == 0)
		return "no UTF-8";
	memmove(p->to, p->at, len);
	p->to += len;
	p->at += len;
	return NULL;
}

/** Take what stands between the quotes. @return NULL, or what is wrong. */
static const char *
take_chars(struct scan *p)
{
	for (;;) {
		const char *what = NULL;
		uint8_t c = p->at < p->end ? (uint8_t)*p->at : 0;
		if (c == '"')
			return NULL;
		if (c < 0x20)
			return p->at < p->end
				       ? "a control character in a string"
				       : "a string without an end";
		if (c == '\\') {
			p->at++;
			what = take_escape(p);
		} else if (c >= 0x80) {
			what = take_sequence(p);
		} else {
			*p->to++ = (char)c;
			p->at++;
		}
		if (what)
			return what;
	}
}

const char *
graft_document_string(char **at, char *end, size_t *len_ret)
{
	char *start = *at + 1;
	struct scan scan = { .at = start, .end = end, .to = start };
	const char *what = take_chars(&scan);

	*at = scan.at;
	if (what)
		return what;
	// The quote at least made room for it.
	*scan.to = '\0';
	*len_ret = (size_t)(scan.to - start);
	(*at)++;
	return NULL;
}
