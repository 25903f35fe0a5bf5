// SPDX-License-Identifier: Apache-2.0

// What works without a server: connection strings, escaping, encodings.

#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The library's PQconninfoOption. */
struct option {
	char *keyword, *envvar, *compiled, *val, *label, *dispchar;
	int dispsize;
};

static void
parse(const char *text)
{
	struct option *(*info)(const char *, char **) = find("PQconninfoParse");
	void (*free_info)(struct option *) = find("PQconninfoFree");
	char *error = NULL;
	struct option *options = info(text, &error);

	printf("%s: %s\n", text, error ? error : "good\n");
	for (struct option *at = options; at && at->keyword; at++)
		if (at->val)
			printf("  %s=%s\n", at->keyword, at->val);
	free_info(options);
	free(error);
}

void
answer(void)
{
	size_t (*escape)(char *, const char *, size_t) = find("PQescapeString");
	unsigned char *(*escape_bytes)(const unsigned char *, size_t,
				       size_t *) = find("PQescapeBytea");
	unsigned char *(*unescape)(const unsigned char *,
				   size_t *) = find("PQunescapeBytea");
	char *(*encrypt)(const char *,
			 const char *) = find("PQencryptPassword");
	void *(*connect_db)(const char *) = find("PQconnectdb");
	int (*status)(void *) = find("PQstatus");
	void (*finish)(void *) = find("PQfinish");
	void *(*empty)(void *, int) = find("PQmakeEmptyPGresult");
	char *(*text_of)(int) = find("PQresStatus");
	void (*clear)(void *) = find("PQclear");
	char out[128];
	size_t len = 0;

	parse("host=localhost port=1 dbname='a b' user=x");
	parse("postgresql://u:p@h1:5,h2:6/db?sslmode=require");
	parse("postgresql://u:p@[::1");
	parse("nonsense");
	len = escape(out, "it's \\ a 'test'", 15);
	print_bytes("escaped", out, len);
	unsigned char *bytes = escape_bytes((const unsigned char *)"\0\1'x\\",
					    5, &len);
	print_bytes("bytea", bytes, len);
	free(unescape(bytes, &len));
	printf("unescaped %zu\n", len);
	free(bytes);
	char *hash = encrypt("password", "user");
	printf("hash %s\n", hash);
	free(hash);
	void *db = connect_db("host=127.0.0.1 port=1 connect_timeout=2");
	printf("status %d\n", status(db));
	finish(db);
	void *result = empty(NULL, 2);
	printf("result %s\n", text_of(2));
	clear(result);
}
