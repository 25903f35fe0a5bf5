// SPDX-License-Identifier: Apache-2.0

#include "base/sha256.h"

#include "base/cleanup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

GRAFT_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

static struct graft_error *
library_error(void)
{
	return graft_error_new(GRAFT_ERROR_LIBRARY,
			       "libcrypto: SHA-256 failed");
}

struct graft_error *
graft_sha256(const void *bytes, size_t len, uint8_t ret[GRAFT_SHA256_LEN])
{
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(bytes, len, hash, NULL, EVP_sha256(), NULL) != 1)
		return library_error();
	memcpy(ret, hash, GRAFT_SHA256_LEN);
	return NULL;
}

struct graft_error *
graft_sha256_fd(int fd, uint64_t limit, uint8_t ret[GRAFT_SHA256_LEN])
{
	GRAFT_FREE uint8_t *chunk = malloc(CHUNK);
	if (!chunk)
		return graft_error_no_memory();
	GRAFT_CLEANUP(EVP_MD_CTX_freep)
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return library_error();

	for (uint64_t off = 0; off < limit;) {
		size_t want = limit - off < CHUNK ? (size_t)(limit - off)
						  : CHUNK;
		ssize_t n = pread(fd, chunk, want, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return graft_error_os(errno, "read");
		if (n == 0)
			break;
		if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
			return library_error();
		off += (uint64_t)n;
	}

	uint8_t hash[EVP_MAX_MD_SIZE];
	if (EVP_DigestFinal_ex(context, hash, NULL) != 1)
		return library_error();
	memcpy(ret, hash, GRAFT_SHA256_LEN);
	return NULL;
}
