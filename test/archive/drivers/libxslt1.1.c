// SPDX-License-Identifier: Apache-2.0

// A transformation with keys, result tree fragments and generate-id(), which is
// what the update is about.

#include "driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char sheet_text[] =
	"<xsl:stylesheet version='1.0' "
	"xmlns:xsl='http://www.w3.org/1999/XSL/Transform'>"
	"<xsl:key name='k' match='item' use='@n'/>"
	"<xsl:variable name='tree'><a><b>1</b><b>2</b></a></xsl:variable>"
	"<xsl:template match='/'><out>"
	"<xsl:for-each select='//item'><xsl:sort select='@n'/>"
	"<i same='{generate-id(.)=generate-id(key(\"k\",@n))}'>"
	"<xsl:value-of select='.'/></i></xsl:for-each>"
	"<xsl:copy-of select='$tree'/></out></xsl:template>"
	"</xsl:stylesheet>";
static const char document_text[] =
	"<list><item n='2'>two</item><item n='1'>one</item></list>";

void
answer(void)
{
	void *xml = dlopen("libxml2.so.2", RTLD_NOW);
	if (!xml) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	void *(*read_memory)(const char *, int, const char *, const char *,
			     int) = dlsym(xml, "xmlReadMemory");
	void (*dump)(void *, unsigned char **,
		     int *) = dlsym(xml, "xmlDocDumpMemory");
	void (*free_doc)(void *) = dlsym(xml, "xmlFreeDoc");
	void *(*parse)(void *) = find("xsltParseStylesheetDoc");
	void *(*apply)(void *, void *,
		       const char **) = find("xsltApplyStylesheet");
	void (*free_sheet)(void *) = find("xsltFreeStylesheet");

	for (int i = 0; i < 3; i++) {
		unsigned char *text = NULL;
		int len = 0;

		void *sheet = parse(read_memory(
			sheet_text, sizeof(sheet_text) - 1, "a", NULL, 0));
		void *document = read_memory(
			document_text, sizeof(document_text) - 1, "b", NULL, 0);
		void *result = apply(sheet, document, NULL);
		dump(result, &text, &len);
		printf("%.*s\n", len, (const char *)text);
		free(text);
		free_doc(result);
		free_doc(document);
		free_sheet(sheet);
	}
}
