// SPDX-License-Identifier: Apache-2.0

/** @file What the parts of a signer share. Inside trust/ only. */

#ifndef GRAFT_TRUST_SIGNER_MODEL_H
#define GRAFT_TRUST_SIGNER_MODEL_H

#include "base/error.h"
#include "trust/secrets.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A key as its place gives it. */
struct graft_signer_parts {
	/** With the private half, if it is in a file. Owned by who gets the parts. */
	EVP_PKEY *pkey;
	/** The private half is in a token; NULL: not. Owned, too. */
	struct graft_token *token;
	/** @p pkey has the private half. */
	bool private;
	bool guarded;
};

/** Read a key from a file. As graft_signer_open(). */
GRAFT_MUST_CHECK struct graft_error *
graft_signer_read_file(const char *path, struct graft_secrets *secrets,
		       struct graft_signer_parts *ret);

/** Read a public key in PEM. @return NULL if it is none. */
EVP_PKEY *
graft_key_read_pem(const char *text, size_t len);

#endif /* GRAFT_TRUST_SIGNER_MODEL_H */
