// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * A repository in memory: files by name, and a fetcher that serves them.
 *
 * All is signed by keys that are made from a number, so that no test needs to wait for one,
 * and the fuzz driver seals what it mutated with the same.
 */

#ifndef GRAFT_TEST_UNIT_TRUST_REPOSITORY_H
#define GRAFT_TEST_UNIT_TRUST_REPOSITORY_H

#include "base/hex.h"
#include "base/text.h"
#include "trust/canonical.h"
#include "trust/fetch.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPOSITORY_FILES_MAX = 32,
	REPOSITORY_KEY_LEN = 32,
	REPOSITORY_SIG_LEN = 64,
};

/** A file that is served. */
struct repository_file {
	char name[128];
	uint8_t *bytes;
	size_t len;
};

struct repository {
	struct repository_file files[REPOSITORY_FILES_MAX];
	size_t count;
	/** What was asked for, each with a blank behind it. */
	char asked[4096];
};

/** Make the key that belongs to a number. Ends the program if libcrypto cannot. */
static inline EVP_PKEY *
repository_key(int number)
{
	uint8_t seed[REPOSITORY_KEY_LEN] = { (uint8_t)number, 'g', 'r' };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
						     seed, sizeof(seed));

	if (!key)
		abort();
	return key;
}

/** Write the public half of a key, as `"kN":{...}` of `keys`. */
static inline void
repository_public(int number, struct graft_text *out)
{
	uint8_t raw[REPOSITORY_KEY_LEN];
	char digits[2 * REPOSITORY_KEY_LEN + 1];
	size_t len = sizeof(raw);
	EVP_PKEY *key = repository_key(number);

	if (EVP_PKEY_get_raw_public_key(key, raw, &len) != 1)
		abort();
	EVP_PKEY_free(key);
	graft_hex_encode(raw, len, digits);
	graft_text_printf(out,
			  "\"k%d\":{\"keytype\":\"ed25519\",\"scheme\":"
			  "\"ed25519\",\"keyval\":{\"public\":\"%s\"}}",
			  number, digits);
}

/** Write one signature over bytes. */
static inline void
repository_signature(int number, const void *bytes, size_t len,
		     struct graft_text *out)
{
	uint8_t raw[REPOSITORY_SIG_LEN];
	char digits[2 * REPOSITORY_SIG_LEN + 1];
	size_t raw_len = sizeof(raw);
	EVP_PKEY *key = repository_key(number);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context ||
	    EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(context, raw, &raw_len, bytes, len) != 1)
		abort();
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	graft_hex_encode(raw, raw_len, digits);
	graft_text_printf(out, "{\"keyid\":\"k%d\",\"sig\":\"%s\"}", number,
			  digits);
}

/**
 * Sign JSON: wrap it up with signatures of some keys.
 *
 * @param[in] json What is to be signed; what is none gets signatures over nothing.
 * @param[in] keys Numbers of keys; ends with 0.
 */
static inline void
repository_seal(const char *json, const int *keys, struct graft_text *out)
{
	struct graft_document *document = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;

	struct graft_error *err = graft_document_parse(json, strlen(json),
						       &document);
	if (!err)
		err = graft_canonical_make(graft_document_root(document),
					   &bytes, &len);
	graft_error_free(err);
	graft_text_put(out, "{\"signatures\":[");
	for (size_t i = 0; keys[i]; i++) {
		graft_text_put(out, i ? "," : "");
		repository_signature(keys[i], bytes, len, out);
	}
	graft_text_printf(out, "],\"signed\":%s}", json);
	graft_document_free(document);
	free(bytes);
}

static inline void
repository_deinit(struct repository *repository)
{
	for (size_t i = 0; i < repository->count; i++)
		free(repository->files[i].bytes);
	repository->count = 0;
}

/** Serve bytes under a name, in the place of what was served there. */
static inline void
repository_put(struct repository *repository, const char *name,
	       const void *bytes, size_t len)
{
	size_t i = 0;

	while (i < repository->count &&
	       strcmp(repository->files[i].name, name) != 0)
		i++;
	if (i == REPOSITORY_FILES_MAX)
		abort();
	if (i == repository->count)
		repository->count++;
	struct repository_file *file = &repository->files[i];
	free(file->bytes);
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	file->bytes = malloc(len + 1);
	if (!file->bytes)
		abort();
	memcpy(file->bytes, bytes, len);
	file->len = len;
}

/** The fetcher; its context is the repository. URLs are `mem:/NAME`. */
static inline struct graft_error *
repository_fetch(void *context, const struct graft_fetch_request *request)
{
	struct repository *repository = context;
	const char *name = request->url + strlen("mem:/");
	size_t len = strlen(repository->asked);

	(void)snprintf(repository->asked + len, sizeof(repository->asked) - len,
		       "%s ", name);
	for (size_t i = 0; i < repository->count; i++) {
		const struct repository_file *file = &repository->files[i];
		if (strcmp(file->name, name) != 0)
			continue;
		if (file->len > request->max_bytes)
			return graft_error_new(GRAFT_ERROR_LIMIT, "too long");
		return request->sink(request->sink_context, file->bytes,
				     file->len);
	}
	return graft_error_new(GRAFT_ERROR_NOT_FOUND, "no such file");
}

#endif /* GRAFT_TEST_UNIT_TRUST_REPOSITORY_H */
