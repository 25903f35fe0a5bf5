// SPDX-License-Identifier: Apache-2.0

#include "trust/token.h"

#include "base/hex.h"

#include <string.h>

/** One `name=value` of a URI. */
struct attribute {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};

static bool
is_called(const struct attribute *attribute, const char *name)
{
	return attribute->name_len == strlen(name) &&
	       memcmp(attribute->name, name, attribute->name_len) == 0;
}

GRAFT_MUST_CHECK static struct graft_error *
wrong(const struct attribute *attribute, const char *what)
{
	return graft_error_new(GRAFT_ERROR_BAD_INPUT, "a URI: %.*s: %s",
			       (int)attribute->name_len, attribute->name, what);
}

/** Decode a value with its `%NN`. @return Number of bytes in @p len_ret. */
GRAFT_MUST_CHECK static struct graft_error *
unescape(const struct attribute *attribute, size_t room, uint8_t *ret,
	 size_t *len_ret)
{
	const char *at = attribute->value;
	const char *end = at + attribute->value_len;
	size_t len = 0;

	for (; at < end; len++) {
		size_t one = 0;
		if (len == room)
			return wrong(attribute, "too long");
		if (*at != '%') {
			ret[len] = (uint8_t)*at++;
			continue;
		}
		char digits[3] = { 0 };
		if (end - at < 3)
			return wrong(attribute, "'%' wants two digits");
		memcpy(digits, at + 1, 2);
		struct graft_error *err = graft_hex_decode(digits, 1, &ret[len],
							   &one);
		graft_error_free(err);
		if (err || one != 1)
			return wrong(attribute, "'%' wants two digits");
		at += 3;
	}
	*len_ret = len;
	return NULL;
}

/** Decode a value that is text. */
GRAFT_MUST_CHECK static struct graft_error *
take_text(const struct attribute *attribute, size_t room, char *ret)
{
	size_t len = 0;

	if (*ret)
		return wrong(attribute, "it is there twice");
	struct graft_error *err = unescape(attribute, room - 1, (uint8_t *)ret,
					   &len);
	if (err)
		return err;
	ret[len] = '\0';
	if (!len || memchr(ret, '\0', len))
		return wrong(attribute, "no text");
	return NULL;
}

GRAFT_MUST_CHECK static struct graft_error *
take(const struct attribute *attribute, bool query, struct graft_token_uri *uri)
{
	if (query)
		return is_called(attribute, "module-path")
			       ? take_text(attribute, sizeof(uri->module),
					   uri->module)
			       : wrong(attribute, "not understood");
	if (is_called(attribute, "token"))
		return take_text(attribute, sizeof(uri->token), uri->token);
	if (is_called(attribute, "serial"))
		return take_text(attribute, sizeof(uri->serial), uri->serial);
	if (is_called(attribute, "object"))
		return take_text(attribute, sizeof(uri->object), uri->object);
	if (is_called(attribute, "id") && !uri->id_len)
		return unescape(attribute, sizeof(uri->id), uri->id,
				&uri->id_len);
	if (is_called(attribute, "type") && attribute->value_len == 7 &&
	    memcmp(attribute->value, "private", 7) == 0)
		return NULL;
	return wrong(attribute, "not understood");
}

/** Take the attributes of one part of a URI. */
GRAFT_MUST_CHECK static struct graft_error *
take_part(const char *at, const char *end, bool query,
	  struct graft_token_uri *uri)
{
	while (at < end) {
		const char *stop = memchr(at, query ? '&' : ';',
					  (size_t)(end - at));
		stop = stop ? stop : end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));
		if (!equals)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "a URI: '=' is missing");
		const struct attribute attribute = {
			.name = at,
			.name_len = (size_t)(equals - at),
			.value = equals + 1,
			.value_len = (size_t)(stop - equals - 1),
		};
		struct graft_error *err = take(&attribute, query, uri);
		if (err)
			return err;
		at = stop + (stop < end);
	}
	return NULL;
}

struct graft_error *
graft_token_uri_read(const char *text, struct graft_token_uri *ret)
{
	static const char scheme[] = "pkcs11:";

	*ret = (struct graft_token_uri){ 0 };
	if (strncmp(text, scheme, strlen(scheme)) != 0)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a URI: it does not begin with "
				       "pkcs11:");
	// Wherever it stands: behind a wrong separator it would be a part of a path.
	if (strcasestr(text, "pin-value=") || strcasestr(text, "pin-source="))
		return graft_error_new(GRAFT_ERROR_NOT_PERMITTED,
				       "a URI: a PIN is no part of a command "
				       "line, which others can read: "
				       "--passphrase-file FILE");
	text += strlen(scheme);
	const char *end = text + strlen(text);
	const char *query = strchr(text, '?');
	struct graft_error *err = take_part(text, query ? query : end, false,
					    ret);
	if (!err && query)
		err = take_part(query + 1, end, true, ret);
	if (err)
		return err;
	if (!*ret->module)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a URI: which module? "
				       "...?module-path=/usr/lib/...so");
	if (!*ret->token && !*ret->serial)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a URI: which token? token=NAME");
	if (!*ret->object && !ret->id_len)
		return graft_error_new(GRAFT_ERROR_BAD_INPUT,
				       "a URI: which key? object=NAME");
	return NULL;
}
