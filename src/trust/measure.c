// SPDX-License-Identifier: Apache-2.0

#include "trust/measure.h"

#include "base/hex.h"

#include <openssl/evp.h>
#include <string.h>

enum { HASH_KINDS = 3 };

// The first that is there names a target.
static const char *const kinds[HASH_KINDS] = { "sha256", "sha512", "sha384" };

struct graft_measure {
	const struct graft_node *length;
	uint64_t seen;
	/** One for each kind, or NULL. */
	EVP_MD_CTX *contexts[HASH_KINDS];
	uint8_t expected[HASH_KINDS][EVP_MAX_MD_SIZE];
	size_t expected_len[HASH_KINDS];
};

void
graft_measure_free(struct graft_measure *measure)
{
	if (!measure)
		return;
	for (int i = 0; i < HASH_KINDS; i++)
		EVP_MD_CTX_free(measure->contexts[i]);
	free(measure);
}

GRAFT_MUST_CHECK static struct graft_error *
library_error(void)
{
	return graft_error_new(GRAFT_ERROR_LIBRARY,
			       "libcrypto: hashing failed");
}

static const EVP_MD *
algorithm(int kind)
{
	return kind == 0   ? EVP_sha256()
	       : kind == 1 ? EVP_sha512()
			   : EVP_sha384();
}

GRAFT_MUST_CHECK static struct graft_error *
begin_kind(struct graft_measure *measure, int kind, const char *digits)
{
	struct graft_error *err = graft_hex_decode(
		digits, sizeof(measure->expected[kind]),
		measure->expected[kind], &measure->expected_len[kind]);
	if (!err && measure->expected_len[kind] !=
			    (size_t)EVP_MD_get_size(algorithm(kind)))
		err = graft_error_new(GRAFT_ERROR_BAD_INPUT,
				      "not as long as such a hash");
	if (err)
		return graft_error_prefix(err, "%s", kinds[kind]);
	measure->contexts[kind] = EVP_MD_CTX_new();
	if (!measure->contexts[kind])
		return graft_error_no_memory();
	if (EVP_DigestInit_ex(measure->contexts[kind], algorithm(kind), NULL) !=
	    1)
		return library_error();
	return NULL;
}

struct graft_error *
graft_measure_begin(const struct graft_node *file, struct graft_measure **ret)
{
	const struct graft_node *hashes = graft_node_get(file, "hashes");
	GRAFT_CLEANUP(graft_measure_freep)
	struct graft_measure *measure = calloc(1, sizeof(*measure));
	bool known = false;

	if (!measure)
		return graft_error_no_memory();
	measure->length = graft_node_get(file, "length");
	for (int i = 0; i < HASH_KINDS; i++) {
		const struct graft_node *hash = graft_node_get(hashes,
							       kinds[i]);
		if (!hash)
			continue;
		struct graft_error *err = begin_kind(measure, i, hash->text);
		if (err)
			return err;
		known = true;
	}
	if (hashes && !known)
		return graft_error_new(GRAFT_ERROR_UNSUPPORTED,
				       "it has no hash of a known kind "
				       "(sha256, sha384, sha512)");
	*ret = GRAFT_TAKE(measure);
	return NULL;
}

struct graft_error *
graft_measure_add(struct graft_measure *measure, const void *bytes, size_t len)
{
	measure->seen += len;
	if (measure->length &&
	    measure->seen > (uint64_t)measure->length->number)
		return graft_error_new(GRAFT_ERROR_LIMIT,
				       "it is longer than the %lld bytes that "
				       "are signed",
				       (long long)measure->length->number);
	for (int i = 0; i < HASH_KINDS; i++) {
		if (measure->contexts[i] &&
		    EVP_DigestUpdate(measure->contexts[i], bytes, len) != 1)
			return library_error();
	}
	return NULL;
}

struct graft_error *
graft_measure_end(struct graft_measure *measure)
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (measure->length &&
	    measure->seen != (uint64_t)measure->length->number)
		return graft_error_new(
			GRAFT_ERROR_BAD_INPUT,
			"it has %llu bytes of the %lld that are signed",
			(unsigned long long)measure->seen,
			(long long)measure->length->number);
	for (int i = 0; i < HASH_KINDS; i++) {
		if (!measure->contexts[i])
			continue;
		if (EVP_DigestFinal_ex(measure->contexts[i], hash, NULL) != 1)
			return library_error();
		if (memcmp(hash, measure->expected[i],
			   measure->expected_len[i]) != 0)
			return graft_error_new(GRAFT_ERROR_BAD_INPUT,
					       "its %s is not the one that is "
					       "signed",
					       kinds[i]);
	}
	return NULL;
}

struct graft_error *
graft_measure_bytes(const struct graft_node *file, const void *bytes,
		    size_t len)
{
	GRAFT_CLEANUP(graft_measure_freep) struct graft_measure *measure = NULL;
	struct graft_error *err = graft_measure_begin(file, &measure);

	if (!err)
		err = graft_measure_add(measure, bytes, len);
	if (!err)
		err = graft_measure_end(measure);
	return err;
}

const char *
graft_measure_prefix(const struct graft_node *file)
{
	const struct graft_node *hashes = graft_node_get(file, "hashes");

	for (int i = 0; i < HASH_KINDS; i++) {
		const struct graft_node *hash = graft_node_get(hashes,
							       kinds[i]);
		if (hash)
			return hash->text;
	}
	return NULL;
}
