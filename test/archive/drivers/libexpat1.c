// SPDX-License-Identifier: Apache-2.0

// Documents, good and bad ones, parsed whole and byte by byte.

#include "driver.h"

#include <stdio.h>
#include <string.h>

static void
on_start(void *arg, const char *name, const char **attributes)
{
	unsigned *depth = arg;

	printf("%*s<%s", (int)(*depth)++, "", name);
	for (; *attributes; attributes += 2)
		printf(" %s=%s", attributes[0], attributes[1]);
	puts(">");
}

static void
on_end(void *arg, const char *name)
{
	unsigned *depth = arg;

	printf("%*s</%s>\n", (int)--*depth, "", name);
}

static void
on_text(void *arg, const char *text, int len)
{
	(void)arg;
	print_bytes("text", text, (size_t)len);
}

static void
parse(const char *document, int piece)
{
	void *(*create)(const char *) = find("XML_ParserCreate");
	void (*set_user)(void *, void *) = find("XML_SetUserData");
	void (*set_elements)(void *, void *,
			     void *) = find("XML_SetElementHandler");
	void (*set_text)(void *, void *) = find("XML_SetCharacterDataHandler");
	int (*feed)(void *, const char *, int, int) = find("XML_Parse");
	int (*error)(void *) = find("XML_GetErrorCode");
	void (*destroy)(void *) = find("XML_ParserFree");
	int len = (int)strlen(document);
	unsigned depth = 0;
	int status = 1;

	void *parser = create(NULL);
	set_user(parser, &depth);
	set_elements(parser, (void *)on_start, (void *)on_end);
	set_text(parser, (void *)on_text);
	for (int at = 0; status == 1 && at < len; at += piece) {
		int now = len - at < piece ? len - at : piece;
		status = feed(parser, document + at, now, at + now == len);
	}
	printf("status %d error %d\n", status, error(parser));
	destroy(parser);
}

void
answer(void)
{
	static const char *const documents[] = {
		"<?xml version='1.0'?><a b='1' c='&lt;2'><d/>text &amp; more"
		"<e>x</e></a>",
		"<!DOCTYPE a [<!ENTITY e 'value'><!ELEMENT a (#PCDATA|b)*>"
		"<!ATTLIST a k CDATA 'd'>]><a>&e;<b>&e;</b></a>",
		"<a><b></a>",
		"<a xmlns:x='y'><x:b/>",
		"",
		"<!DOCTYPE a [<!ELEMENT a ((b,c)|(d,(e|f)*))>]><a/>",
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		parse(documents[i], 4096);
		parse(documents[i], 1);
	}
}
