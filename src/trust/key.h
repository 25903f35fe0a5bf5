// SPDX-License-Identifier: Apache-2.0

/**
 * @file
 *
 * Public keys and signatures (libcrypto does the work).
 *
 * | keytype | scheme | public key | signature |
 * |---|---|---|---|
 * | `ed25519` | `ed25519` | 32 bytes in hexadecimal digits, or PEM | 64 bytes |
 * | `ecdsa`, `ecdsa-sha2-nistp256` | `ecdsa-sha2-nistp256` | PEM, or an uncompressed point in hexadecimal digits | DER |
 * | `rsa` | `rsassa-pss-sha256` | PEM | PSS with MGF1 and SHA-256, a salt of any length |
 *
 * A type or scheme that is not in the table is no error of the metadata that lists it:
 * such a key makes no valid signature.
 */

#ifndef GRAFT_TRUST_KEY_H
#define GRAFT_TRUST_KEY_H

#include "base/cleanup.h"
#include "base/error.h"
#include "base/sha256.h"
#include "trust/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/** Bytes of an id that is a hash in digits, with its NUL. */
	GRAFT_KEY_ID_LEN = 2 * GRAFT_SHA256_LEN + 1,
};

/** A public key. */
struct graft_key;

/**
 * Read a key.
 *
 * @param[in] node Its object in metadata, with `keytype`, `scheme` and `keyval`.
 * @param[out] ret New key; free with graft_key_free().
 * @return NULL; #GRAFT_ERROR_UNSUPPORTED of another kind or size;
 * #GRAFT_ERROR_BAD_INPUT.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_key_decode(const struct graft_node *node, struct graft_key **ret);

/**
 * Ask whether a signature is this key's over these bytes.
 *
 * @param[in] sig Hexadecimal digits; anything else is no signature.
 */
bool
graft_key_verify(const struct graft_key *key, const char *sig,
		 const void *bytes, size_t len);

/** Ask whether two keys are one, whatever they are called. */
bool
graft_key_equal(const struct graft_key *a, const struct graft_key *b);

/** Free a key. NULL is a no-op. */
void
graft_key_free(struct graft_key *key);
GRAFT_DEFINE_CLEANUP(struct graft_key, graft_key_free)

/**
 * Compute the id that a key has if it is called as those who write metadata do: SHA-256 of
 * the canonical form of its object, in digits.
 *
 * @return NULL; #GRAFT_ERROR_NO_MEMORY; #GRAFT_ERROR_LIBRARY.
 */
GRAFT_MUST_CHECK struct graft_error *
graft_key_id(const struct graft_node *node, char ret[GRAFT_KEY_ID_LEN]);

#endif /* GRAFT_TRUST_KEY_H */
