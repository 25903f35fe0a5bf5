// SPDX-License-Identifier: Apache-2.0

// Base64 and the decoding of authentication tokens, which the update corrects:
// complete ones, and some that are too long or no base64.

#include "driver.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
base64(const char *text)
{
	int (*encode)(const unsigned char *, size_t,
		      char **) = find("Base64Encode");
	int (*decode)(const char *, unsigned char **,
		      size_t *) = find("Base64Decode");
	unsigned char *bytes = NULL;
	char *encoded = NULL;
	size_t len = 0;

	printf("encode %d\n",
	       encode((const unsigned char *)text, strlen(text), &encoded));
	printf("decode %d\n", decode(encoded, &bytes, &len));
	printf("%s -> %s (%zu)\n", text, encoded, len);
	print_bytes("decoded", bytes, len);
}

void
answer(void)
{
	EVP_PKEY *(*load_private)(const char *) =
		find("load_privkey_from_base64");
	EVP_PKEY *(*load_public)(const char *) =
		find("load_pubkey_from_base64");
	int (*encode)(const char *, const char *, EVP_PKEY *,
		      char **) = find("encode_auth_setting");
	int (*decode)(int, const char *, EVP_PKEY *, char **, char **,
		      time_t *) = find("decode_auth_setting");
	static EVP_PKEY *key;
	char name[400];

	(void)load_private;
	(void)load_public;
	base64("");
	base64("a");
	base64("some text of a few words");
	base64("0123456789012345678901234567890123456789");
	if (!key)
		key = EVP_RSA_gen(2048);
	for (size_t len = 1; len < 200; len += 60) {
		char *token = NULL, *user = NULL, *password = NULL;
		time_t when = 0;

		memset(name, 'u', sizeof(name));
		name[len] = '\0';
		int status = encode(name, "secret", key, &token);
		printf("user of %zu: encode %d\n", len, status);
		if (!token)
			continue;
		status = decode(0, token, key, &user, &password, &when);
		printf("decode %d %s %s %d\n", status, user ? user : "-",
		       password ? password : "-", when > 0);
	}
}
